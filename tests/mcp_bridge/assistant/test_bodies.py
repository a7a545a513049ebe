"""What `POST /api/v1/assistant/messages` refuses: a clear answer, and nothing kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.test import Client

from mcp_bridge.models import Conversation, Message
from museo.access.models import User

PATH = "/api/v1/assistant/messages"
JSON = "application/json"


def say(client: Client, **body: Any) -> Any:
    return client.post(PATH, orjson.dumps(body), content_type=JSON)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b'{"message": "  "}', 400),
        (b'{"message": ["hi"]}', 400),
        (b'{"message": "a\\u0000b"}', 400),
        (b'{"message": "\\ud800"}', 400),
        (b"[]", 400),
        (b"\xff\xfe\x00\x01", 400),
        (b'{"message": "%s"}' % (b"x" * 1_000_000), 400),
        (b'{"message": "hi", "conversation_id": "cnv_0000000000000000"}', 404),
        (b'{"message": "hi", "conversation_id": "a\\u0000b"}', 400),
    ],
)
def test_what_is_no_message_is_refused(
    committed: None, client: Client, body: bytes, status: int
) -> None:
    answer = client.post(PATH, body, content_type=JSON)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]
    assert not Message.objects.exists()


def test_a_conversation_of_somebody_else_is_not_there(committed: None, client: Client) -> None:
    client.force_login(User.objects.create_user("maya@example.org"))
    begun = say(client, message="hello").json()["conversation_id"]
    other = Client()
    other.force_login(User.objects.create_user("ben@example.org"))

    answers = [
        say(other, message="hello", conversation_id=begun),
        other.get(f"/api/v1/assistant/conversations/{begun}"),
        other.delete(f"/api/v1/assistant/conversations/{begun}"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert Conversation.objects.get().messages.count() == 1


def test_what_is_not_known_falls_back_and_says_so(committed: None, client: Client) -> None:
    accepted = say(client, message="hello", clientType="toaster", locale="tlh").json()

    assert (accepted["client_type"], accepted["locale"]) == ("web-storefront", "en")
    assert [note["code"] for note in accepted["notes"]] == [
        "unknown_client_type",
        "unknown_locale",
    ]


def test_who_says_too_much_in_a_minute_is_told_how_long_to_wait(
    committed: None, client: Client, settings: Any
) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 30
    client.force_login(User.objects.create_user("maya@example.org"))
    taken = [say(client, message="hello").status_code for _time in range(3)]

    refused = say(client, message="hello")

    assert taken == [202, 202, 202]
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 60
    assert refused.json()["retry_after"] == int(refused["Retry-After"])
    assert Message.objects.count() == 3
