"""How soon the assistant answers."""
