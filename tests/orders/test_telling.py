"""Who is told in words, once and in their language, that money goes back and of their returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from random import Random
from typing import Any

import pytest
from django.test import Client

from catalog.models import StockItem
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from notifications import audit as log_audit
from notifications import (
    dispatcher,
    inbox,
    letters,
    log,
    preferring,
    sending,
    subscriptions,
    topics,
)
from notifications.envelope import render
from notifications.models import Delivery, Event, Subscription
from orders import (
    adjustments,
    answers,
    baskets,
    buyers,
    checkout,
    followers,
    order_tables,
    outcomes,
    payments,
    returns,
    services,
    tracking,
)
from orders.details import Details
from orders.models import Order, Payment
from orders.payments import demo, events, links, settlement
from orders.payments.charges import Outcome, PaidBack
from orders.payments.links import NewLink
from orders.tracking import Placed
from tests.mail_server import Mailbox
from tests.notifications.test_letters import EMOJI, HOUSE, LANGUAGES
from tests.orders.conftest import ADDRESS, SellLamp

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
MAYA, LAMP = "maya@example.org", 12900
PLACED = ["We have your order"]
BACK = "Money goes back to you"

Buy = Callable[..., Placed]


@pytest.fixture
def arrived(noon: datetime) -> datetime:
    return noon + timedelta(minutes=12)


@pytest.fixture
def bring(sell: SellLamp, details: Details, noon: datetime, arrived: datetime) -> Buy:
    """Three lamps, delivered; of what was told until then nobody hears any more."""
    sell(price=LAMP, on_hand=100)

    def bring(caller: Caller | None = None, **wanted: Any) -> Placed:
        caller = caller or Caller()
        opened = baskets.add(caller, sku="LAMP", quantity=3, now=noon)
        buyer = replace(caller, basket_token=opened.token)
        placed = checkout.place(buyer, replace(details, **wanted), now=noon, speed=1.0)
        services.advance_due(now=arrived)
        dispatcher.dispatch(now=arrived)
        Delivery.objects.all().delete()
        return placed

    return bring


@pytest.fixture
def maya(noon: datetime) -> Caller:
    user = User.objects.create_user(MAYA, locale="en", date_joined=noon)
    return caller_for_user(user, locale="en")


def deliver(now: datetime) -> None:
    """What a work process does each second."""
    while dispatcher.dispatch(now=now):
        pass
    sending.run(clock=lambda: now, dice=Random(7))  # noqa: S311


def text_of(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part
    return str(part.get_content()).replace("\r\n", "\n")


def said(mailbox: Mailbox) -> list[tuple[str, str]]:
    """The subjects of letters, and what they say."""
    return [(str(letter["Subject"]), text_of(letter).split("\n\n")[1]) for letter in mailbox.taken]


def subjects(mailbox: Mailbox) -> list[str]:
    return [subject for subject, _text in said(mailbox)]


def send_back(placed: Placed, staff: Caller, *states: str, now: datetime) -> None:
    owner, number = Caller(tickets=(placed.ticket,)), placed.order.number
    asked = returns.ask(owner, number, units={1: 1}, now=now)
    for state in states:
        returns.decide(staff, number, asked.public_id, state=state, now=now)
        deliver(now)


def test_a_guest_is_told_of_each_part_that_goes_back(
    bring: Buy, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    placed = bring()
    number = placed.order.number

    for amount in (1200, 800):
        adjustments.refund(staff, number, amount=amount, now=arrived)
    deliver(arrived)

    # both at once: either may be there first
    assert sorted(said(mailbox)) == [
        (BACK, f"€12.00 for your order {number} goes back to you the way you paid."),
        (BACK, f"€8.00 for your order {number} goes back to you the way you paid."),
    ]
    for letter in mailbox.taken:
        assert letter["To"] == MAYA
        assert tracking.ticket_url(placed.ticket) in text_of(letter)
    assert log_audit.broken(log_audit.INVARIANTS, now=arrived) == []


@pytest.mark.parametrize("has_account", [False, True])
def test_whose_money_came_too_late_is_told_by_a_letter(
    sell: SellLamp,
    details: Details,
    maya: Caller,
    mailbox: Mailbox,
    noon: datetime,
    has_account: bool,
) -> None:
    sell(price=LAMP, on_hand=1)
    caller = maya if has_account else Caller()
    opened = baskets.add(caller, sku="LAMP", quantity=1, now=noon)
    buyer = replace(caller, basket_token=opened.token)
    with pytest.raises(outcomes.PaymentPending):
        checkout.place(buyer, replace(details, payment_token="later"), now=noon, speed=1.0)
    checkout.release_expired(now=noon + timedelta(minutes=15))
    StockItem.objects.update(on_hand=0)
    later = noon + timedelta(days=2)

    body, headers = demo.news(Payment.objects.get().public_id, Outcome.CAPTURED)
    for _again in range(2):
        settlement.hear("demo", body, headers, now=later, speed=1.0)
    deliver(later)

    assert said(mailbox) == [
        (BACK, "€132.90 goes back to you the way you paid: there is no order for it.")
    ]
    assert mailbox.taken[0]["To"] == MAYA
    assert log_audit.broken(log_audit.INVARIANTS, now=later) == []
    assert buyers.forget(now=later + tracking.TICKET_LIFE) == 0
    assert buyers.forget(now=later + tracking.TICKET_LIFE + timedelta(seconds=1)) == 1


def owed(buyer: Caller, details: Details, now: datetime) -> NewLink:
    """A link to pay an order that was placed on invoice."""
    on_invoice = replace(details, payment_provider="manual", payment_token="invoice")
    placed = checkout.place(buyer, on_invoice, now=now, speed=1.0)
    return links.for_order(Caller(tickets=(placed.ticket,)), placed.order.number, now=now)


def begin(new: NewLink, now: datetime, *, email: str = MAYA) -> Payment:
    """A payment that waits for its customer."""
    with pytest.raises(outcomes.PaymentActionRequired):
        pay(new, "needs_action", now, email=email)
    return Payment.objects.latest("pk")


def pay(new: NewLink, method: str, now: datetime, *, email: str = MAYA) -> Placed:
    body = {"email": email, "name": "Maya", "address": ADDRESS, "delivery": "courier"}
    link = links.find(new.token)
    return links.pay(link, method=method, body=body, locale="en", now=now, speed=1.0)


def paid_twice_by_link(buyer: Caller, details: Details, _staff: Caller, now: datetime) -> Payment:
    new = owed(buyer, details, now)
    first = begin(new, now)
    pay(new, "ok", now)
    return first


def cancelled_before(buyer: Caller, details: Details, staff: Caller, now: datetime) -> Payment:
    new = owed(buyer, details, now)
    waiting = begin(new, now)
    adjustments.cancel(staff, Order.objects.get().number, now=now)
    return waiting


def paid_by_somebody_else(
    buyer: Caller, _details: Details, _staff: Caller, now: datetime
) -> Payment:
    new = links.for_basket(buyer, now=now)
    first = begin(new, now)
    pay(new, "ok", now, email="sam@example.org")
    return first


def bought_since(buyer: Caller, details: Details, _staff: Caller, now: datetime) -> Payment:
    with pytest.raises(outcomes.PaymentActionRequired):
        checkout.place(buyer, replace(details, payment_token="needs_action"), now=now, speed=1.0)
    first = Payment.objects.get()
    checkout.place(buyer, details, now=now, speed=1.0)
    return first


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (paid_twice_by_link, "your order {number} was paid before"),
        (cancelled_before, "nothing is left to be paid for your order {number}"),
        (paid_by_somebody_else, "what the payment link asks for was paid before"),
        (bought_since, "you have placed your order {number} since"),
    ],
)
def test_whose_money_is_not_needed_any_more_is_told_why(
    sell: SellLamp,
    details: Details,
    staff: Caller,
    mailbox: Mailbox,
    noon: datetime,
    meanwhile: Callable[..., Payment],
    why: str,
) -> None:
    sell(price=LAMP, on_hand=9)
    basket = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
    payment = meanwhile(Caller(basket_token=basket.token), details, staff, noon)
    deliver(noon)
    mailbox.taken.clear()

    body, headers = demo.news(payment.public_id, Outcome.CAPTURED)
    settlement.hear("demo", body, headers, now=noon, speed=1.0)
    deliver(noon)

    because = why.format(number=Order.objects.get().number)
    assert said(mailbox) == [(BACK, f"€132.90 goes back to you the way you paid: {because}.")]
    assert mailbox.taken[0]["To"] == MAYA


def test_what_goes_back_before_it_is_delivered_is_told_too(
    sell: SellLamp, buy: Buy, staff: Caller, mailbox: Mailbox, noon: datetime
) -> None:
    sell()
    number = buy(quantity=3).order.number
    deliver(noon)

    adjustments.refund(staff, number, now=noon)
    deliver(noon)
    services.advance_due(now=noon + timedelta(minutes=2))
    deliver(noon + timedelta(minutes=2))

    assert subjects(mailbox) == [*PLACED, BACK, "Your order is confirmed"]


def test_the_language_is_that_in_which_was_bought(
    bring: Buy, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    number = bring(Caller(locale="de")).order.number

    adjustments.refund(staff, number, amount=1200, now=arrived)
    deliver(arrived)

    assert said(mailbox) == [
        (
            "Sie bekommen Geld zurück",
            f"12,00\xa0€ für Ihre Bestellung {number} gehen auf dem Zahlungsweg an Sie zurück.",
        )
    ]


def test_a_whole_refund_is_told_by_the_order_alone(
    bring: Buy, maya: Caller, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    order = bring(maya).order
    adjustments.refund(staff, order.number, amount=1200, now=arrived)
    deliver(arrived)

    adjustments.refund(staff, order.number, now=arrived)
    deliver(arrived)

    assert subjects(mailbox) == [BACK, "Your order is refunded"]
    told = [each["type"] for each in inbox.read(maya, limit=3).told("en")]
    assert told == ["order.refunded", "payment.refunded", "order.delivered"]


def test_money_of_a_cancelled_order_is_told_besides(
    sell: SellLamp, buy: Buy, staff: Caller, mailbox: Mailbox, noon: datetime
) -> None:
    sell()
    placed = buy()
    deliver(noon)

    adjustments.cancel(staff, placed.order.number, now=noon)
    deliver(noon)

    assert sorted(subjects(mailbox)) == [BACK, *PLACED, "Your order is cancelled"]


def test_a_person_who_follows_twice_is_told_once(
    bring: Buy, maya: Caller, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    for address in (MAYA, "office@example.org"):
        subscriptions.begin(
            topic=f"user.{maya.user_id}",
            channel=Subscription.Channel.EMAIL,
            address=address,
            who=maya.who,
            locale="en",
            now=arrived,
        )
    placed = bring(maya)

    adjustments.refund(staff, placed.order.number, amount=1200, now=arrived)
    deliver(arrived)

    told = sorted((letter["To"], str(letter["Subject"])) for letter in mailbox.taken)
    assert told == [(MAYA, BACK), ("office@example.org", BACK)]
    for letter in mailbox.taken:
        assert f"/orders/{placed.order.number}" in text_of(letter)
    [first, *_rest] = inbox.read(maya, limit=5).told("en")
    assert first["data"]["message"].startswith(f"€12.00 for your order {placed.order.number}")
    assert first["data"]["order_id"] == placed.order.number


def test_who_switched_an_order_on_afterwards_hears_of_it_from_then_on(
    sell: SellLamp, maya: Caller, details: Details, staff: Caller, mailbox: Mailbox, noon: datetime
) -> None:
    sell()
    opened = baskets.add(maya, sku="LAMP", quantity=3, now=noon)
    buyer = replace(maya, basket_token=opened.token)
    elsewhere = replace(details, email="else@example.org")
    order = checkout.place(buyer, elsewhere, now=noon, speed=1.0).order
    adjustments.refund(staff, order.number, amount=1200, now=noon)
    deliver(noon)

    assert followers.switch_on(maya, order, "email", MAYA, now=noon)
    adjustments.refund(staff, order.number, amount=800, now=noon)
    deliver(noon)

    (letter,) = [each for each in mailbox.taken if each["To"] == MAYA]
    assert "€8.00" in text_of(letter)


def test_a_program_hears_what_it_has_named_and_no_more(
    bring: Buy, staff: Caller, arrived: datetime
) -> None:
    placed = bring()
    webhook = subscriptions.begin(
        topic=placed.order.topic,
        channel=Subscription.Channel.WEBHOOK,
        address="https://example.com/",
        who=staff.who,
        locale="en",
        now=arrived,
    ).subscription

    adjustments.refund(staff, placed.order.number, amount=1200, now=arrived)
    dispatcher.dispatch(now=arrived)

    assert webhook.topics == [placed.order.topic]
    assert not webhook.deliveries.exists()


def test_money_that_is_switched_off_is_not_told(
    bring: Buy, maya: Caller, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    preferring.save(maya, {"channels": {"money": {"email": False}}}, now=arrived)
    placed = bring(maya)

    adjustments.refund(staff, placed.order.number, amount=1200, now=arrived)
    deliver(arrived)

    assert mailbox.taken == []
    assert Delivery.objects.get().reason == "not_wanted"


def test_quiet_hours_are_kept(
    bring: Buy, maya: Caller, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    quiet = {"starts_at": time(12), "ends_at": time(14), "urgent_too": False}
    preferring.save(maya, {"quiet_hours": quiet, "time_zone": "UTC"}, now=arrived)
    placed = bring(maya)

    for amount in (1200, 800):
        adjustments.refund(staff, placed.order.number, amount=amount, now=arrived)
    deliver(arrived)

    assert mailbox.taken == []
    deliver(datetime(2026, 11, 20, 14, tzinfo=UTC))
    assert subjects(mailbox) == [BACK, BACK]


def test_what_is_owed_less_is_said(
    client: Client, bring: Buy, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    placed = bring(payment_provider="manual", payment_token="invoice")
    number = placed.order.number

    adjustments.refund(staff, number, units={1: 1}, now=arrived)
    deliver(arrived)
    adjustments.refund(staff, number, now=arrived)
    deliver(arrived)

    assert said(mailbox)[0] == (
        "Less is to be paid for your order",
        f"€129.00 less is to be paid for your order {number}. €261.90 is left.",
    )
    nothing = "Nothing is left to be paid for your order"
    assert subjects(mailbox)[1:] == [nothing]
    assert client.get(f"/api/v1/orders/{number}/track?ticket={placed.ticket}").json()[
        "status_message"
    ] == (f"{nothing}.")
    owed = Event.objects.filter(type="payment.owed").order_by("position")
    amounts = [event.data["amount"] for event in owed]
    assert amounts == [3 * LAMP + 390, 2 * LAMP + 390, 0]


def test_that_nothing_is_owed_any_more_is_said_of_an_order_that_goes_on(
    sell: SellLamp, details: Details, staff: Caller, mailbox: Mailbox, noon: datetime
) -> None:
    sell()
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token)
    on_invoice = replace(details, payment_provider="manual", payment_token="invoice")
    number = checkout.place(guest, on_invoice, now=noon, speed=1.0).order.number
    deliver(noon)

    adjustments.refund(staff, number, now=noon)
    deliver(noon)

    assert said(mailbox)[1][1] == f"Nothing is left to be paid for your order {number}."


def test_a_return_is_answered(
    bring: Buy, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    placed = bring()

    send_back(placed, staff, "approved", "received", now=arrived)
    send_back(placed, staff, "refused", now=arrived)

    approved, *here, refused = said(mailbox)
    assert approved[0] == "You can send it back"
    assert sorted(subject for subject, _text in here) == [BACK, "What you sent back has arrived"]
    assert refused[0] == "We cannot take this back"
    assert all(placed.order.number in text for _subject, text in said(mailbox))
    assert log_audit.broken(log_audit.INVARIANTS, now=arrived) == []


def test_a_return_is_answered_in_the_inbox_and_nothing_of_it_is_in_words_there(
    bring: Buy, maya: Caller, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    placed = bring(maya)
    number = placed.order.number
    asked = returns.ask(maya, number, units={1: 1}, reason="Private reason", now=arrived)

    returns.decide(
        staff, number, asked.public_id, state="refused", answer="Private answer", now=arrived
    )
    deliver(arrived)

    [told, *_rest] = inbox.read(maya, limit=5).told("fr")
    assert (told["type"], told["topic"]) == ("notification", answers.topic(asked))
    assert told["data"]["notification_type"] == "return_refused"
    assert told["data"]["order_id"] == number
    assert told["data"]["data"] == {"return_id": asked.public_id, "state": "refused"}
    assert number in told["data"]["message"]
    assert "Private" not in str(list(Event.objects.values()))
    assert len(mailbox.taken) == 1


def test_staff_see_what_was_told_of_money_and_returns_and_send_the_order_s_again(
    bring: Buy, staff: Caller, mailbox: Mailbox, arrived: datetime
) -> None:
    placed = bring()
    send_back(placed, staff, "approved", "received", now=arrived)

    told, happened = order_tables.told(placed.order), order_tables.timeline(placed.order)

    assert told.count(">payment.refunded<") == 1
    assert told.count(">notification<") == 2
    assert f"What you sent back of your order {placed.order.number} has arrived." in happened
    assert order_tables.last_words(placed.order) == []


def test_only_who_can_act_hears_of_a_return(bring: Buy, staff: Caller, arrived: datetime) -> None:
    placed, other = bring(), bring()
    owner = Caller(tickets=(placed.ticket,))
    asked = returns.ask(owner, placed.order.number, units={1: 1}, now=arrived)
    watching = tracking.share(owner, placed.order.number, now=arrived)
    name = answers.topic(asked)

    readers = [owner, staff, Caller(tickets=(watching,)), Caller(tickets=(other.ticket,)), Caller()]
    found = topics.readable_by_each([(each, [name, "return.none"]) for each in readers])

    assert found == [{name}, {name}, set(), set(), set()]
    assert topics.snapshots([name], "en")[name]["state"] == "requested"


def test_staff_are_told_of_a_refund_that_failed_and_the_customer_is_not(
    bring: Buy,
    maya: Caller,
    staff: Caller,
    mailbox: Mailbox,
    arrived: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    placed = bring(maya)
    number = placed.order.number
    subscriptions.begin(
        topic=tracking.STAFF_TOPIC,
        channel=Subscription.Channel.EMAIL,
        address="staff@museo.example",
        who=staff.who,
        types=["notification"],
        locale="en",
        now=arrived,
    )
    with monkeypatch.context() as context:
        refuses = replace(
            payments.PROVIDERS["demo"], refund=lambda _request: PaidBack("", error_code="closed")
        )
        context.setitem(payments.PROVIDERS, "demo", refuses)
        adjustments.refund(staff, number, amount=1200, now=arrived)
    deliver(arrived)

    assert [letter["To"] for letter in mailbox.taken] == ["staff@museo.example"]
    failed = f"€12.00 could not be paid back for order {number}. Pay it back again."
    assert said(mailbox) == [("A refund failed", failed)]
    assert inbox.read(maya, limit=1).told("en")[0]["type"] == "order.delivered"
    client = Client()
    client.get(f"/t/{placed.ticket}")
    assert "€12.00" not in client.get(f"/orders/{number}").text

    adjustments.refund(staff, number, amount=1200, now=arrived)
    deliver(arrived)

    assert subjects(mailbox) == ["A refund failed", BACK]
    assert client.get(f"/orders/{number}").text.count("€12.00") == 1


def test_money_without_an_order_is_told_to_whose_account_it_was(
    bring: Buy, maya: Caller, arrived: datetime
) -> None:
    placed = bring(maya)
    payment = Payment.objects.select_related("checkout").get(order=placed.order)
    with log.change() as change:
        events.tell_refunded(change, payment, 1200, order=None, now=arrived)

    [told, *_rest] = inbox.read(maya, limit=1).told("en")

    because = f"your order {placed.order.number} was paid before."
    assert told["data"]["message"] == f"€12.00 goes back to you the way you paid: {because}"


KINDS: dict[str, Any] = {
    "payment.refunded": lambda staff, placed, now: adjustments.refund(
        staff, placed.order.number, amount=1200, now=now
    ),
    "notification": lambda staff, placed, now: send_back(placed, staff, "refused", now=now),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_language_has_every_form(
    bring: Buy, staff: Caller, arrived: datetime, kind: str
) -> None:
    placed = bring()
    KINDS[kind](staff, placed, arrived)
    event = Event.objects.get(type=kind)

    told = {
        locale: letters.render(render(event, locale), locale=locale, house=HOUSE, url="https://a")
        for locale in LANGUAGES
    }

    for content in told.values():
        forms = (content.subject, content.text, content.short, content.chat, content.html)
        for form in forms:
            assert form
            assert "%(" not in form
            assert f"{kind}." not in form
            assert "return_" not in form
        assert content.chat.startswith("🔔")
        assert not EMOJI.search(content.subject + content.text + content.short + content.html)
        assert placed.order.number in content.short
        assert content.text.count(placed.order.number) == 1
        assert content.template
    assert len({content.subject for content in told.values()}) == len(LANGUAGES)
