"""How good the captions are. Knows no window."""
