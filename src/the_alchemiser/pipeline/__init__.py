"""The flow as pure decisions, in order: snapshot, signals, rebalance, risk, execution, ledger, report.

Stages do not know each other; they meet in the engine.
"""
