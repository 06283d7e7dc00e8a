"""`python -m the_alchemiser` is the command `alchemiser`."""

from __future__ import annotations

import sys

from the_alchemiser.cli import main

if __name__ == "__main__":
    sys.exit(main())
