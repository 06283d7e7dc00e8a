"""The wheel is whole: prices, templates and migrations travel with the code, and it runs away from the repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = ROOT / "src" / "the_alchemiser"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    files = (path for path in SOURCES.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    expected = {path.relative_to(SOURCES.parent).as_posix() for path in files}
    assert expected - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_wheel_runs_away_from_the_repository(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    run = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import the_alchemiser.cli, the_alchemiser.bootstrap, the_alchemiser.exchange.venue.core\n"
        "print(the_alchemiser.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith(str(tmp_path))
