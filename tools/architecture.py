"""What import-linter cannot see: sizes, names, and what a syntax tree gives away.

Each check takes the folder of a package and returns one line for each fault, so that tests can show it a tree with a
planted one.
"""

from __future__ import annotations

import ast
import itertools
import re
import statistics
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent / "pyproject.toml"

FILE_LINES_MAX = 500
FILE_LINES_MEDIAN_MAX = 150
FUNCTION_LINES_MAX = 50
FUNCTION_LINES_MEDIAN_MAX = 8
FUNCTION_LINES_P95_MAX = 30
PARAMETERS_MAX = 8
"""Aim at five. Above eight nobody remembers the order."""

VAGUE_CLASS = re.compile(
    r"(Manager|Service|Helper|Handler|Base|Utils?|Processor|Wrapper|Factory|Controller|Impl)$"
)
NAMED_BY_THE_SPECIFICATION = frozenset({"AlpacaManager", "OrderManager", "RiskManager"})
VAGUE_MODULES = frozenset(
    "utils util helpers helper common base misc shared manager managers services factory types stuff tools".split()
)

IMPURE_CALLS = frozenset(
    "now utcnow today monotonic monotonic_ns perf_counter perf_counter_ns time_ns uuid1 uuid4 urandom".split()
)
IMPURE_NAMES = frozenset({"open", "print", "input", "id", "hash", "exec", "eval"})
IMPURE_MODULES = frozenset({"random", "secrets", "uuid", "time"})


@dataclass(frozen=True, slots=True)
class Sizes:
    """Line counts, by place."""

    files: dict[str, int]
    functions: dict[str, int]


def sources(package: Path) -> Iterator[tuple[str, ast.Module, str]]:
    """Every Python file of a package: its path inside, its tree, its text. Generated migrations are not style."""
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package).as_posix()
        if "migrations/versions" not in place:
            text = path.read_text(encoding="utf-8")
            yield place, ast.parse(text), text


