"""An Alpaca-compatible exchange that runs inside the process: offline, seeded, repeatable.

`venue.core.Exchange` is one account's exchange: synchronous, integers only, time and seed are arguments. It
trades a market (`market.prices.Market`): `market.days.SimulatedDays` draws a simulated intraday path between
real daily closes, `market.replay.ReplayedBars` plays bars of the user's own, `market.prices.PushedMarket` knows
only what it is told. Around the venue, `rest` and `streams` speak Alpaca's wire, `floor` runs time, commands and
their log, `server` opens the port. Nothing here imports anything of the rest of the package.
"""
