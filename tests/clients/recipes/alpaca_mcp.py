"""Run in place of `alpaca-mcp-server`: its trading addresses are fixed, so they are changed before it starts."""

import os

rest = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8900")
os.environ["ALPACA_API_KEY"] = os.environ["EXCHANGE_KEY"]
os.environ["ALPACA_SECRET_KEY"] = os.environ["EXCHANGE_SECRET"]
os.environ["DATA_API_URL"] = rest

from alpaca_mcp_server import cli, server

server.TRADING_API_BASE_URLS["paper"] = rest
cli.main()
