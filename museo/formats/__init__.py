"""How numbers and dates are written, where Django and the prices (Babel) do not agree."""
