"""What the product costs, measured beside its peers and the physical limits in the same run: `python -m benchmarks`."""
