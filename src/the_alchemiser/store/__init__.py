"""What survives: the hash-chained journal of facts, and the tables for reading that are folded from it.

chain says when a journal is genuine; records and projections what the tables for reading hold and how facts
become rows; journal writes, reading reads, verification compares. Nothing outside this package imports
SQLAlchemy or Alembic, and `memory`, `chain`, `records` and `projections` import neither, so that a backtest
never loads them.
"""
