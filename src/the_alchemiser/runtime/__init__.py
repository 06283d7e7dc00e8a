"""The drivers: all that waits, fails or talks. live trades, backtest researches; one engine."""
