"""The private authority: what it may speak for, where its keys lie, when it is renewed."""

import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from the_alchemiser.exchange.certificates import (
    ADDRESSES,
    HOST_NAMES,
    CertificateError,
    Certificates,
    certificates,
    default_folder,
)


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def shake_hands(ca: Path, certificate: Path, key: Path, host: str) -> None:
    """A TLS handshake in memory; raises what a client would."""
    trusting, showing = ssl.create_default_context(cafile=ca), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    showing.load_cert_chain(certificate, key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=host)
    server = showing.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)


@pytest.fixture
def places(tmp_path: Path) -> Certificates:
    return certificates(tmp_path / "tls")


@pytest.mark.parametrize("host", [*HOST_NAMES, *ADDRESSES])
def test_every_name_of_alpaca_and_of_this_machine_is_served(places: Certificates, host: str) -> None:
    shake_hands(places.ca, places.certificate, places.key, host)


def test_no_other_name_is_served(places: Certificates) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(places.ca, places.certificate, places.key, "example.com")


@pytest.mark.parametrize("host", ["example.com", "127.0.0.2", "alpaca.markets", "broker-api.alpaca.markets"])
def test_the_authority_cannot_speak_for_anybody_else(places: Certificates, tmp_path: Path, host: str) -> None:
    authority = read(places.ca)
    authority_key = serialization.load_pem_private_key((places.ca.parent / "ca-key.pem").read_bytes(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    name: x509.GeneralName = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate, key_file = tmp_path / "forged.pem", tmp_path / "forged-key.pem"
    certificate.write_bytes(forged.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(places.ca, certificate, key_file, host)


def test_keys_are_for_the_owner_alone(places: Certificates) -> None:
    folder = places.ca.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keys = [folder / "ca-key.pem", places.key]
    assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600, 0o600]
    for key in keys:
        key.chmod(0o644)
    certificates(folder)
    assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600, 0o600]


def test_certificates_stay_until_they_are_near_their_end(tmp_path: Path) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    made = certificates(tmp_path, begin)
    authority, certificate = read(made.ca), read(made.certificate)
    later = certificates(tmp_path, begin + timedelta(days=334))
    assert (read(later.ca), read(later.certificate)) == (authority, certificate)
    later = certificates(tmp_path, begin + timedelta(days=336))
    assert read(later.ca) == authority
    assert read(later.certificate) != certificate
    later = certificates(tmp_path, begin + timedelta(days=701))
    renewed = read(later.ca)
    assert renewed != authority
    assert read(later.certificate).issuer == renewed.subject
    assert renewed.not_valid_after_utc - renewed.not_valid_before_utc < timedelta(days=731)


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "server.pem", "server-key.pem"])
@pytest.mark.parametrize(
    "content", [None, b"", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"]
)
def test_a_damaged_file_is_replaced(places: Certificates, name: str, content: bytes | None) -> None:
    damaged = places.ca.parent / name
    damaged.unlink() if content is None else damaged.write_bytes(content)
    certificates(places.ca.parent)
    shake_hands(places.ca, places.certificate, places.key, "localhost")


def test_a_key_of_another_certificate_is_replaced(places: Certificates, tmp_path: Path) -> None:
    other = certificates(tmp_path / "other")
    places.key.write_bytes(other.key.read_bytes())
    certificates(places.ca.parent)
    shake_hands(places.ca, places.certificate, places.key, "localhost")


def test_two_exchanges_that_start_at_once_share_one_authority(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(certificates, [tmp_path / "tls"] * 8))
    assert len({read(places.ca) for places in made}) == 1
    shake_hands(made[0].ca, made[0].certificate, made[0].key, "localhost")


def test_a_folder_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CertificateError, match="cannot keep certificates in "):
        certificates(tmp_path / "file" / "tls")


def test_certificates_lie_beside_the_state_or_with_the_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_folder(tmp_path / "log.jsonl") == tmp_path / "tls"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder(None) == tmp_path / "the-alchemiser" / "tls"
