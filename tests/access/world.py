"""A small shop in which everybody of the matrix makes a call; orders come when a row asks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from catalog import stock
from catalog.imports import services as imports
from catalog.models import Category, Master, Price, Variant
from mcp_bridge.assistant import intake
from mcp_bridge.models import Message
from museo.access import accounts, connections, scopes
from museo.access.callers import BASKET_COOKIE, TICKET_COOKIE, Caller, caller_for_user, who_is
from museo.access.models import User
from museo.access.roles import ROLES
from museo.oauth import clients
from notifications import subscriptions, unsubscribing
from notifications.models import Delivery, Subscription
from orders import baskets, checkout, checkouts, outcomes, returns
from orders.details import Details
from orders.models import Order, Place
from orders.payments import links
from tests.access.conftest import bearer
from tests.access.matrix import Row

IN = "in"
REFUSALS = {401, 403, 404, 405}
# not this machine, which may more
ADDRESS = "192.0.2.7"
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# what a regular expression of the registry is called by
SAMPLES = {"^api/": "api/nowhere", "^media/(?P<path>.+)$": "media/nothing.png"}
ADDRESS_OF_HOME = {
    "line1": "Museum Street 1",
    "city": "Helsinki",
    "postal_code": "00130",
    "country": "FI",
}


@dataclass
class World:
    """`call` answers as the shop would; who has a basket or a ticket sends it along."""

    users: dict[str, User] = field(default_factory=dict)
    tickets: dict[str, str] = field(default_factory=dict)
    basket_tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    lamp: Variant = field(default_factory=lambda: _lamp())

    def call(self, row: Row, who: str) -> str | int:
        """`in`, or the status of a refusal."""
        return _judged(self.answer(row, who))

    def answer(self, row: Row, who: str) -> Any:
        """What the shop says."""
        self.tickets.pop(who, None)
        route = SAMPLES.get(row.route) or PARAMETER.sub(
            lambda found: str(getattr(self, f"_{found[1]}")(who)), row.route
        )
        client = Client(REMOTE_ADDR=ADDRESS)
        if session := self.session(who):
            client.cookies[settings.SESSION_COOKIE_NAME] = session
        headers = {**row.headers, **self._brought(row, who, client)}
        address = f"/{route}?{row.query}" if row.query else f"/{route}"
        if row.is_rest:
            sent = "" if row.body is None else json.dumps(row.body)
            return client.generic(
                row.method, address, sent, content_type="application/json", headers=headers
            )
        return getattr(client, row.method.lower())(address, row.body, headers=headers)

    def session(self, who: str) -> str:
        """What a signed-in browser sends along; empty for who has no account."""
        user = self._user(who)
        if user and who not in self.sessions:
            client = Client()
            client.force_login(user)
            self.sessions[who] = client.cookies[settings.SESSION_COOKIE_NAME].value
        return self.sessions.get(who, "")

    def parts_of_the_admin(self, who: str) -> set[str]:
        """The apps whose rows this role finds there."""
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = self.session(who)
        return {part["app_label"] for part in client.get("/admin/").context["available_apps"]}

    def _brought(self, row: Row, who: str, client: Client) -> dict[str, str]:
        token, headers = self.basket_tokens.get(who, ""), {}
        if token and row.is_rest:
            headers["X-Basket-Token"] = token
        elif token:
            client.cookies[BASKET_COOKIE] = token
        if who == "ticket" and (ticket := self.tickets.get(who)):
            if row.is_rest:
                headers["Authorization"] = f"Ticket {ticket}"
            else:
                client.cookies[TICKET_COOKIE] = ticket
        if who in ("with", "without"):
            headers |= self._bearer(row, has_scope=who == "with")
        return headers

    def _bearer(self, row: Row, *, has_scope: bool) -> dict[str, str]:
        wanted = {row.scope or scopes.SHOP_READ}
        given = wanted if has_scope else set(scopes.SCOPES) - wanted
        name = f"program {timezone.now().timestamp()}"
        return bearer(accounts.create(name=name, scopes=given, now=timezone.now()))

    def _user(self, who: str) -> User | None:
        if who not in ("stranger", "buyer", *ROLES):
            return None
        if who not in self.users:
            user = User.objects.create_user(
                f"{who}@example.org", "correct horse", is_staff=who in ROLES
            )
            user.groups.set(Group.objects.filter(name=who))
            self.users[who] = user
        return self.users[who]

    # what stands in an address

    def _number(self, who: str) -> str:
        """An order of the buyer's, whose ticket the caller gets."""
        placed = checkout.place(
            self._with_basket("buyer"), self._details("ok"), now=timezone.now(), speed=1.0
        )
        self.tickets[who] = placed.ticket
        return placed.order.number

    def _token(self, who: str) -> str:
        self._number(who)
        return self.tickets[who]

    def _signed(self, who: str) -> str:
        """What ends the letters of an order of the buyer's."""
        number = self._number(who)
        made = Subscription.objects.get(topic=f"order.{number}", channel="email")
        return unsubscribing.url(made).rpartition("/")[2]

    def _link_token(self, who: str) -> str:
        """Of a link to an order of the buyer's on invoice, whose ticket the caller gets."""
        details = replace(self._details("invoice"), payment_provider="manual")
        buyer, now = self._with_basket("buyer"), timezone.now()
        placed = checkout.place(buyer, details, now=now, speed=1.0)
        self.tickets[who] = placed.ticket
        return links.for_order(buyer, placed.order.number, now=now).token

    def _provider(self, who: str) -> str:
        return "demo"

    def _payment_id(self, who: str) -> str:
        """Of a purchase that waits for its customer's yes."""
        details = self._details("needs_action")
        try:
            checkout.place(self._with_basket("guest"), details, now=timezone.now(), speed=1.0)
        except outcomes.PaymentActionRequired as waiting:
            return str(waiting.facts["payment_id"])
        raise AssertionError("nobody was asked")

    def _line_id(self, who: str) -> int:
        """In the caller's own basket."""
        opened = baskets.require(self._with_basket(who))
        return int(opened.basket.lines.get().pk)

    def _checkout_id(self, who: str) -> str:
        """Of the caller's own basket."""
        shown = checkouts.begin(self._with_basket(who), {}, now=timezone.now())
        return str(shown["id"])

    def _return_id(self, who: str) -> str:
        """One that the buyer has asked for, of the order that the row names."""
        order = Order.objects.latest("pk")
        Order.objects.filter(pk=order.pk).update(status="delivered", ended_at=timezone.now())
        user = self._user("buyer")
        units = {1: 1}
        asked = returns.ask(
            caller_for_user(user, locale="en"), order.number, units=units, now=timezone.now()
        )
        return asked.public_id

    def _place_id(self, who: str) -> str:
        """One that the buyer keeps."""
        user = self._user("buyer")
        assert user
        return Place.objects.create(user=user, name="Maya", address=ADDRESS_OF_HOME).public_id

    def _subscription_id(self, who: str) -> str:
        """The caller's own; the buyer's for whoever has none."""
        user = self._user(who) or self._user("buyer")
        assert user
        return subscriptions.begin(
            topic="broadcast.all",
            channel=Subscription.Channel.WEBHOOK,
            # nothing is sent there
            address="https://127.0.0.1/",
            who=who_is(user.pk),
            locale="en",
            now=timezone.now(),
        ).subscription.public_id

    def _address_id(self, who: str) -> str:
        """Of a wish that is no address of theirs: they are told so."""
        return self._subscription_id(who)

    def _connection_id(self, who: str) -> int:
        """The caller's own; the buyer's for whoever has none."""
        user = self._user(who) or self._user("buyer")
        assert user
        client = clients.register({"redirect_uris": ["https://assistant.example/callback"]})
        now = timezone.now()
        connections.allow(user=user, client=client, scopes=["shop:read"], now=now)
        return user.connections.latest("pk").pk

    def _path(self, who: str) -> str:
        """Of a resource that tokens are for."""
        return "mcp"

    def _delivery_id(self, who: str) -> str:
        """Of the subscription above."""
        found = Subscription.objects.get(public_id=self._subscription_id(who))
        now, position = timezone.now(), 1
        Delivery.objects.get_or_create(
            subscription=found,
            position=position,
            defaults={"topic": found.topic, "due_at": now, "created_at": now},
        )
        return f"{found.public_id}-{position}"

    def _message_id(self, who: str) -> str:
        """One that the caller has just said; a guest, for programs."""
        return self._said(who).public_id

    def _conversation_id(self, who: str) -> str:
        return self._said(who).conversation.public_id

    def _said(self, who: str) -> Message:
        caller = caller_for_user(self._user(who), locale="en", address=ADDRESS)
        said = intake.accept(caller, text="Where is my order?", now=timezone.now())
        return said.message

    def _step(self, who: str) -> int:
        """Of the first run."""
        return 1

    def _slug(self, who: str) -> str:
        return self.lamp.master.slug

    def _key(self, who: str) -> str:
        return self.lamp.master.slug

    def _public_id(self, who: str) -> str:
        """An import that somebody has uploaded."""
        found = imports.upload(
            [b"sku\nLAMP\n"], file_name="a.csv", owner_id=None, now=timezone.now()
        )
        return found.public_id

    def _product_id(self, who: str) -> str:
        return str(self.lamp.master.public_id)

    def _with_basket(self, who: str) -> Caller:
        """The caller with a lamp in the basket."""
        user = self._user(who)
        caller = caller_for_user(user, locale="en")
        opened = baskets.add(caller, sku=self.lamp.sku, quantity=1, now=timezone.now())
        if not user:
            self.basket_tokens[who] = opened.token
        return caller.with_basket(opened.token)

    def _details(self, payment_token: str) -> Details:
        return Details(
            email="maya@example.org",
            name="Maya Okafor",
            address=ADDRESS_OF_HOME,
            payment_token=payment_token,
        )


def _lamp() -> Variant:
    category = Category.objects.add_root(
        instance=Category(slug="light", room=Category.Room.LIGHT, name="Light")
    )
    master = Master.objects.create(
        slug="lamp", status=Master.Status.ACTIVE, primary_category=category, name="Lamp"
    )
    variant = Variant.objects.create(master=master, sku="LAMP")
    Price.objects.create(variant=variant, amount=12900)
    stock.receive(variant, 100, at=timezone.now())
    return variant


def _judged(response: Any) -> str | int:
    status: int = response.status_code
    is_sent_away = status == 302 and "/login" in response["Location"]
    assert status != 500
    return status if status in REFUSALS or is_sent_away else IN
