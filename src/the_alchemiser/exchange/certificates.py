"""A private authority and the certificate it gives this exchange, so that clients which insist on TLS can come.

The authority can speak for nothing but this machine and Alpaca's host names (name constraints, path length 0). Its
key can still impersonate those names to whoever trusts it: trust it for one process (`SSL_CERT_FILE`,
`REQUESTS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS`), never for a whole system. Keys lie in files of mode 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST_NAMES = (
    "localhost",
    "api.alpaca.markets",
    "paper-api.alpaca.markets",
    "data.alpaca.markets",
    "data.sandbox.alpaca.markets",
    "stream.data.alpaca.markets",
    "stream.data.sandbox.alpaca.markets",
)
ADDRESSES = ("127.0.0.1", "::1")
AUTHORITY_LIFETIME = timedelta(days=730)
CERTIFICATE_LIFETIME = timedelta(days=365)
RENEWED_BEFORE_END = timedelta(days=30)
_CLOCK_TOLERANCE = timedelta(hours=1)  # a client's clock may be this far behind
LOCK_PATIENCE_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.02

_Key = ec.EllipticCurvePrivateKey


class CertificateError(Exception):
    """The folder of certificates cannot be used; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where they lie: the authority to trust, the certificate to show and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: _Key


def default_folder(state: Path | None) -> Path:
    """Beside the state file, or else in the user's own data folder."""
    if state is not None:
        return state.parent / "tls"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "the-alchemiser" / "tls"


def certificates(folder: Path, now: datetime | None = None) -> Certificates:
    """The certificates in `folder`, made or renewed where there are none that last. Raises CertificateError."""
    now = now or datetime.now(UTC)
    places = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    authority_key = folder / "ca-key.pem"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            authority = _read(places.ca, authority_key)
            if authority is None or not _lasts(authority.certificate, now):
                authority = _new_authority(now)
                _write(authority, places.ca, authority_key)
            server = _read(places.certificate, places.key)
            if server is None or not _lasts(server.certificate, now) or not _issued(server, authority):
                _write(_new_certificate(authority, now), places.certificate, places.key)
    except OSError as error:
        raise CertificateError(f"cannot keep certificates in {folder}: {error.strerror or error}") from error
    return places


def server_context(places: Certificates) -> ssl.SSLContext:
    """What a server needs to speak TLS with these. Raises CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(places.certificate, places.key)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(f"cannot use {places.certificate}: {error.strerror or error}") from error
    return context


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two exchanges that start at once make one authority."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(file)


def _read(certificate: Path, key: Path) -> _Pair | None:
    """A certificate and its key; None when either is missing, unreadable or not the other's."""
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
        secret = serialization.load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(secret, ec.EllipticCurvePrivateKey) or secret.public_key() != read.public_key():
        return None
    key.chmod(0o600)
    return _Pair(read, secret)


def _lasts(certificate: x509.Certificate, now: datetime) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin <= now and now + RENEWED_BEFORE_END < end


def _issued(server: _Pair, authority: _Pair) -> bool:
    """Whether this authority gave that certificate, for all names of today, and will outlive it."""
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
        names = server.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return list(names) == _names()


def _write(pair: _Pair, certificate: Path, key: Path) -> None:
    secret = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _replace(key, secret, 0o600)
    _replace(certificate, pair.certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Writes a file as a whole: a reader sees the old one or the new one."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(file, "wb") as writing:
        writing.write(content)
    part.replace(path)


def _names() -> list[x509.GeneralName]:
    hosts: list[x509.GeneralName] = [x509.DNSName(name) for name in HOST_NAMES]
    return [*hosts, *(x509.IPAddress(ip_address(address)) for address in ADDRESSES)]


def _subject(name: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "The Alchemiser")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _draft(subject: x509.Name, issuer: x509.Name, key: _Key, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_TOLERANCE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _new_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"Embedded exchange (simulated), authority of {now:%Y-%m-%d}")
    networks: list[x509.GeneralName] = [
        x509.IPAddress(IPv4Network("127.0.0.1/32")),
        x509.IPAddress(IPv6Network("::1/128")),
    ]
    names = [*(x509.DNSName(name) for name in HOST_NAMES), *networks]
    draft = (
        _draft(subject, subject, key, now)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(names, None), critical=True)
    )
    return _Pair(draft.sign(key, hashes.SHA256()), key)


def _new_certificate(authority: _Pair, now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    end = min(now + CERTIFICATE_LIFETIME, issuer.not_valid_after_utc)
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    draft = (
        _draft(_subject("Embedded exchange (simulated)"), issuer.subject, key, now)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(by, critical=False)
    )
    return _Pair(draft.sign(authority.key, hashes.SHA256()), key)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
