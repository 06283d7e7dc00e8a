"""Research: backtests over history, with the engine that trades."""
