"""A mutant: one deliberate bug, put into one module of the product while Python reads it. Nothing on disk changes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import msgspec

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "src" / "the_alchemiser"


class Mutant(msgspec.Struct, frozen=True):
    """`old`, which occurs once in the file, becomes `new`. `does` says in a sentence what goes wrong then."""

    name: str
    does: str
    file: str
    old: str
    new: str

    @property
    def module(self) -> str:
        """The module it is planted in."""
        return "the_alchemiser." + self.file.removesuffix(".py").replace("/", ".")

    def spoilt(self, source: str) -> str:
        """The source with the bug in it. Raises ValueError where there is no one place for it."""
        if source.count(self.old) != 1:
            raise ValueError(f"{self.name}: {source.count(self.old)} places in {self.file}, one is needed")
        return source.replace(self.old, self.new)

    def fault(self) -> str:
        """Why it cannot be planted; empty if it can."""
        try:
            compile(self.spoilt((PACKAGE / self.file).read_text()), self.file, "exec")
        except (OSError, ValueError, SyntaxError) as error:
            return f"{self.name}: {error}"
        return ""


class _Spoiler(SourceFileLoader):
    """Reads one module with the bug in it."""

    def __init__(self, mutant: Mutant, path: str) -> None:
        super().__init__(mutant.module, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        source = self._mutant.spoilt(Path(self.path).read_text())
        return compile(source, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        found = PathFinder.find_spec(fullname, path, target)
        assert found is not None
        assert found.origin is not None
        found.loader = _Spoiler(self._mutant, found.origin)
        return found


def plant(mutant: Mutant) -> None:
    """From now on this process imports the module with the bug in it."""
    assert mutant.module not in sys.modules, f"{mutant.module} is imported already"
    sys.meta_path.insert(0, _Finder(mutant))
