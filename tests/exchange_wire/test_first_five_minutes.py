"""What docs/exchange.md shows first: the program runs as it stands, and everything in it fills."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from wire import running_exchange

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "tests" / "clients" / "recipes"


@pytest.mark.slow
def test_the_program_of_the_first_five_minutes_fills_a_bracket_a_short_an_option_and_a_coin() -> None:
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "exchange.md").read_text(), re.DOTALL)
    assert found is not None
    with running_exchange(start="2022-06-01", speed=600) as exchange:
        told = {"EXCHANGE_REST": exchange.rest, "EXCHANGE_KEY": exchange.key}
        world = {**os.environ, **told, "EXCHANGE_SECRET": exchange.secret, "PYTHONPATH": str(RECIPES)}
        ran = subprocess.run(
            [sys.executable, "-c", found[1]],
            env=world,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    *legs, option, coin, short = ran.stdout.splitlines()
    assert sorted(leg.split()[1] for leg in legs) == ["canceled", "filled"]
    assert (option[:4], coin[:6], short[:5]) == ("AAPL", "BTCUSD", "KO -5")
