"""Arabic with the digits that all pages have, and the point that stands between them there."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
