"""Calls of the API are found by their first word, as they were by trying all addresses in turn."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from django.urls.resolvers import RoutePattern
from rest_framework import renderers
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from museo.access.negotiation import Negotiation
from museo.access.notices import Notices
from museo.addresses import ByFirstWord

API = "api/v1/"


def api() -> ByFirstWord:
    return next(each for each in get_resolver().url_patterns if isinstance(each, ByFirstWord))


def paths() -> list[str]:
    """One for each address: something stands where anything may."""
    routes = [f"{API}{each.pattern}" for each in api().url_patterns]
    return ["/".join("7" if "<" in word else word for word in route.split("/")) for route in routes]


@pytest.mark.parametrize("path", paths())
def test_each_address_leads_where_it_would_in_turn(path: str) -> None:
    in_turn = URLResolver(RoutePattern(API), [*api().url_patterns])

    found, expected = api().resolve(path), in_turn.resolve(path)

    assert (found.func, found.kwargs, found.route) == (
        expected.func,
        expected.kwargs,
        expected.route,
    )


@pytest.mark.parametrize("path", ["", "nothing", "orders/7/nothing", "catalog", "Orders"])
def test_nothing_else_is_found(path: str) -> None:
    with pytest.raises(Resolver404):
        api().resolve(f"{API}{path}")


def test_an_address_that_begins_with_anything_is_found_last() -> None:
    def known(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    def anything(_request: HttpRequest, _word: str) -> HttpResponse:
        return HttpResponse()

    patterns = [
        URLPattern(RoutePattern("known", is_endpoint=True), known),
        URLPattern(RoutePattern("<str:_word>", is_endpoint=True), anything),
    ]

    assert ByFirstWord(API, patterns).resolve(f"{API}known").func is known
    assert ByFirstWord(API, patterns).resolve(f"{API}other").func is anything


def test_the_api_is_below_its_own_beginning() -> None:
    assert resolve("/api/v1/catalog/products").route == "api/v1/catalog/products"


# what calls do not need


class Yaml(renderers.BaseRenderer):
    media_type = "application/yaml"
    format = "yaml"


def chosen(query: dict[str, str], **headers: Any) -> Any:
    request = Request(RequestFactory().get("/", query, headers=headers))
    forms = [renderers.JSONRenderer(), Yaml()]
    form, media_type = Negotiation().select_renderer(request, forms)
    return form.format, media_type


def test_the_first_form_is_given_to_whoever_takes_any() -> None:
    json = ("json", "application/json")

    assert chosen({}) == chosen({}, Accept="*/*") == chosen({}, Accept="application/json") == json


def test_who_wants_another_form_gets_it() -> None:
    yaml = ("yaml", "application/yaml")

    assert chosen({}, Accept="application/yaml") == chosen({"format": "yaml"}) == yaml
    assert chosen({}, Accept="text/html, application/yaml;q=0.5")[0] == "yaml"
    with pytest.raises(NotAcceptable):
        chosen({}, Accept="text/html")


@pytest.mark.parametrize(("path", "has_notices"), [("/", True), ("/api/v1/orders", False)])
def test_pages_have_notices_and_calls_have_none(path: str, has_notices: bool) -> None:
    request = RequestFactory().get(path)
    request.session = {}  # type: ignore[assignment]  # nothing else of it is asked for

    Notices(lambda _request: HttpResponse())(request)

    assert isinstance(getattr(request, "_messages", None), BaseStorage) is has_notices
    assert "museo.access.notices.Notices" in settings.MIDDLEWARE


@pytest.mark.django_db
def test_only_pages_are_looked_for_with_a_slash(client: Client) -> None:
    page, call = client.get("/admin"), client.get("/api/v1/nowhere")

    assert (page.status_code, page["Location"]) == (301, "/admin/")
    assert (call.status_code, call.json()["code"]) == (404, "not_found")
    assert call["Content-Length"] == str(len(call.content))
