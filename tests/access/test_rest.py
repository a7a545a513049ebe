"""What all calls of REST share: methods, types, and how a body that cannot be read is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.utils.translation import override

from museo.access.heads import with_head
from museo.access.models import User
from tests.access.test_matrix import methods, registry

PRODUCTS = "/api/v1/catalog/products"
ITEMS = "/api/v1/basket/items"
CHECKOUT = "/api/v1/orders/checkout"
JSON = "application/json"
LANGUAGES = [code for code, _name in settings.LANGUAGES]
# what differs from call to call
OF_THE_CALL = {"RateLimit-Remaining", "RateLimit-Reset", "X-Correlation-ID"}


def headers_of(response: Any) -> dict[str, str]:
    return {name: text for name, text in response.items() if name not in OF_THE_CALL}


def readable() -> list[str]:
    """Every route of REST that GET reads and that needs nothing in its address."""
    return [
        f"/{route}"
        for route, view in registry().items()
        if "GET" in methods(view) and "<" not in route
    ]


@pytest.mark.django_db
def test_head_is_answered_as_get_wherever_there_is_one(client: Client) -> None:
    client.force_login(User.objects.create_superuser("staff@museo.example"))

    told = {path: (client.get(path), client.head(path)) for path in readable()}

    assert PRODUCTS in told
    for path, (got, head) in told.items():
        assert (head.status_code, headers_of(head)) == (got.status_code, headers_of(got)), path
        assert "HEAD" in got["Allow"], path


@pytest.mark.django_db
def test_head_where_only_post_is_says_what_there_is(client: Client) -> None:
    refused = client.head(ITEMS)

    assert (refused.status_code, refused["Allow"]) == (405, "OPTIONS, POST, PUT")


@pytest.mark.django_db
def test_options_names_head(client: Client) -> None:
    assert client.options(PRODUCTS)["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: HttpResponse(b"all of it"),
        lambda: StreamingHttpResponse(iter([b"all ", b"of it"]), headers={"Content-Length": "9"}),
    ],
)
def test_an_answer_to_head_has_the_length_and_no_body(answer: Callable[[], Any]) -> None:
    seen = []

    def get_response(request: HttpRequest) -> Any:
        seen.append(request.method)
        return answer()

    request = RequestFactory().head("/")
    response: Any = with_head(get_response)(request)

    assert (b"".join(response), response["Content-Length"]) == (b"", "9")
    assert (seen, request.method) == (["GET"], "HEAD")


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["[]", "null", '"words"', "7"])
def test_a_body_that_is_no_object_is_refused_as_a_whole(client: Client, body: str) -> None:
    refused = client.post(ITEMS, body, JSON)

    said = "Send one JSON object."
    assert (refused.status_code, refused.json()["detail"]) == (400, said)
    assert refused.json()["errors"] == [{"pointer": "", "code": "invalid", "detail": said}]


@pytest.mark.django_db
def test_a_body_that_is_deeper_than_anybody_can_write_is_refused(client: Client) -> None:
    deep = '{"a":' * 1000 + "1" + "}" * 1000

    refused = client.post(CHECKOUT, deep, JSON, headers={"Idempotency-Key": "deep"})

    assert (refused.status_code, refused.json()["code"]) == (400, "parse_error")


@pytest.mark.django_db
def test_a_name_is_escaped_in_a_pointer(client: Client) -> None:
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    body = {"translations": {"a/b~c": 7}}

    refused = client.post("/api/v1/admin/products/masters", body, JSON)

    assert "/translations/a~1b~0c" in {each["pointer"] for each in refused.json()["errors"]}


def told(response: Any) -> tuple[int, str, str]:
    problem = response.json()
    return response.status_code, problem["code"], problem["detail"]


@pytest.mark.django_db
def test_who_cannot_be_served_so_is_told_how(client: Client) -> None:
    method = client.delete(PRODUCTS)
    accept = client.get(PRODUCTS, headers={"accept": "text/html"})
    content = client.post(ITEMS, "<sku/>", "text/xml")

    assert told(method) == (
        405,
        "method_not_allowed",
        "Send one of these methods: GET, HEAD, OPTIONS.",
    )
    assert told(accept) == (
        406,
        "not_acceptable",
        "This is answered as application/json. Name that in Accept, or leave Accept out.",
    )
    assert told(content) == (
        415,
        "unsupported_media_type",
        "Send the body as application/json, and say so in Content-Type.",
    )


@pytest.mark.django_db
def test_they_are_told_in_their_language(client: Client) -> None:
    def said(language: str) -> tuple[str, ...]:
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        refused = [
            client.delete(PRODUCTS),
            client.get(PRODUCTS, HTTP_ACCEPT="text/html"),
            client.post(ITEMS, "<sku/>", "text/xml"),
        ]
        return tuple(each.json()["detail"] for each in refused)

    with override(None):
        texts = {language: said(language) for language in LANGUAGES}

    assert all(len({words[place] for words in texts.values()}) == 5 for place in range(3)), texts


@pytest.mark.django_db
def test_what_a_guest_reads_is_kept_for_nobody_who_signs_in(client: Client) -> None:
    guest = client.get("/api/v1/basket")
    client.force_login(User.objects.create_user("ada@museo.example"))
    ada = client.get("/api/v1/basket")

    for answer in (guest, ada):
        assert "Cookie" in answer["Vary"]
