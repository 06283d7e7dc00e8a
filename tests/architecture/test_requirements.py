"""What is installed on a fresh machine is exactly what was locked, from wherever the machine installs."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LOCKS = {
    "requirements.lock": ("build",),
    "requirements-dev.lock": ("build", "dev"),
    "requirements-bench.lock": ("bench",),
}

# Clients of others in environments of their own; of one only what it imports is locked.
CLIENT_LOCKS = ("requirements-lumibot.lock", "requirements-alpaca-trade-api.lock")


def normal(requirement: str) -> str:
    """The name of a requirement as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]).lower()


def locked(name: str) -> dict[str, str]:
    """Names and everything that follows, to the next name."""
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / name).read_text(), flags=re.MULTILINE)
    return {normal(block): block for block in blocks if "==" in block}


@pytest.mark.parametrize("name", LOCKS)
def test_every_declared_requirement_is_locked(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [entry for extra in LOCKS[name] for entry in project["optional-dependencies"][extra]]
    declared = {normal(entry) for entry in (*project["dependencies"], *extras)}
    assert declared - set(locked(name)) == set()


@pytest.mark.parametrize("name", CLIENT_LOCKS)
def test_every_requirement_of_a_client_is_locked(name: str) -> None:
    wanted = (ROOT / "tests/clients" / name.replace(".lock", ".in")).read_text().splitlines()
    assert {normal(line) for line in wanted if not line.startswith("#")} - set(locked(name)) == set()


@pytest.mark.parametrize("name", ["javascript-3", "javascript-4"])
def test_a_lock_of_javascript_names_no_registry(name: str) -> None:
    packages = json.loads((ROOT / "tests/clients" / name / "package-lock.json").read_text())["packages"]
    assert [place for place, package in packages.items() if "resolved" in package] == []
    assert [place for place, package in packages.items() if place and "integrity" not in package] == []


@pytest.mark.parametrize("name", [*LOCKS, *CLIENT_LOCKS])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    assert [package for package, block in locked(name).items() if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", [*LOCKS, *CLIENT_LOCKS])
def test_a_lock_names_no_address_no_option_and_no_machine(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.findall(r"://|^--?[a-z]|file:|@ ", text, flags=re.MULTILINE) == []


def pins(name: str) -> dict[str, list[str]]:
    return {
        package: re.findall(r"^\S+==\S+", block, flags=re.MULTILINE)
        for package, block in locked(name).items()
    }


@pytest.mark.parametrize("name", ["requirements-dev.lock", "requirements-bench.lock"])
def test_what_is_tested_and_measured_is_what_is_run(name: str) -> None:
    larger = pins(name)
    assert {
        package: pin for package, pin in pins("requirements.lock").items() if larger.get(package) != pin
    } == {}
