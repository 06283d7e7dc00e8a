"""What a file of the user's bars must be, and what is said when it is not.

One CSV or Parquet file per symbol, named after it. Columns (any case): a time stamp named t, timestamp,
time, datetime or date; open, high, low, close (or o, h, l, c); volume (or v) if there is one. Time stamps
are ISO dates or date-times (without an offset: UTC), or whole seconds, milliseconds, microseconds or
nanoseconds since 1970. Rows ascend in time.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from the_alchemiser.exchange.market.barring import Ints
from the_alchemiser.exchange.market.bridge import on_grid
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".parquet")
_NAMES = {
    "at": ("t", "timestamp", "time", "datetime", "date"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v"),
}
_PRICES = ("open", "high", "low", "close")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_DOLLARS = 10_000_000


class BadBars(ValueError):
    """A file of bars that cannot be used; the text names the file, and the line and column where they are known."""


class BarTable(NamedTuple):
    """The bars of one symbol: starts in ns UTC, prices in 1e-4 dollars on the tick grid, whole shares."""

    symbol: str
    at: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    daily: bool
    width: int


def read_bar_files(folder: Path) -> list[BarTable]:
    """All bar files in `folder`, by symbol. Raises BadBars."""
    if not folder.is_dir():
        raise BadBars(f"{folder}: no such directory")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise BadBars(f"{folder}: no .csv or .parquet file in it")
    tables: dict[str, BarTable] = {}
    for file in files:
        table = read_bar_file(file)
        if table.symbol in tables:
            raise BadBars(f"{file}: a second file for the symbol {table.symbol}")
        tables[table.symbol] = table
    return [tables[symbol] for symbol in sorted(tables)]


def read_bar_file(file: Path) -> BarTable:
    """One file's bars. Raises BadBars."""
    frame = _read_frame(file)
    columns = _find_columns(file, frame.columns)
    if not frame.height:
        raise BadBars(f"{file}: no rows")
    at, dates_only = _instants(file, columns["at"], frame[columns["at"]].to_list())
    _check_ascending(file, columns["at"], at)
    dates_only = dates_only or _are_midnights(at)
    numbers = {name: _numbers(file, columns[name], frame) for name in columns if name != "at"}
    prices = {name: _prices(file, columns[name], numbers[name]) for name in _PRICES}
    _check_range(file, columns, prices)
    return BarTable(
        symbol=file.stem.upper(),
        at=at // DAY * DAY if dates_only else at,
        **prices,
        volume=_volumes(file, columns, numbers, frame.height),
        daily=dates_only,
        width=DAY if dates_only else _width(at),
    )


