"""What the demo says of the shop itself."""

from datetime import datetime

from catalog import shop, shopkeeping

FIELDS = {
    "name": "Museo",
    "legal_address": "Museo Shop Oy\nMuseum Street 1\n00130 Helsinki\nFinland",
    "country": "FI",
    "currency": "EUR",
    "languages": list(shop.ALL_LANGUAGES),
    "default_language": "en",
    "time_zone": "Europe/Helsinki",
    "steps_done": 5,
}


def open_doors(*, now: datetime) -> bool:
    """Open the shop as the demo's; False if it was, or somebody has begun to make it theirs."""
    return shopkeeping.begin({**FIELDS, "opened_at": now}, now=now).opened_at == now