def measure(package: Path) -> Sizes:
    """Lines of every file, and of every function without its docstring and decorators."""
    sizes = Sizes({}, {})
    for place, tree, text in sources(package):
        sizes.files[place] = text.count("\n")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                sizes.functions[f"{place}:{node.lineno} {node.name}"] = function_lines(node)
    return sizes


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From `def` to the last line, less the docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest value that at least `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def size_faults(package: Path) -> list[str]:
    """Files and functions over their budgets, and medians that have drifted."""
    sizes = measure(package)
    faults = [
        f"{place}: {n} lines of {FILE_LINES_MAX}" for place, n in sizes.files.items() if n > FILE_LINES_MAX
    ]
    for place, lines in sizes.functions.items():
        if lines > FUNCTION_LINES_MAX:
            faults.append(f"{place}: {lines} lines of {FUNCTION_LINES_MAX}")
    # A package of nothing but empty files has a median too.
    files = [lines for lines in sizes.files.values() if lines] or [0]
    functions = list(sizes.functions.values()) or [0]
    drifts = (
        ("file median", statistics.median(files), FILE_LINES_MEDIAN_MAX),
        ("function median", statistics.median(functions), FUNCTION_LINES_MEDIAN_MAX),
        ("function 95th percentile", percentile(functions, 95), FUNCTION_LINES_P95_MAX),
    )
    return faults + [
        f"{what} is {value:g} lines of {bound}" for what, value, bound in drifts if value > bound
    ]


def parameter_faults(package: Path) -> list[str]:
    """Functions with more parameters than anyone keeps apart."""
    faults = []
    for place, tree, _ in sources(package):
        if place.startswith("cli/"):
            continue  # A command has one for each of its flags.
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                count = sum(name not in ("self", "cls") for name in names)
                if count > PARAMETERS_MAX:
                    faults.append(
                        f"{place}:{node.lineno} {node.name}: {count} parameters of {PARAMETERS_MAX}"
                    )
    return faults


def name_faults(package: Path) -> list[str]:
    """Modules and classes named for their kind instead of for what they decide."""
    faults = []
    for place, tree, _ in sources(package):
        parts = Path(place).with_suffix("").parts
        faults += [f"{place}: {part} says nothing" for part in parts if part in VAGUE_MODULES]
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and _is_vague(node.name):
                faults.append(f"{place}:{node.lineno} class {node.name} says nothing")
    return faults


def _is_vague(name: str) -> bool:
    return name not in NAMED_BY_THE_SPECIFICATION and VAGUE_CLASS.search(name) is not None


def layers(project: Path = PROJECT) -> list[str]:
    """The top-level modules as the layers contract lists them, from the top down."""
    (contract,) = (each for each in _contracts(project) if each.get("containers") == ["the_alchemiser"])
    return [name.strip(" ()") for layer in contract["layers"] for name in layer.split("|")]


def core(project: Path = PROJECT) -> set[str]:
    """What must be pure: the engine, everything between it and the ports, and the language."""
    order = layers(project)
    return {*order[order.index("engine") : order.index("ports") + 1], "domain"}


def pure_by_contract(project: Path = PROJECT) -> set[str]:
    """The modules import-linter keeps from I/O."""
    (contract,) = (each for each in _contracts(project) if each["name"].startswith("The core does no I/O"))
    return {module.rpartition(".")[2] for module in contract["source_modules"]}


def _contracts(project: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(project.read_text())["tool"]["importlinter"]["contracts"]
    return found


def impurity_faults(package: Path) -> list[str]:
    """Clocks, randomness and I/O in the core, however they are reached."""
    faults = []
    pure = core()
    for place, tree, _ in sources(package):
        if Path(place).parts[0].removesuffix(".py") in pure:
            faults += [f"{place}:{line} {what}" for line, what in _impurities(tree)]
    return faults


def _impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in IMPURE_CALLS:
                yield node.lineno, f"calls .{name}()"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS | IMPURE_NAMES:
                yield node.lineno, f"calls {name}()"
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="random"):
                yield node.lineno, "uses numpy.random"
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in IMPURE_MODULES:
                yield node.lineno, f"uses {module}.{name}"
            case ast.ImportFrom(module=module) if module and module.split(".")[0] in IMPURE_MODULES:
                yield node.lineno, f"imports from {module}"


def approval_faults(package: Path) -> list[str]:
    """Places that build an ApprovedTrade although they are not the risk check."""
    return _builders(package, "ApprovedTrade", owner="pipeline/risk.py")


def _builders(package: Path, name: str, owner: str) -> list[str]:
    faults = []
    for place, tree, _ in sources(package):
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called == name:
                    if place != owner:
                        faults.append(f"{place}:{node.lineno} builds {name}; only {owner} may")
    return faults


WORKSHOP = ("build", "dev", "bench")
"""Extras for work on the product; the others are for its users, who leave them out until they need them."""


def dependency_faults(package: Path, project: Path, standard: frozenset[str]) -> list[str]:
    """Imports of libraries that pyproject.toml does not name: they would work by accident until they do not."""
    named = tomllib.loads(project.read_text())["project"]
    extras = (entries for extra, entries in named["optional-dependencies"].items() if extra not in WORKSHOP)
    declared = {_module_of(entry) for entry in itertools.chain(named["dependencies"], *extras)}
    known = declared | standard | {package.name}
    faults = set()
    for place, tree, _ in sources(package):
        for module in _imported(tree):
            if module not in known:
                faults.add(f"{place}: {module} is not among the dependencies")
    return sorted(faults)


MODULE_OF = {"alpaca-py": "alpaca", "python-dotenv": "dotenv"}


def _module_of(requirement: str) -> str:
    name = re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]
    return MODULE_OF.get(name, name.replace("-", "_"))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "sizes": size_faults,
    "parameters": parameter_faults,
    "names": name_faults,
    "purity": impurity_faults,
    "approval": approval_faults,
}
