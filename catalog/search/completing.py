"""What the words so far may become, for the search box."""

from datetime import datetime

from catalog import products
from catalog.search import finding, vocabulary, words
from catalog.search.reading import LONGEST_QUERY, MOST_WORDS
from museo.access.callers import supported_locale

MOST_PRODUCTS = 6
MOST_CATEGORIES = 3
MOST_LONGER = 3


def suggest(query: str, *, locale: str, now: datetime) -> list[dict[str, str]]:
    """`{"kind", "text", "slug"}`: products, categories, then words, which have no slug."""
    locale = supported_locale(locale)
    *before, last = words.split(query[:LONGEST_QUERY])[:MOST_WORDS] or [""]
    if not last:
        return []
    page = products.listing(locale=locale, now=now, query=query, is_plain=True, limit=MOST_PRODUCTS)
    rooms = finding.Rooms.read(locale).beginning([*before, last])[:MOST_CATEGORIES]
    longer = vocabulary.completions(last)[:MOST_LONGER]
    return [
        *(_suggestion("product", row["name"], row["slug"]) for row in page.results),
        *(_suggestion("category", name, slug) for slug, name in rooms),
        *(_suggestion("words", " ".join([*before, word])) for word in longer),
    ]


def _suggestion(kind: str, text: str, slug: str = "") -> dict[str, str]:
    return {"kind": kind, "text": text, "slug": slug}
