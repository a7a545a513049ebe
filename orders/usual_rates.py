"""What countries take of sales, as of 2026: suggestions for the owner of a shop, who checks them.

Basis points by country and tax class; of a class that is not named, the standard rate is usual.
"""

RATES: dict[str, dict[str, int]] = {
    "AT": {"standard": 2000, "food": 1000, "books": 1000, "admission": 1300},
    "BE": {"standard": 2100, "books": 600, "admission": 600},
    "CH": {"standard": 810, "food": 260, "books": 260},
    "DE": {"standard": 1900, "food": 700, "books": 700, "admission": 700},
    "DK": {"standard": 2500},
    "ES": {"standard": 2100, "food": 1000, "books": 400, "admission": 1000},
    "FI": {"standard": 2550, "food": 1350, "books": 1350, "admission": 1350},
    "FR": {"standard": 2000, "food": 1000, "books": 550, "admission": 1000},
    "GB": {"standard": 2000, "books": 0},
    "IE": {"standard": 2300, "books": 0},
    "IT": {"standard": 2200, "food": 1000, "books": 400},
    "NL": {"standard": 2100, "food": 900, "books": 900, "admission": 900},
    "NO": {"standard": 2500, "books": 0},
    "PT": {"standard": 2300, "food": 1300, "books": 600, "admission": 600},
    "SE": {"standard": 2500, "food": 1200, "books": 600, "admission": 600},
}
