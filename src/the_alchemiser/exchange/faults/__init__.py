"""Faults on demand: the language of their rules, and who decides which request, message or instant one strikes.

Nothing here does a fault. `rest.interference` does those of requests, `streams.interference` those of messages,
`happenings` says what may befall an account, and the floor lets it happen.
"""
