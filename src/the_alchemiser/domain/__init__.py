"""The language: frozen values, `Decimal` money, UTC instants. Imports nothing of ours but itself.

money · instants · market · portfolio · orders · intent say what things are;
events (what reaches the engine), facts (what the journal keeps) and effects (what the engine asks for)
say what happens; errors is the one tree of failures.
"""
