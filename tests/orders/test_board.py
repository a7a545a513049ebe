"""The staff board: orders at their steps, late first, and what is done with them there."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from museo.access.callers import Caller
from museo.access.models import User
from notifications.models import Event
from orders import board, deliveries, lateness, services
from orders.models import Order, OrderNote
from orders.tracking import Placed
from tests.orders.conftest import SellLamp

pytestmark = pytest.mark.django_db

Buy = Callable[..., Placed]
BOARD = "/admin/board"
STAFF = "staff@museo.example"
PART = {"X-Part": "1"}


@pytest.fixture
def boss(client: Client, staff: Caller) -> Client:
    client.force_login(User.objects.get(email=STAFF))
    return client


@pytest.fixture
def order(sell: SellLamp, buy: Buy) -> Order:
    sell(on_hand=50)
    return buy(now=timezone.now()).order


def page_of(order: Order) -> str:
    return f"{BOARD}/{order.number}"


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return str(answer.content.decode())


def is_late(order: Order) -> None:
    """Its next step is overdue, and that was told."""
    now = timezone.now()
    Order.objects.filter(pk=order.pk).update(next_step_at=now - timedelta(minutes=2), waits=True)
    assert lateness.tell_overdue(now=now)


def of(permission: str) -> Client:
    """Staff with nothing but that."""
    user = User.objects.create_user("one@museo.example", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=permission))
    client = Client()
    client.force_login(user)
    return client


def of_role(role: str) -> Client:
    user = User.objects.create_user(f"{role}@museo.example", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


# what is seen


@pytest.mark.both
def test_orders_stand_at_their_steps_and_what_is_late_comes_first(
    staff: Caller, order: Order, buy: Buy
) -> None:
    now = timezone.now()
    late, done = buy(now=now).order, buy(now=now).order
    is_late(late)
    for step in ("confirmed", "preparing", "out_for_delivery", "delivered"):
        services.advance(staff, done.number, to=step, now=now)

    columns = {column.name: column for column in board.whole(staff, now=now)}

    assert [slip.order.number for slip in columns["placed"].slips] == [late.number, order.number]
    assert (columns["placed"].count, columns["placed"].late) == (2, 1)
    assert [slip.following for slip in columns["placed"].slips] == ["confirmed", "confirmed"]
    assert [slip.order.number for slip in columns["done"].slips] == [done.number]
    assert columns["preparing"].slips == []


def test_a_full_column_says_how_many_more_there_are(
    boss: Client, staff: Caller, order: Order, buy: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "MOST", 1)
    late = buy(now=timezone.now()).order
    is_late(late)

    page = text(boss.get(BOARD))

    assert (late.number in page, order.number in page) == (True, False)
    assert "<span data-more-count>1</span> more in the list" in page


def test_many_orders_cost_as_many_queries_as_one(
    boss: Client, order: Order, buy: Buy, django_assert_num_queries: Any
) -> None:
    boss.get(BOARD)
    with django_assert_num_queries(19) as one:
        boss.get(BOARD)
    numbers = [buy(now=timezone.now()).order.number for _ in range(8)]

    with django_assert_num_queries(len(one.captured_queries)):
        boss.get(BOARD)
    with django_assert_num_queries(7):
        boss.get(f"{BOARD}/changes?orders={','.join(numbers)}")


def test_what_has_changed_is_asked_for_by_number(boss: Client, order: Order, buy: Buy) -> None:
    other = buy(now=timezone.now()).order

    part = text(boss.get(f"{BOARD}/changes?orders={order.number},ORD-NONE,%00,,\ud7ff"))

    assert f'id="{order.number}"' in part
    assert other.number not in part
    assert 'data-of="placed" data-count="2" data-late="0"' in part


def test_the_table_shows_the_same_late_first(boss: Client, order: Order, buy: Buy) -> None:
    late = buy(now=timezone.now()).order
    is_late(late)

    page = text(boss.get(f"{BOARD}?view=table"))

    assert page.index(late.number) < page.index(order.number)
    assert 'class="late"' in page
    assert "data-columns" not in page


@pytest.mark.parametrize(("role", "status"), [("fulfillment", 200), ("catalogue", 403)])
def test_roles_see_the_board_as_far_as_they_see_orders(
    order: Order, role: str, status: int
) -> None:
    client = of_role(role)

    for path in (BOARD, f"{BOARD}/changes", f"{BOARD}/figures", page_of(order)):
        assert client.get(path).status_code == status
    assert Client().get(BOARD).status_code == 302


def test_who_may_only_look_has_no_buttons_and_does_nothing(order: Order) -> None:
    looker = of("view_order")

    assert "data-act" not in text(looker.get(BOARD))
    assert "data-act" not in text(looker.get(page_of(order)))
    for act in ({"act": "advance", "to": "confirmed"}, {"act": "note", "text": "Hello"}):
        assert looker.post(page_of(order), act).status_code == 403
    order.refresh_from_db()
    assert order.status == "placed"
    assert not OrderNote.objects.exists()


# what is done


@pytest.mark.both
def test_a_slip_takes_the_next_step_and_the_history_keeps_who_did_it(
    boss: Client, staff: Caller, order: Order
) -> None:
    part = text(boss.post(page_of(order), {"act": "advance", "to": "confirmed"}, headers=PART))

    assert f"{order.number} has moved on." in part
    assert 'data-in="confirmed"' in part
    assert Event.objects.get(topic=order.topic, version=2).type == "order.confirmed"
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.user_id) == (order.number, staff.user_id)


def test_without_a_script_the_board_says_what_was_done(boss: Client, order: Order) -> None:
    page = boss.post(page_of(order), {"act": "advance", "to": "confirmed"}, follow=True)

    assert page.redirect_chain[0][0] == f"{BOARD}#{order.number}"
    assert f"{order.number} has moved on." in text(page)


def test_a_slip_grown_old_moves_nothing_and_says_so(boss: Client, order: Order) -> None:
    for status in (200, 409):
        answer = boss.post(page_of(order), {"act": "advance", "to": "confirmed"}, headers=PART)
        assert answer.status_code == status

    order.refresh_from_db()
    assert order.status == "confirmed"
    assert "The next step of this order is preparing." in text(answer, 409)


@pytest.mark.parametrize(
    ("act", "typed", "status", "event"),
    [
        ("hold", {}, "placed", "order.eta_changed"),
        ("later", {"minutes": "15"}, "placed", "order.eta_changed"),
        ("not_delivered", {"reason": "Nobody was there"}, "failed", "order.failed"),
        ("cancel", {"reason": "Asked for by phone"}, "cancelled", "order.cancelled"),
    ],
)
def test_each_act_is_the_service_of_that_name(
    boss: Client, order: Order, act: str, typed: dict[str, str], status: str, event: str
) -> None:
    assert boss.post(page_of(order), {"act": act, **typed}).status_code == 302

    order.refresh_from_db()
    assert order.status == status
    assert Event.objects.get(topic=order.topic, version=2).type == event


def test_a_pause_ends_and_a_delivery_is_tried_again(
    boss: Client, staff: Caller, order: Order
) -> None:
    for act, is_held in (("hold", True), ("resume", False)):
        boss.post(page_of(order), {"act": act})
        order.refresh_from_db()
        assert (order.held_at is not None) is is_held
    deliveries.fail(staff, order.number, now=timezone.now())

    assert "Try again" in text(boss.get(BOARD))
    boss.post(page_of(order), {"act": "try_again"})

    order.refresh_from_db()
    assert order.status == "placed"


@pytest.mark.parametrize(
    ("act", "field", "typed", "told"),
    [
        ("later", "minutes", "-3", "greater than or equal to 1"),
        ("later", "minutes", str(2**70), "less than or equal to 1440"),
        ("later", "minutes", "soon", "Enter a whole number."),
        ("note", "text", "", "This field is required."),
        ("note", "text", "a\x00b", "Null characters are not allowed."),
        ("cancel", "reason", "x" * 201, "at most 200 characters"),
    ],
)
def test_bad_input_is_said_beside_its_field_and_kept(
    boss: Client, order: Order, act: str, field: str, typed: str, told: str
) -> None:
    page = text(boss.post(page_of(order), {"act": act, field: typed}), 422)

    why = page.partition(f'id="{act}-{field}-why"')[2]
    assert told in why.partition("</span>")[0]
    assert 'aria-invalid="true"' in page
    assert "\x00" in typed or typed in page
    order.refresh_from_db()
    assert (order.status, Event.objects.filter(topic=order.topic).count()) == ("placed", 1)
    assert not OrderNote.objects.exists()


@pytest.mark.parametrize("act", ["", "dance", "\ud7ff"])
def test_an_unknown_act_or_order_is_not_found(boss: Client, order: Order, act: str) -> None:
    assert boss.post(page_of(order), {"act": act}).status_code == 404
    assert boss.get(f"{BOARD}/ORD-NOTHERE").status_code == 404


# figures


def test_each_chart_has_a_table_of_what_it_shows(boss: Client, staff: Caller, order: Order) -> None:
    services.advance(staff, order.number, to="confirmed", now=timezone.now())
    is_late(order)

    part = text(boss.get(f"{BOARD}/figures", headers=PART))

    for chart in ("per-minute", "per-step", "late-share"):
        assert part.partition(f'data-chart="{chart}"')[2].partition("</section>")[0].count("<tr>")
    assert '<td data-value="1">1</td>' in part
    assert '<td data-value="100.0">1 of 1</td>' in part
    assert "1 of 1 order became late." in part


def test_the_strip_counts_the_day(boss: Client, order: Order) -> None:
    page = text(boss.get(BOARD))

    strip = page.partition('<dl class="kpis">')[2].partition("</dl>")[0]
    assert strip.count('<span class="num">1</span>') == 2
    assert "€132.90" in strip


def test_one_order_is_one_order(boss: Client, order: Order, buy: Buy) -> None:
    one = boss.get(BOARD).content.decode()
    buy(now=timezone.now())
    two = boss.get(BOARD).content.decode()
    in_german = boss.get(BOARD, headers={"Accept-Language": "de"}).content.decode()

    assert one.count("<small>order in all</small>") == 2
    assert two.count("<small>orders in all</small>") == 2
    assert in_german.count("<small>Bestellungen insgesamt</small>") == 2


def test_the_style_knows_how_many_columns_there_are() -> None:
    style = (settings.BASE_DIR / "static/css/board.css").read_text()
    columns = re.findall(r"repeat\((\d+), minmax\(\d+rem", style)
    assert set(columns) == {str(len(board.UNDER_WAY) + 1)}
