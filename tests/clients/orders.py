"""Orders for clients to follow: bought by a guest over REST, moved on by staff."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

import httpx

from tests.orders.conftest import PURCHASE
from tests.processes import PREAMBLE, TLS
from tests.shops import ROOT, Shop

STEPS = ["placed", "confirmed", "preparing", "out_for_delivery", "delivered"]
# has the shop's code loaded, and does each thing in a copy of itself
HANDS = (
    PREAMBLE
    + """
import json

for line in sys.stdin:
    code, *sys.argv[1:] = json.loads(line)
    child = os.fork()
    if not child:
        exec(code)
        break
    print(os.waitpid(child, 0)[1], flush=True)
"""
)
# steps are taken in the shop's own code while nothing of it is served
TAKE_STEPS = """
from datetime import timedelta
from django.utils import timezone
from orders import services
from orders.models import Order

mine, count = Order.objects.filter(number=sys.argv[1]), int(sys.argv[2])
for _ in range(count):
    before = mine.get().status
    mine.update(next_step_at=timezone.now())
    services.advance_due(now=timezone.now(), is_time_left=lambda: False)
    # the shop's own clock may have been quicker
    assert mine.get().status != before
"""
BEGIN_ANEW = """
from notifications import log

log.renew_epoch()
"""
REVOKE = """
from django.utils import timezone
from museo.access.callers import caller_for_user
from museo.access.models import User
from orders import tracking

staff = caller_for_user(User.objects.get(is_superuser=True), locale="en")
assert tracking.revoke_tickets(staff, sys.argv[1], now=timezone.now()) == 1
"""
TELL_STEP = """
import json
from django.utils import timezone
from museo.access.callers import Caller
from notifications import log
from notifications.audiences import process_topic

message_id, type, data = sys.argv[1:]
topic = process_topic(Caller(address="127.0.0.1"), message_id)
with log.change() as change:
    change.event(topic, type, json.loads(data), at=timezone.now())
"""


@dataclass(frozen=True)
class Bought:
    """An order and what opens it."""

    number: str
    ticket: str

    @property
    def topic(self) -> str:
        return f"order.{self.number}"


@dataclass(frozen=True)
class Desk:
    """Where orders are placed and moved on in a shop."""

    shop: Shop
    guest: httpx.Client
    staff: httpx.Client
    hands: Hands

    def buy(self, sku: str = "POSTCARD-SET", **changes: Any) -> Bought:
        basket = self.guest.post("/basket/items", json={"sku": sku, "quantity": 1}).json()
        answer = self.guest.post(
            "/orders/checkout",
            json={**PURCHASE, **changes},
            headers={"X-Basket-Token": basket["token"], "Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 201, answer.text
        self.guest.cookies.clear()
        return Bought(answer.json()["number"], answer.json()["ticket"])

    def advance(self, order: Bought, *steps: str) -> None:
        for step in steps:
            answer = self.staff.post(f"/admin/orders/{order.number}/advance", json={"to": step})
            assert answer.status_code == 200, answer.text

    def take_steps(self, order: Bought, count: int) -> None:
        """The same without the web: by the clock's own code, in a process of its own."""
        self.hands.do(TAKE_STEPS, order.number, str(count))

    def begin_log_anew(self) -> None:
        """As after a restored backup: the cursors that are out have lost their meaning."""
        self.hands.do(BEGIN_ANEW)

    def revoke(self, order: Bought) -> None:
        """Close the links that open the order."""
        self.hands.do(REVOKE, order.number)

    def tell_step(self, message_id: str, type: str, **data: Any) -> None:
        """A step of a process that somebody on this machine has started."""
        self.hands.do(TELL_STEP, message_id, type, json.dumps(data))

    def broadcast(self, message: str) -> None:
        arguments = {"message": message, "type": "info"}
        params = {"name": "send_notification", "arguments": arguments}
        call = {"jsonrpc": "2.0", "id": "1", "method": "tools/call", "params": params}
        answer = httpx.post(f"{self.shop.address}/mcp", json=call)
        assert "notification_id" in answer.text, answer.text

    def events(self, order: Bought) -> list[dict[str, Any]]:
        """What the log says."""
        answer = self.guest.get(f"/orders/{order.number}/events", params={"ticket": order.ticket})
        events: list[dict[str, Any]] = answer.json()["events"]
        return events


class Hands:
    """Do what they are told in the shop's surroundings, which its clock has too."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def do(self, code: str, *arguments: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([code, *arguments]), file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "0\n"

    @cached_property
    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", HANDS],
            cwd=ROOT,
            env=self._shop.process("museo.ops.worker clock").environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        if "_process" in vars(self):
            self._process.communicate()


@contextmanager
def desk(shop: Shop) -> Iterator[Desk]:
    email, password = (shop.home / "staff-login").read_text().split()
    address = f"{shop.address}/api/v1"
    with (
        httpx.Client(base_url=address, timeout=60, verify=TLS) as guest,
        httpx.Client(base_url=address, timeout=60, follow_redirects=True, verify=TLS) as staff,
        closing(Hands(shop)) as hands,
    ):
        page = f"{shop.address}/login"
        staff.get(page)
        form = {"username": email, "password": password}
        staff.post(page, data={**form, "csrfmiddlewaretoken": staff.cookies["csrftoken"]})
        staff.headers["X-CSRFToken"] = staff.cookies["csrftoken"]
        yield Desk(shop, guest, staff, hands)
