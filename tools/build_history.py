"""Write the shipped daily history from the datasets inside the skfolio package (development only).

The closes there are adjusted for splits and dividends and carry three decimals (the index two);
they are kept exactly, as whole thousandths of a dollar. Dates are kept as they are and must all be
New York sessions.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import polars as pl

TARGET = Path(__file__).parent.parent / "src/the_alchemiser/exchange/market/data/us20_daily.parquet"


def thousandths(table: pl.DataFrame) -> pl.DataFrame:
    """Closes as Int32 thousandths; fails when a value has more decimals than that."""
    names = [name for name in table.columns if name != "Date"]
    exact = table.with_columns((pl.col(name) * 1000).round().cast(pl.Int32) for name in names)
    for name in names:
        worst = (table[name] * 1000 - exact[name]).abs().max()
        if not isinstance(worst, float) or worst > 1e-6:
            raise SystemExit(f"{name}: a close has more than three decimals ({worst})")
    return exact


def read(name: str) -> pl.DataFrame:
    with resources.as_file(resources.files("skfolio.datasets") / "data" / name) as path:
        return pl.read_csv(path, try_parse_dates=True)


def main() -> None:
    stocks, index = (
        thousandths(read("sp500_dataset.csv.gz")),
        thousandths(read("sp500_index.csv.gz")),
    )
    table = stocks.join(index, on="Date", how="inner").sort("Date").rename({"Date": "date"})
    if table.height != stocks.height or table.null_count().sum_horizontal().item():
        raise SystemExit("the stocks and the index do not cover the same days")
    table.write_parquet(TARGET, compression="zstd", compression_level=19, statistics=False)


if __name__ == "__main__":
    main()
