"""How mail programs and browsers set themselves up: what they ask of the school, and a page for people."""
