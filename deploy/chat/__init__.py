"""Chat from a terminal: what `ringpost send` and `ringpost tail` do."""
