"""An Alpaca-compatible exchange that runs inside the process: offline, seeded, repeatable.

`core.Exchange` is the exchange itself: synchronous, integers only, time and seed are arguments. It
trades a market (`prices.Market`): `days.SimulatedDays` draws a simulated intraday path between real
daily closes, `replay.ReplayedBars` plays bars of the user's own, `prices.PushedMarket` knows only what it
is told. Around the core, `rest`, `streams` and `server` speak Alpaca's wire.
Nothing here imports anything of the rest of the package.
"""