def _read_frame(file: Path) -> pl.DataFrame:
    import polars as pl

    try:
        if file.suffix.lower() == ".parquet":
            return pl.read_parquet(file)
        return pl.read_csv(file, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        _refuse_ragged_line(file)
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadBars(f"{file}: cannot be read: {first}") from None


def _refuse_ragged_line(file: Path) -> None:
    """Name the first line of a CSV file that has not as many fields as its header."""
    if file.suffix.lower() != ".csv":
        return
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        wanted = 0
        for number, fields in enumerate(csv.reader(lines), start=1):
            wanted = wanted or len(fields)
            if len(fields) != wanted:
                raise BadBars(f"{file}: line {number}: {len(fields)} fields where the header has {wanted}")


def _find_columns(file: Path, names: list[str]) -> dict[str, str]:
    by_lower = {name.strip().lower(): name for name in names}
    found = {}
    for wanted, aliases in _NAMES.items():
        match = next((by_lower[alias] for alias in aliases if alias in by_lower), None)
        if match is not None:
            found[wanted] = match
        elif wanted != "volume":
            raise BadBars(f"{file}: no column {' or '.join(aliases)}; there is {', '.join(names)}")
    return found


def _place(file: Path, row: int, column: str) -> str:
    # A CSV file's first row stands in its second line.
    where = f"line {row + 2}" if file.suffix.lower() == ".csv" else f"row {row + 1}"
    return f"{file}: {where}, column {column}"


def _instants(file: Path, column: str, values: list[Any]) -> tuple[Ints, bool]:
    """The time stamps in ns, and whether all of them are dates rather than times of day."""
    result = np.empty(len(values), dtype=np.int64)
    dates_only = True
    for row, value in enumerate(values):
        try:
            result[row], is_date = _instant(value)
        except (ValueError, TypeError, OverflowError):
            raise BadBars(f"{_place(file, row, column)}: not a time stamp: {value!r}") from None
        dates_only = dates_only and is_date
    return result, dates_only


def _instant(value: object) -> tuple[int, bool]:
    if isinstance(value, str):
        text = value.strip()
        if len(text) == 10 and text[4] == "-":
            value = date.fromisoformat(text)
        elif text.isdigit():
            value = int(text)
        else:
            value = datetime.fromisoformat(text)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        passed = aware - _EPOCH
        return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds * 1000, False
    if isinstance(value, date):
        return (value.toordinal() - _EPOCH.toordinal()) * DAY, True
    if isinstance(value, int):
        return _scaled_instant(value), False
    raise TypeError(value)


def _scaled_instant(number: int) -> int:
    """Nanoseconds from a count whose unit its size gives away: all of them mean years 1973 to 2286."""
    for limit, unit in ((10**10, SECOND), (10**13, 10**6), (10**16, 10**3), (10**19, 1)):
        if limit // 100 <= number < limit:
            return number * unit
    raise ValueError(number)


def _check_ascending(file: Path, column: str, at: Ints) -> None:
    wrong = np.flatnonzero(np.diff(at) <= 0)
    if len(wrong):
        raise BadBars(f"{_place(file, int(wrong[0]) + 1, column)}: not later than the row before it")


def _numbers(file: Path, column: str, frame: pl.DataFrame) -> np.typing.NDArray[np.float64]:
    import polars as pl

    series = frame[column]
    if series.dtype == pl.String:
        series = series.str.strip_chars()
    values = series.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = int(wrong[0])
        raise BadBars(f"{_place(file, row, column)}: not a number: {frame[column][row]!r}")
    return values


def _prices(file: Path, column: str, dollars: np.typing.NDArray[np.float64]) -> Ints:
    wrong = np.flatnonzero((dollars <= 0) | (dollars > _LARGEST_DOLLARS))
    if len(wrong):
        row = int(wrong[0])
        raise BadBars(f"{_place(file, row, column)}: not a price: {dollars[row]}")
    return np.maximum(1, on_grid(np.rint(dollars * 10_000).astype(np.int64)))


def _check_range(file: Path, columns: dict[str, str], prices: dict[str, Ints]) -> None:
    for name in ("open", "low", "close"):
        wrong = np.flatnonzero(prices["high"] < prices[name])
        if len(wrong):
            raise BadBars(f"{_place(file, int(wrong[0]), columns['high'])}: high is below {name}")
    for name in ("open", "close"):
        wrong = np.flatnonzero(prices["low"] > prices[name])
        if len(wrong):
            raise BadBars(f"{_place(file, int(wrong[0]), columns['low'])}: low is above {name}")


def _volumes(
    file: Path, columns: dict[str, str], numbers: dict[str, np.typing.NDArray[np.float64]], height: int
) -> Ints:
    if "volume" not in columns:
        return np.zeros(height, dtype=np.int64)
    wrong = np.flatnonzero((numbers["volume"] < 0) | (numbers["volume"] > 1e15))
    if len(wrong):
        row = int(wrong[0])
        raise BadBars(f"{_place(file, row, columns['volume'])}: not a volume: {numbers['volume'][row]}")
    return np.rint(numbers["volume"]).astype(np.int64)


def _are_midnights(at: Ints) -> bool:
    """Whether every time stamp begins a day, in UTC or in New York: then the bars are daily ones."""
    apart = len(at) == 1 or int(np.diff(at).min()) >= 23 * HOUR
    return apart and bool(np.isin(at % DAY, (0, 4 * HOUR, 5 * HOUR)).all())


def _width(at: Ints) -> int:
    """The length of a bar: the shortest step between two of them, a minute if there is but one."""
    return int(np.diff(at).min()) if len(at) > 1 else MINUTE
