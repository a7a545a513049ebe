"""After an order was placed: another address, notes, goods sent back, the receipt, the figures."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from catalog.models import StockItem
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.problems import Invalid, NotAllowed
from notifications.models import Event
from orders import (
    adjustments,
    amendments,
    baskets,
    checkout,
    delays,
    notes,
    returns,
    services,
    stats,
    tracking,
)
from orders.delivery import DeliveryNotPossible
from orders.details import Details
from orders.models import (
    Adjustment,
    DeliveryArea,
    DeliveryOption,
    Order,
    OrderLine,
    OrderNote,
    Return,
)
from orders.tracking import Placed, UnknownOrder
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both_in_long]

Buy = Callable[..., Placed]
MINUTE = timedelta(minutes=1)
ELSEWHERE = {"line1": "Harbour Road 9", "city": "Turku", "postal_code": "20100"}


@pytest.fixture
def placed(sell: SellLamp, buy: Buy) -> Placed:
    sell(on_hand=10)
    return buy(quantity=3)


@pytest.fixture
def owner(placed: Placed) -> Caller:
    return Caller(tickets=(placed.ticket,))


@pytest.fixture
def arrived(noon: datetime) -> datetime:
    return noon + 12 * MINUTE


def deliver(now: datetime) -> None:
    services.advance_due(now=now)


# another address, a note


def test_a_customer_changes_the_address_and_the_note_until_it_is_being_prepared(
    placed: Placed, owner: Caller, staff: Caller, noon: datetime
) -> None:
    number = placed.order.number

    order = amendments.amend(owner, number, address=ELSEWHERE, note="Ring twice", now=noon)

    assert order.address == {**ELSEWHERE, "country": "FI"}
    assert order.note == "Ring twice"
    assert [note.text for note in order.notes.order_by("pk")] == [
        "Changed; before: Museum Street 1, Helsinki, 00130, FI",
        "Changed; before: -",
    ]
    assert "Harbour" not in str(list(Event.objects.values("data", "texts")))

    services.advance_due(now=noon + 5 * MINUTE)
    with pytest.raises(amendments.TooLateToChange):
        amendments.amend(owner, number, note="Late", now=noon)
    assert amendments.amend(staff, number, note="By staff", now=noon).note == "By staff"
    services.advance_due(now=noon + 12 * MINUTE)
    with pytest.raises(amendments.TooLateToChange):
        amendments.amend(staff, number, note="Too late", now=noon)


@pytest.mark.parametrize(
    "address", [{"country": "SE"}, {"line1": ""}, {"line1": "x" * 201}, {"city": "\x00"}]
)
def test_an_address_that_cannot_be_changes_nothing(
    placed: Placed, owner: Caller, noon: datetime, address: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        amendments.amend(owner, placed.order.number, address={**ELSEWHERE, **address}, now=noon)

    assert Order.objects.get().address["city"] == "Helsinki"
    assert not OrderNote.objects.exists()


def test_a_customer_moves_an_order_to_where_its_way_of_delivery_goes(
    placed: Placed, owner: Caller, staff: Caller, noon: datetime
) -> None:
    courier = DeliveryOption.objects.get(code="courier")
    DeliveryArea.objects.create(option=courier, country="FI", postal_prefix="00")
    here = {"line1": "Pier 4", "city": "Helsinki", "postal_code": "00160"}
    far = {"line1": "Fell 1", "city": "Inari", "postal_code": "99800"}

    def move(caller: Caller, address: dict[str, str]) -> str:
        number = placed.order.number
        return str(amendments.amend(caller, number, address=address, now=noon).address["city"])

    with pytest.raises(DeliveryNotPossible):
        move(owner, far)
    assert move(owner, here) == "Helsinki"
    # who says so drives there
    assert move(staff, far) == "Inari"
    # where it goes already is no other place
    assert move(owner, far) == "Inari"
    with pytest.raises(DeliveryNotPossible):
        move(owner, {**far, "line1": "Fell 2"})


def test_of_what_cost_nothing_each_part_can_come_back(
    sell: SellLamp, details: Details, staff: Caller
) -> None:
    now = timezone.now()
    sell("GIFT", price=0)
    guest = Caller(basket_token=baskets.add(Caller(), sku="GIFT", quantity=2, now=now).token)
    bought = checkout.place(guest, replace(details, delivery="pickup"), now=now, speed=1.0)
    assert (bought.order.total, bought.order.payment_status) == (0, "paid")
    now += timedelta(hours=1)
    services.advance_due(now=now)

    def send_back() -> str:
        number, owner = bought.order.number, Caller(tickets=(bought.ticket,))
        asked = returns.ask(owner, number, units={1: 1}, now=now)
        for state in ("approved", "received"):
            returns.decide(staff, number, asked.public_id, state=state, now=now)
        return Order.objects.values_list("status", flat=True).get(number=number)

    assert [send_back(), send_back()] == ["delivered", "refunded"]


def test_notes_are_for_staff_alone(
    placed: Placed, owner: Caller, staff: Caller, noon: datetime
) -> None:
    number = placed.order.number
    notes.add(staff, number, text="Called back", now=noon)

    assert [note["text"] for note in notes.read(staff, number)] == ["Called back"]
    for act in (
        lambda: notes.read(owner, number),
        lambda: notes.add(owner, number, text="x", now=noon),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(UnknownOrder):
        notes.read(Caller(), number)
    assert "Called back" not in str(tracking.summary(placed.order, locale="en", now=noon))


# goods sent back


def test_goods_come_back_and_are_paid_for_once_they_are_here(
    placed: Placed, owner: Caller, staff: Caller, arrived: datetime
) -> None:
    deliver(arrived)
    number = placed.order.number

    asked = returns.ask(owner, number, units={1: 2}, reason="Too bright", now=arrived)

    assert (asked.state, placed.order.lines.get().coming_back) == ("requested", 2)
    returns.decide(staff, number, asked.public_id, state="approved", now=arrived)
    assert not Adjustment.objects.exists()
    received = returns.decide(staff, number, asked.public_id, state="received", now=arrived)

    assert received.adjustment
    assert (received.adjustment.kind, received.adjustment.amount) == ("return", 2 * 12900)
    line = placed.order.lines.get()
    assert (line.coming_back, line.taken_back) == (0, 2)
    assert StockItem.objects.get().on_hand == 9
    order = Order.objects.get()
    assert (order.status, order.payment_status) == ("delivered", "partially_refunded")
    [shown] = tracking.returns(order)
    goods = [{"position": 1, "quantity": 2, "name": "LAMP"}]
    assert (shown["state"], shown["lines"]) == ("received", goods)


def test_what_is_broken_is_paid_for_and_not_put_back(
    placed: Placed, owner: Caller, staff: Caller, arrived: datetime
) -> None:
    deliver(arrived)
    number = placed.order.number
    asked = returns.ask(owner, number, units={1: 3}, now=arrived)
    returns.decide(staff, number, asked.public_id, state="approved", now=arrived)
    returns.decide(staff, number, asked.public_id, state="received", puts_back=False, now=arrived)

    assert StockItem.objects.get().on_hand == 7
    assert Order.objects.get().given_back == 3 * 12900


def test_a_refused_return_sets_its_units_free(
    placed: Placed, owner: Caller, staff: Caller, arrived: datetime
) -> None:
    deliver(arrived)
    number = placed.order.number
    asked = returns.ask(owner, number, units={1: 3}, now=arrived)
    with pytest.raises(returns.TooManyUnits):
        returns.ask(owner, number, units={1: 1}, now=arrived)
    with pytest.raises(adjustments.RefundTooLarge):
        adjustments.refund(staff, number, units={1: 1}, now=arrived)

    returns.decide(
        staff, number, asked.public_id, state="refused", answer="It was used", now=arrived
    )

    assert Return.objects.get().answer == "It was used"
    assert returns.ask(owner, number, units={1: 3}, now=arrived).state == "requested"


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ([], "received"),
        (["approved"], "approved"),
        (["refused"], "approved"),
        (["approved", "received"], "refused"),
        (["approved", "received"], "received"),
        ([], "requested"),
        ([], "nonsense"),
    ],
)
def test_a_return_goes_its_way_and_no_other(
    placed: Placed,
    owner: Caller,
    staff: Caller,
    arrived: datetime,
    steps: list[str],
    refused: str,
) -> None:
    deliver(arrived)
    number = placed.order.number
    asked = returns.ask(owner, number, units={1: 1}, now=arrived)
    for state in steps:
        returns.decide(staff, number, asked.public_id, state=state, now=arrived)
    before = Adjustment.objects.count()

    with pytest.raises(returns.CannotDecide):
        returns.decide(staff, number, asked.public_id, state=refused, now=arrived)

    assert Return.objects.get().state == (steps[-1] if steps else "requested")
    assert Adjustment.objects.count() == before


def test_only_what_was_delivered_lately_is_taken_back(
    placed: Placed, owner: Caller, arrived: datetime, noon: datetime
) -> None:
    number = placed.order.number
    with pytest.raises(returns.CannotReturn):
        returns.ask(owner, number, units={1: 1}, now=noon)
    deliver(arrived)
    for units in ({}, {1: 0}, {1: -1}):
        with pytest.raises(Invalid):
            returns.ask(owner, number, units=units, now=arrived)
    for units in ({1: 4}, {2: 1}):
        with pytest.raises(returns.TooManyUnits):
            returns.ask(owner, number, units=units, now=arrived)
    with pytest.raises(returns.CannotReturn):
        returns.ask(owner, number, units={1: 1}, now=arrived + timedelta(days=30, seconds=1))
    with pytest.raises(UnknownOrder):
        returns.ask(Caller(), number, units={1: 1}, now=arrived)
    assert not Return.objects.exists()
    assert placed.order.lines.get().coming_back == 0


def test_only_staff_answer_a_return_and_only_of_its_order(
    placed: Placed, owner: Caller, staff: Caller, buy: Buy, arrived: datetime
) -> None:
    other = buy().order
    deliver(arrived)
    asked = returns.ask(owner, placed.order.number, units={1: 1}, now=arrived)

    with pytest.raises(NotAllowed):
        returns.decide(owner, placed.order.number, asked.public_id, state="approved", now=arrived)
    with pytest.raises(returns.UnknownReturn):
        returns.decide(staff, other.number, asked.public_id, state="approved", now=arrived)


def test_parts_of_a_line_that_does_not_divide_add_up(
    placed: Placed, staff: Caller, arrived: datetime
) -> None:
    deliver(arrived)
    line = placed.order.lines.get()
    line.total, line.quantity = 100, 3
    worth = []
    for line.taken_back in range(3):
        worth.append(adjustments._worth_of(line, 1))

    assert worth == [33, 33, 34]


@pytest.mark.usefixtures("committed")
def test_ten_who_ask_at_once_ask_for_no_more_than_was_bought(
    placed: Placed, owner: Caller, arrived: datetime
) -> None:
    deliver(arrived)
    number = placed.order.number

    answers = at_once(
        [lambda: returns.ask(owner, number, units={1: 1}, now=arrived) for _ in range(10)]
    )

    assert sum(isinstance(answer, Return) for answer in answers) == 3
    assert {type(answer) for answer in answers} == {Return, returns.TooManyUnits}
    assert placed.order.lines.get().coming_back == 3


@pytest.mark.usefixtures("committed")
def test_two_who_receive_it_at_once_pay_for_it_once(
    placed: Placed, owner: Caller, staff: Caller, arrived: datetime
) -> None:
    deliver(arrived)
    number = placed.order.number
    asked = returns.ask(owner, number, units={1: 2}, now=arrived)
    returns.decide(staff, number, asked.public_id, state="approved", now=arrived)

    def receive() -> Return:
        return returns.decide(staff, number, asked.public_id, state="received", now=arrived)

    answers = at_once([receive] * 4)

    assert sum(isinstance(answer, Return) for answer in answers) == 1
    assert Order.objects.get().given_back == Adjustment.objects.get().amount == 2 * 12900


def test_the_database_keeps_units_from_coming_back_twice(placed: Placed) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        placed.order.lines.update(taken_back=2, coming_back=2)


# over REST and on pages


def post(client: Client, path: str, body: dict[str, Any], method: str = "post") -> Any:
    return getattr(client, method)(path, body, content_type="application/json")


def test_a_guest_changes_and_sends_back_over_rest(
    placed: Placed, staff: Caller, client: Client
) -> None:
    path = f"/api/v1/orders/{placed.order.number}"
    assert post(client, path, {"note": "x"}, "patch").status_code == 404
    client.get(f"/t/{placed.ticket}")

    changed = post(client, path, {"address": ELSEWHERE, "note": "Ring twice"}, "patch")
    assert (changed.status_code, changed.json()["note"]) == (200, "Ring twice")
    assert changed.json()["address"]["city"] == "Turku"
    for body in ({"note": "\ud800"}, {"note": "x" * 501}, {"address": {"line1": "only"}}):
        assert post(client, path, body, "patch").status_code == 400
    wanted = {"lines": [{"position": 1, "quantity": 1}]}
    assert post(client, f"{path}/returns", wanted).json()["code"] == "cannot_return"

    services.advance_due(now=timezone.now() + timedelta(days=300))
    Order.objects.update(ended_at=timezone.now())
    bodies: list[dict[str, Any]] = [
        {},
        {"lines": []},
        {"lines": [{"position": 2**70, "quantity": 2**70}]},
    ]
    for bad in bodies:
        assert post(client, f"{path}/returns", bad).status_code == 400
    asked = post(client, f"{path}/returns", wanted)
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    detail = client.get(path).json()
    assert detail["return_until"]
    assert detail["returns"] == client.get(f"{path}/returns").json()["results"] == [asked.json()]
    assert detail["lines"][0]["coming_back"] == 1


def test_staff_act_on_an_order_over_rest(placed: Placed, staff: Caller, client: Client) -> None:
    client.force_login(User.objects.get())
    path = f"/api/v1/admin/orders/{placed.order.number}"

    held = post(client, f"{path}/hold", {})
    assert (held.status_code, held.json()["held"]) == (200, True)
    assert post(client, f"{path}/hold", {}).json()["code"] == "cannot_be_held"
    assert post(client, f"{path}/hold", {"held": False}).json()["held"] is False
    later = (timezone.now() + timedelta(hours=3)).isoformat()
    assert post(client, f"{path}/eta", {"eta": later}).json()["late"] is True
    for bad in ("soon", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:00", None):
        assert post(client, f"{path}/eta", {"eta": bad}).status_code == 400
    note = post(client, f"{path}/notes", {"text": "Call first"})
    assert (note.status_code, note.json()["text"]) == (201, "Call first")
    assert client.get(f"{path}/notes").json()["results"] == [note.json()]
    assert post(client, f"{path}/fail", {"reason": "No bell"}).json()["status"] == "failed"
    assert post(client, f"{path}/retry", {}).json()["status"] == "placed"
    link = post(client, f"{path}/ticket", {}).json()
    guest = Client()
    assert guest.get(f"/api/v1/orders/{placed.order.number}?ticket={link['ticket']}").json()
    huge = {"lines": [{"position": 1, "quantity": 2**70}]}
    refused = client.post(
        f"{path}/refund", huge, "application/json", headers={"Idempotency-Key": "k"}
    )
    assert refused.status_code == 400

    for act in ("hold", "eta", "fail", "retry", "notes", "ticket", "returns/rtn_none"):
        assert (
            post(
                Client(), f"{path}/{act}", {"eta": later, "text": "x", "state": "approved"}
            ).status_code
            == 404
        )


def test_orders_are_listed_by_what_staff_look_for(
    placed: Placed, buy: Buy, staff: Caller, client: Client, noon: datetime
) -> None:
    late, held = buy().order, buy().order
    delays.revise(staff, late.number, eta=noon + 60 * MINUTE, now=noon)
    delays.hold(staff, held.number, now=noon)
    adjustments.cancel(staff, placed.order.number, now=noon)
    client.force_login(User.objects.get())

    def numbers(query: str) -> set[str]:
        answer = client.get(f"/api/v1/orders?{query}")
        assert answer.status_code == 200, answer.json()
        return {order["number"] for order in answer.json()["results"]}

    everything = {placed.order.number, late.number, held.number}
    assert numbers("") == numbers("placed_after=2026-11-20T12:00:00Z") == everything
    assert numbers("status=cancelled") == numbers("payment_status=refunded")
    assert numbers("status=cancelled") == {placed.order.number}
    assert numbers("late=true") == {late.number}
    assert numbers("held=true") == {held.number}
    assert numbers("late=false&held=false") == {placed.order.number}
    assert numbers("placed_before=2026-11-20T12:00:00Z") == set()
    first = client.get("/api/v1/orders?limit=1&held=false").json()
    assert "held=false" in first["next"]
    rest = client.get(first["next"]).json()
    assert [first["results"][0]["number"], rest["results"][0]["number"]] == [
        late.number,
        placed.order.number,
    ]
    for bad in ("status=lost", "late=maybe", "placed_after=yesterday", "cursor=nonsense"):
        assert client.get(f"/api/v1/orders?{bad}").status_code == 400


def test_the_receipt_shows_every_row_of_the_totals(placed: Placed, client: Client) -> None:
    totals = [
        *placed.order.totals[:-1],
        {"type": "tax", "amount": 500, "currency": "EUR"},
        {"type": "gift_wrap", "amount": 1, "currency": "EUR"},
        placed.order.totals[-1],
    ]
    Order.objects.update(totals=totals)
    page = f"/orders/{placed.order.number}/receipt"
    assert client.get(page).status_code == 404
    client.get(f"/t/{placed.ticket}")

    text = client.get(page).content.decode()

    for shown in ("LAMP", "€387.00", "€3.90", "Tax", "€5.00", "Gift wrap", "€390.90", "Maya"):
        assert shown in text
    german = client.get(page, headers={"Accept-Language": "de"}).content.decode()
    assert "Beleg" in german


def test_the_receipt_names_the_country_in_the_readers_language(
    placed: Placed, client: Client
) -> None:
    client.get(f"/t/{placed.ticket}")
    client.post("/language", {"language": "de", "next": "/"})

    text = client.get(f"/orders/{placed.order.number}/receipt").content.decode()

    assert "<bdi>00130 Helsinki</bdi><br><bdi>Finnland</bdi>" in text


def test_the_receipt_says_where_people_write_to(
    placed: Placed, client: Client, contact_email: str
) -> None:
    client.get(f"/t/{placed.ticket}")

    text = client.get(f"/orders/{placed.order.number}/receipt").content.decode()

    receipt, _end, _foot = text.partition("</article>")
    assert f"<bdi>{contact_email}</bdi>" in receipt


def test_the_page_changes_the_address_and_asks_for_a_return(placed: Placed, client: Client) -> None:
    client.get(f"/t/{placed.ticket}")
    page = f"/orders/{placed.order.number}"
    assert "Change the address or the note" in client.get(page).content.decode()

    after = client.post(f"{page}/amend", {**ELSEWHERE, "note": "Ring"}, follow=True)
    assert "Harbour Road 9" in after.content.decode()
    services.advance_due(now=timezone.now() + timedelta(days=300))
    Order.objects.update(ended_at=timezone.now())
    assert "Send something back" in client.get(page).content.decode()
    asked = client.post(f"{page}/return", {"line-1": "2", "reason": "Broken"}, follow=True)

    assert "<bdi>LAMP</bdi>: You asked to send something back" in asked.content.decode()
    assert Return.objects.get().lines.get().quantity == 2
    nothing = client.post(f"{page}/return", {"line-1": "0", "line-x": "1"}, follow=True)
    assert nothing.status_code == 409
    assert Return.objects.count() == 1
    assert Client().post(f"{page}/return", {"line-1": "1"}).status_code == 404


def test_what_an_orders_form_refuses_stays_in_it(placed: Placed, client: Client) -> None:
    client.get(f"/t/{placed.ticket}")
    page = f"/orders/{placed.order.number}"
    wish = {"line1": "Harbour Road 9", "postal_code": "00150", "city": " ", "note": "Ring"}

    Order.objects.update(note="Knock")
    address = client.post(f"{page}/amend", wish)
    cleared = client.post(f"{page}/amend", {**wish, "note": ""})
    services.advance_due(now=timezone.now() + timedelta(days=300))
    Order.objects.update(ended_at=timezone.now())
    back = client.post(f"{page}/return", {"line-1": "0", "reason": "It is broken"})
    late = client.post(f"{page}/amend", ELSEWHERE)

    assert (address.status_code, back.status_code, late.status_code) == (400, 400, 409)
    amended, returned = address.content.decode(), back.content.decode()
    assert '<a href="#city">City: Fill this in.</a>' in amended
    assert 'value="Knock"' not in cleared.content.decode()
    assert [each for each in ("Harbour Road 9", "00150", "Ring") if each not in amended] == []
    assert "http-equiv" not in amended
    assert 'value="It is broken"' in returned
    assert amended.count(" open>") == returned.count(" open>") == 1
    assert "Say how many of which lines." in returned
    assert "It is too late to change this order" in late.content.decode()


def test_the_page_offers_to_send_back_what_is_left_for_as_long_as_it_can_be(
    placed: Placed, client: Client
) -> None:
    client.get(f"/t/{placed.ticket}")
    page = f"/orders/{placed.order.number}"
    services.advance_due(now=timezone.now() + timedelta(days=300))
    Order.objects.update(ended_at=timezone.now())
    assert 'max="3"' in client.get(page).content.decode()

    client.post(f"{page}/return", {"line-1": "2"})
    assert 'max="1"' in client.get(page).content.decode()
    client.post(f"{page}/return", {"line-1": "1"})
    assert "Send something back" not in client.get(page).content.decode()

    OrderLine.objects.update(coming_back=0)
    Order.objects.update(ended_at=timezone.now() - timedelta(days=31))
    assert "Send something back" not in client.get(page).content.decode()


# the figures


def test_staff_see_how_the_shop_is_doing(
    placed: Placed, buy: Buy, staff: Caller, noon: datetime
) -> None:
    for _ in range(3):
        buy()
    late = buy(now=noon + MINUTE).order
    delays.revise(staff, late.number, eta=noon + 60 * MINUTE, now=noon + MINUTE)
    delays.hold(staff, late.number, now=noon + MINUTE)
    deliver(noon + 12 * MINUTE)

    shown = stats.overview(staff, window=timedelta(hours=24), now=noon + 13 * MINUTE)

    assert (shown["orders"], shown["by_status"]["delivered"]) == (5, 4)
    assert shown["by_status"]["placed"] == 1
    assert shown["late"] == {"orders": 1, "share": 0.2}
    assert shown["open"] == {"orders": 1, "late": 1, "held": 1}
    assert [(row["minute"], row["orders"]) for row in shown["per_minute"]] == [
        ("2026-11-20T12:00:00.000Z", 4),
        ("2026-11-20T12:01:00.000Z", 1),
    ]
    assert shown["step_seconds"]["confirmed"] == {"orders": 4, "p50": 720.0, "p95": 720.0}
    later = stats.overview(staff, window=timedelta(hours=1), now=noon + timedelta(hours=2))
    assert (later["orders"], later["per_minute"], later["step_seconds"]) == (0, [], {})


def test_the_figures_cost_the_same_queries_for_one_order_and_for_twenty(
    placed: Placed,
    buy: Buy,
    staff: Caller,
    noon: datetime,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    with django_assert_max_num_queries(13) as one:
        stats.overview(staff, window=timedelta(hours=24), now=noon + MINUTE)
    for _ in range(6):
        buy()
    with django_assert_max_num_queries(len(one.captured_queries)):
        stats.overview(staff, window=timedelta(hours=24), now=noon + MINUTE)


def test_the_figures_are_for_staff(placed: Placed, staff: Caller, client: Client) -> None:
    assert client.get("/api/v1/admin/stats").status_code == 403
    client.force_login(User.objects.get())
    assert client.get("/api/v1/admin/stats?hours=0").json()["orders"] == 0
    assert client.get("/api/v1/admin/stats?hours=99999999").status_code == 200
    assert client.get("/api/v1/admin/stats?hours=-1").status_code == 400


def test_staff_without_the_right_to_change_orders_change_none(
    placed: Placed, noon: datetime
) -> None:
    viewer = User.objects.create_user("viewer@museo.example", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_order"))
    caller = caller_for_user(viewer, locale="en")

    acts: list[Callable[[], object]] = [
        lambda: services.advance(caller, placed.order.number, to="confirmed", now=noon),
        lambda: delays.hold(caller, placed.order.number, now=noon),
        lambda: adjustments.refund(caller, placed.order.number, now=noon),
        lambda: tracking.new_ticket(caller, placed.order.number, now=noon),
        lambda: notes.add(caller, placed.order.number, text="x", now=noon),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert Order.objects.get().status == "placed"
