"""What every request has of the shop: its language and clock, and what every page shows."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from catalog import shop as the_shop
from catalog.shop import Shop

# staff read it in any language that Museo speaks
ADMIN = "/admin/"
# who asks here may do so because the database is away
MACHINES = frozenset({"/healthz", "/readyz", "/health", "/metrics"})


class AtHome(LocaleMiddleware):
    """The reader's language, of those that the shop offers, and the shop's time zone."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info in MACHINES:
            super().process_request(request)
            return
        here = the_shop.current()
        if request.path_info.startswith(ADMIN):
            super().process_request(request)
        else:
            translation.activate(language_of(request, here))
            request.LANGUAGE_CODE = translation.get_language()
        timezone.activate(here.zone)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """No address of ours names a language, which Django's own looks for."""
        timezone.deactivate()
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


def language_of(request: HttpRequest, here: Shop) -> str:
    """What the reader chose, or their browser likes best, as far as the shop has it."""
    for wish in _wishes(request):
        try:
            found = translation.get_supported_language_variant(wish)
        except (LookupError, ValueError):  # no such language, or far too long
            continue
        if found in here.languages:
            return found
    return here.default_language


def _wishes(request: HttpRequest) -> Iterator[str]:
    if chosen := request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME):
        yield chosen.lower()
    for code, _quality in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")):
        if code == "*":
            return
        yield code


def shop(request: HttpRequest) -> dict[str, Any]:
    """`shop`: its name, logo and the rest; before it opens, `sets_up` is who may open it."""
    here = the_shop.current()
    return {
        "shop": here,
        "sets_up": not here.is_open and may_set_up(request),
        "public_url": settings.MUSEO_PUBLIC_URL,
    }


def may_set_up(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return bool(user and user.is_staff and user.has_perm("catalog.change_shopsettings"))


def name(request: HttpRequest) -> str:
    """What the admin is headed with."""
    return the_shop.current().name
