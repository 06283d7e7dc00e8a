"""The exchange itself: orders come in, meet the market, execute and end; cash and positions follow."""
