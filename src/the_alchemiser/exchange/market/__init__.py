"""What is traded and at which prices: sessions, assets, quotes, trades and bars, never a look ahead."""
