"""Twilio's Messages API on a loopback socket, kept to Twilio's published reference.

From www.twilio.com/docs (messaging/api/message-resource, usage/requests-to-twilio,
usage/twilios-response, api/errors):

- POST /2010-04-01/Accounts/{AccountSid}/Messages.json, a form, Basic authentication with the
  account's SID and token. Without them 401 with code 20003; another account is 404 with 20404.
- `To` in E.164 (21211 otherwise, 21604 without), `From` or `MessagingServiceSid` (21603 without),
  `Body` of at most 1,600 characters (21617, and 21602 without one), `StatusCallback` a URL (21609).
- 201 with the message: `sid` is SM and 32 hexadecimal digits, `status` queued, or accepted with a
  Messaging Service. Errors are `{"code", "message", "more_info", "status"}` with HTTP 400; 21610 is
  a person who has sent STOP; 429 carries 20429.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.notifications.channels import loopback
from tests.notifications.channels.loopback import Answer, Asked

ACCOUNT, TOKEN = "AC" + "0" * 32, "an-auth-token-of-twilio"


@dataclass
class Twilio:
    """What it has taken; `refusing` are the errors of the next answers, each once."""

    url: str = ""
    taken: list[dict[str, str]] = field(default_factory=list)
    # status, code, headers
    refusing: list[tuple[int, int, dict[str, str]]] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)

    def answer(self, asked: Asked) -> Answer:
        if self.refusing:
            status, code, headers = self.refusing.pop(0)
            return _error(status, code, headers)
        basic = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.headers["Authorization"] != f"Basic {basic}":
            return _error(401, 20003)
        if asked.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return _error(404, 20404)
        if asked.headers["Content-Type"] != "application/x-www-form-urlencoded":
            return _error(400, 21602)
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if code := self._wrong(form):
            return _error(400, code)
        self.taken.append(form)
        service = form.get("MessagingServiceSid")
        return Answer(
            201,
            {
                "sid": f"SM{len(self.taken):032x}",
                "account_sid": ACCOUNT,
                "api_version": "2010-04-01",
                "body": form["Body"],
                "direction": "outbound-api",
                "error_code": None,
                "error_message": None,
                "from": form.get("From"),
                "messaging_service_sid": service,
                "num_media": "0",
                "status": "accepted" if service else "queued",
                "to": form["To"],
            },
        )

    def _wrong(self, form: dict[str, str]) -> int:
        if not form.get("To"):
            return 21604
        if not re.fullmatch(r"\+[1-9]\d{1,14}", form["To"]):
            return 21211
        if not (form.get("From") or form.get("MessagingServiceSid")):
            return 21603
        if not form.get("Body"):
            return 21602
        if len(form["Body"]) > 1600:
            return 21617
        callback = urlsplit(form.get("StatusCallback", "https://shop.example/"))
        if callback.scheme not in ("http", "https") or "." not in (callback.hostname or ""):
            return 21609
        return 21610 if form["To"] in self.stopped else 0


def _error(status: int, code: int, headers: dict[str, str] | None = None) -> Answer:
    told = {
        "code": code,
        "message": "What went wrong, with the number +358401234567 in it.",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer(status, told, headers or {})


@contextmanager
def serve() -> Iterator[Twilio]:
    twilio = Twilio()
    with loopback.serve(twilio.answer) as twilio.url:
        yield twilio
