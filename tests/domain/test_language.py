"""What the language is made of: exact money, values that do not change, and words in one order of dependence."""

from __future__ import annotations

import ast
import pkgutil
import typing
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

import the_alchemiser.domain as domain
from the_alchemiser.domain import effects, facts, intent, market, money, orders, portfolio
from the_alchemiser.domain.market import Bar
from the_alchemiser.domain.orders import Order

MODULES = [
    import_module(f"{domain.__name__}.{module.name}") for module in pkgutil.iter_modules(domain.__path__)
]
MONEY_WORDS = (
    "price",
    "cash",
    "equity",
    "shares",
    "dollars",
    "notional",
    "cost",
    "filled",
    "booked",
    "power",
)


def structs(*modules: Any) -> list[type[msgspec.Struct]]:
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
    ]


def mentions(kind: Any, wanted: type) -> bool:
    return kind is wanted or any(mentions(part, wanted) for part in typing.get_args(kind))


@pytest.mark.spec("S0-21")
def test_no_money_or_quantity_is_a_float_anywhere_in_the_language() -> None:
    assert {money.Dollars, money.Price, money.Shares, money.Weight} == {Decimal}
    for kind in structs(effects, facts, intent, market, orders, portfolio):
        if kind is Bar:
            continue  # Bars are measurements; whatever of them becomes an order passes through from_measurement.
        for name, hint in typing.get_type_hints(kind).items():
            assert not mentions(hint, float), f"{kind.__name__}.{name} may be a float"
            is_count = hint is int
            if not is_count and any(word in name.split("_") for word in MONEY_WORDS):
                assert mentions(hint, Decimal), f"{kind.__name__}.{name} is not a Decimal"


@pytest.mark.spec("S0-21")
def test_nothing_but_the_one_door_makes_a_decimal_of_a_float() -> None:
    """By reading the core: `Decimal(x)` and `decimal(x)` are never given a float, nor is money made by float()."""
    package = Path(next(iter(domain.__path__))).parent
    core = [*(package / "domain").glob("*.py"), *(package / "pipeline").glob("*.py"), *package.glob("*.py")]
    for file in core:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Decimal":
                given = node.args[0]
                is_text = isinstance(given, ast.Constant) and isinstance(given.value, str | int)
                assert is_text or file.name == "money.py", (
                    f"{file.name}:{node.lineno} makes a Decimal of its own"
                )


def test_values_do_not_change_but_for_the_one_that_is_a_merged_truth() -> None:
    changing = [kind for kind in structs(*MODULES) if not kind.__struct_config__.frozen]
    assert set(changing) == {Order, Bar}, "an order gathers reports; a bar is made a million times a second"


@pytest.mark.spec("S1-07")
def test_the_words_of_the_market_know_nothing_of_trading_and_money_knows_nothing_at_all() -> None:
    """Common words (money, instants), then the market, then orders, then what is held and what is wanted."""
    layers = [
        *(
            ["money", "instants", "errors", "probes", "hearing", "departure"],
            ["market"],
            ["orders"],
            ["intervals"],
            ["portfolio", "intent"],
        ),
        *(["effects", "events", "facts"],),
    ]
    rank = {name: number for number, layer in enumerate(layers) for name in layer}
    assert set(rank) == {module.__name__.rpartition(".")[2] for module in MODULES}
    for module in MODULES:
        name = module.__name__.rpartition(".")[2]
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                imported = str(node.module)
                assert rank[imported] < rank[name] or imported == "errors", f"{name} imports {imported}"
