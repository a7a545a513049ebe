"""What machines read of the shop: the web manifest, robots.txt, the sitemap, structured data.

Structured data are blocks of JSON-LD in the page: they are no scripts, so the policy that forbids
those within a page says nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from catalog.models import Category, Master
from catalog.money import Money
from catalog.shop import current

# the protocol allows 50,000 in one file
MOST_ADDRESSES = 50_000
# what is somebody's own, or no page
PRIVATE = ("/admin/", "/api/", "/basket", "/checkout", "/account", "/orders", "/t/", "/pay/")
PAGES = ("about", "delivery", "returns", "privacy", "contact")
SCHEMA = "https://schema.org"
IN_STOCK, SOLD_OUT = f"{SCHEMA}/InStock", f"{SCHEMA}/OutOfStock"


@require_safe
@cache_control(max_age=3600, public=True)
def manifest(request: HttpRequest) -> HttpResponse:
    """So that the shop can be put on a home screen, where browsers may be told of orders."""
    name = current().name
    told = {
        "name": name,
        "short_name": name,
        "lang": get_language(),
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f7f8f8",
        "theme_color": "#ffffff",
        "icons": [
            {"src": static("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
            {
                "src": static("icon-512.png"),
                "sizes": "512x512",
                "type": "image/png",
                "purpose": "any maskable",
            },
        ],
    }
    return JsonResponse(told, content_type="application/manifest+json")


@require_safe
@cache_control(max_age=3600, public=True)
def robots(request: HttpRequest) -> HttpResponse:
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in PRIVATE),
        f"Sitemap: {_address(reverse('sitemap'))}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(max_age=3600, public=True)
def sitemap(request: HttpRequest) -> HttpResponse:
    """Rooms, products on sale and the pages about the shop."""
    rooms = Category.objects.active().order_by("path").values_list("slug", flat=True)
    on_sale = Master.objects.on_sale().exclude(published_at__gt=timezone.now())
    products = on_sale.order_by("-pk").values_list("slug", flat=True)[:MOST_ADDRESSES]
    paths = [
        reverse("shop"),
        *(f"{reverse('shop')}?category={slug}" for slug in rooms),
        *map(reverse, PAGES),
        *(reverse("product", args=[slug]) for slug in products),
    ]
    return HttpResponse(_urlset(paths[:MOST_ADDRESSES]), content_type="application/xml")


def _urlset(paths: Iterable[str]) -> str:
    urls = "".join(f"<url><loc>{escape(_address(path))}</loc></url>" for path in paths)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    )


def product(shown: Mapping[str, Any]) -> dict[str, Any]:
    """schema.org's Product, of what `products.detail` tells."""
    address = _address(reverse("product", args=[shown["slug"]]))
    told = {
        "@context": SCHEMA,
        "@type": "Product",
        "name": shown["name"],
        "description": shown["description"] or shown["subtitle"],
        "sku": shown["default_sku"],
        "url": address,
        "offers": [_offer(variant, address) for variant in shown["variants"]],
    }
    if shown["image"]:
        told["image"] = _address(shown["image"])
    if shown["brand"]:
        told["brand"] = {"@type": "Brand", "name": shown["brand"]}
    if shown["rating"]["count"]:
        told["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": shown["rating"]["average"],
            "reviewCount": shown["rating"]["count"],
        }
    return told


def _offer(variant: Mapping[str, Any], address: str) -> dict[str, Any]:
    return {
        "@type": "Offer",
        "sku": variant["sku"],
        "url": address,
        **price(variant["price"]),
        "availability": IN_STOCK if variant["in_stock"] else SOLD_OUT,
    }


def price(amount: Mapping[str, Any]) -> dict[str, str]:
    """An amount in major units, as schema.org has prices."""
    money = Money(amount["amount"], str(amount["currency"]))
    return {"price": str(money.as_decimal()), "priceCurrency": money.currency}


def _address(path: str) -> str:
    return path if "://" in path else f"{settings.MUSEO_PUBLIC_URL}{path}"
