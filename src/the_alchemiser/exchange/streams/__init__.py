"""Alpaca's WebSocket side: the trading stream, the data streams, their encodings and queues."""
