"""Write the shipped table of New York sessions from the exchange_calendars package (development only)."""

from __future__ import annotations

from pathlib import Path

import exchange_calendars

TARGET = Path(__file__).parent.parent / "src/the_alchemiser/exchange/market/data/xnys_sessions.csv"
FIRST, LAST = "1990-01-01", "2029-12-31"


def rows() -> list[str]:
    schedule = exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST).schedule
    return [
        f"{day:%Y-%m-%d},{opens:%H:%M},{closes:%H:%M}"
        for day, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    ]


def main() -> None:
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("date,open_utc,close_utc\n" + "\n".join(rows()) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
