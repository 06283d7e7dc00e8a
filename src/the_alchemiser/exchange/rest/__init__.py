"""Alpaca's REST side: who may enter, and one module per family of routes."""
