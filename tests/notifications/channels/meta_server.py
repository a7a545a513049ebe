"""Meta's Graph API for messages on a loopback socket, kept to Meta's published reference.

From developers.facebook.com/docs: whatsapp/cloud-api/reference/messages,
whatsapp/cloud-api/guides/send-message-templates, whatsapp/cloud-api/support/error-codes, and
instagram-platform/instagram-api-with-instagram-login/messaging-api:

- POST /{phone number id}/messages as JSON with a Bearer token (190 otherwise, HTTP 401):
  `messaging_product` whatsapp, `recipient_type` individual, `to`, `type` and what is named by it. A
  text of at most 4,096 characters. Outside of the 24 hours after the person's last word a text is
  131047; WhatsApp tells some of that only later by webhook. A template must exist in its language
  (132001) and have as many parameters as places (132000); a parameter has no line breaks (132018).
- 200 `{"messaging_product", "contacts": [{"input", "wa_id"}], "messages": [{"id": "wamid.…"}]}`;
  errors are `{"error": {"message", "type", "code", "error_data", "fbtrace_id"}}`.
- POST /{Instagram account}/messages `{"recipient": {"id"}, "message": {"text"}}`, at most 1,000
  bytes; 200 `{"recipient_id", "message_id"}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.notifications.channels import loopback
from tests.notifications.channels.loopback import Answer, Asked

TOKEN, PHONE, ACCOUNT = "EAAG-token", "106540352242922", "17841400000000000"
SECRET, WORD = "an-app-secret-of-meta", "meatyhamhock"


@dataclass
class Meta:
    """`windows` are the numbers that wrote within a day, `templates` names with their places."""

    url: str = ""
    windows: set[str] = field(default_factory=set)
    templates: dict[tuple[str, str], int] = field(default_factory=dict)
    taken: list[dict[str, Any]] = field(default_factory=list)
    # status, code
    refusing: list[tuple[int, int]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        if self.refusing:
            return _error(*self.refusing.pop(0))
        if asked.headers["Authorization"] != f"Bearer {TOKEN}":
            return _error(401, 190)
        if asked.headers["Content-Type"] != "application/json":
            return _error(400, 100)
        body = json.loads(asked.body)
        if asked.path == f"/{ACCOUNT}/messages":
            return self._instagram(body)
        if asked.path != f"/{PHONE}/messages":
            return _error(400, 100)
        code = self._wrong(body)
        if code:
            return _error(400, code)
        self.taken.append(body)
        return Answer(
            200,
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": body["to"], "wa_id": body["to"]}],
                "messages": [{"id": f"wamid.{len(self.taken)}", "message_status": "accepted"}],
            },
        )

    def _wrong(self, body: dict[str, Any]) -> int:
        if body.get("messaging_product") != "whatsapp" or not re.fullmatch(r"\d+", body["to"]):
            return 100
        if len(body.get("biz_opaque_callback_data", "")) > 512:
            return 100
        if body["type"] == "text":
            if not 0 < len(body["text"]["body"]) <= 4096:
                return 100
            return 0 if body["to"] in self.windows else 131047
        template = body["template"]
        places = self.templates.get((template["name"], template["language"]["code"]))
        if places is None:
            return 132001
        told = [part for part in template["components"] if part["type"] == "body"]
        parameters = told[0]["parameters"] if told else []
        if len(parameters) != places:
            return 132000
        is_plain = all(re.search(r"[\n\t]| {4}", each["text"]) is None for each in parameters)
        return 0 if is_plain else 132018

    def _instagram(self, body: dict[str, Any]) -> Answer:
        if set(body) != {"recipient", "message"} or len(body["message"]["text"].encode()) > 1000:
            return _error(400, 100)
        self.taken.append(body)
        message = f"aWdfZG1f{len(self.taken)}"
        return Answer(200, {"recipient_id": body["recipient"]["id"], "message_id": message})


def _error(status: int, code: int) -> Answer:
    told = {
        "message": f"(#{code}) about +358401234567",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": "…"},
        "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
    }
    return Answer(status, {"error": told})


@contextmanager
def serve() -> Iterator[Meta]:
    meta = Meta()
    with loopback.serve(meta.answer) as meta.url:
        yield meta
