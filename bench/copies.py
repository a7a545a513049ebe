"""A shop with very many orders: one that the shop itself has sold, copied.

Each copy of one that was delivered (`fill`) has a number, a payment, a wish and deliveries of its
own; their events lie mixed in the log as those of orders do that are on their way at the same time.
Those of one that waits for its first step (`wait`) have what the clock looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import StockMovement, Variant
from museo.access.callers import Caller
from notifications import dispatcher, log
from notifications.models import Delivery, LogHead, Reader
from orders import baskets, checkout, services
from orders.details import Details
from orders.models import Order, Payment

# tables and values are written here: nothing comes from outside
# ruff: noqa: S608
AT_ONCE = 500
ADDRESS = {
    "line1": "Museum Street 1",
    "city": "Helsinki",
    "postal_code": "00130",
    "country": "FI",
}


def fill(*, events: int) -> None:
    """Make so many orders that they have so many events, or a few more."""
    order = _bought()
    told = log.state().head
    count = -(-events // told) - 1
    head = told * (count + 1)
    with transaction.atomic():
        _number(count, told=told)
        _receive(order, count)
        for table, (rows, changes) in _copied(order).items():
            _copy(table, rows, changes)
        Reader.objects.update(position=head)
        LogHead.objects.update(head=head)
    _analyze()


def wait(*, orders: int) -> None:
    """Make it so many orders under way, the first of which the shop has just sold."""
    order = Order.objects.order_by("pk").first() or _placed(timezone.now())
    Order.objects.filter(pk=order.pk).update(next_step_at=timezone.now() + timedelta(days=1))
    rows = {
        "orders_checkout": f"was.id = {order.checkout_id}",
        "orders_order": f"was.id = {order.pk}",
        "orders_orderstep": f"was.order_id = {order.pk}",
        "notifications_topic": f"was.name LIKE '%{order.number}'",
    }
    with transaction.atomic():
        _number(orders - 1, told=1, first=Order.objects.count())
        copied = _copied(order)
        for table, of_order in rows.items():
            _every, changes = copied[table]
            _copy(table, of_order, changes)
    _analyze()


def _analyze() -> None:
    statements = {"postgresql": ("VACUUM ANALYZE", "CHECKPOINT"), "sqlite": ("ANALYZE",)}
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)


def _bought() -> Order:
    now = timezone.now() - timedelta(hours=1)
    order = _placed(now)
    services.advance_due(now=now + timedelta(minutes=20))
    while dispatcher.dispatch(now=timezone.now()):
        pass
    return order


def _placed(now: datetime) -> Order:
    call_command("demo", verbosity=0)
    variant = Variant.objects.filter(master__slug__startswith="iphone-15")[0]
    opened = baskets.add(Caller(), sku=variant.sku, quantity=1, now=now)
    buyer = Caller(basket_token=opened.token)
    details = Details(email="maya@example.org", name="Maya Okafor", address=ADDRESS)
    placed = checkout.place(buyer, details, now=now, speed=1.0)
    return Order.objects.get(pk=placed.order.pk)


def _number(count: int, *, told: int, first: int = 1) -> None:
    """The copies up to `count`: what each is called, and where its events are.

    The first event of a copy is at `base` + 1, the next one `size` later.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copies")
        cursor.execute(
            f"""
            CREATE TEMPORARY TABLE copies AS
            WITH RECURSIVE counted(n) AS (
                SELECT {first} UNION ALL SELECT n + 1 FROM counted WHERE n < {count}
            ),
            placed AS (SELECT n, (n - 1) / {AT_ONCE} * {AT_ONCE} AS before FROM counted)
            SELECT n, 'ORD-' || UPPER(SUBSTR(MD5('order' || n), 1, 12)) AS number,
                'pay_' || SUBSTR(MD5('payment' || n), 1, 16) AS payment,
                {told} * (before + 1) + n - before - 1 AS base,
                CASE WHEN {count} - before < {AT_ONCE} THEN {count} - before ELSE {AT_ONCE} END
                    AS size
            FROM placed
            """
        )


def _receive(order: Order, count: int) -> None:
    """What the copies take."""
    sold = StockMovement.objects.get(reference=order.number)
    StockMovement.objects.create(
        stock_item=sold.stock_item, delta=count, kind=StockMovement.Kind.RECEIVE, at=sold.at
    )


def _copied(order: Order) -> dict[str, tuple[str, dict[str, str]]]:
    """Of each table: the rows that are copied, and the columns in which a copy differs.

    The order was the first of the shop, so ids begin with 1; `was` is the row that is copied.
    """
    payment = Payment.objects.get(order=order)
    topic = _renamed("was.topic", order, payment)
    number = f"REPLACE({{}}, '{order.number}', copy.number)".format
    position = "copy.base + (was.position - 1) * copy.size + 1"
    of_order = {"order_id": "was.order_id + copy.n"}
    is_sale = f"was.reference = '{order.number}'"
    every = "1 = 1"
    return {
        "orders_checkout": (every, {"id": _next(), "public_id": _anew("public_id", 16)}),
        "orders_order": (
            every,
            {"id": _next(), "number": number("was.number"), "checkout_id": _next("checkout_id")},
        ),
        "orders_orderline": (every, {"id": _next(), **of_order}),
        "orders_orderstep": (every, {"id": _next(of=order.steps_total), **of_order}),
        "orders_payment": (
            every,
            {
                "id": _next(),
                "public_id": "copy.payment",
                "provider_reference": "'demo_' || copy.payment",
                "checkout_id": _next("checkout_id"),
                **of_order,
            },
        ),
        # the one before it is what was received for the copies
        "catalog_stockmovement": (
            is_sale,
            {"id": "was.id + 1 + copy.n", "reference": number("was.reference")},
        ),
        "notifications_topic": (every, {"name": _renamed("was.name", order, payment)}),
        "notifications_event": (
            every,
            {
                "position": position,
                "topic": topic,
                "uid": _uid(),
                "data": _json(_renamed("CAST(was.data AS TEXT)", order, payment)),
            },
        ),
        "notifications_eventtopic": (every, {"topic": topic, "position": position}),
        "notifications_subscription": (
            every,
            {
                "id": _next(),
                "public_id": _anew("public_id", 16),
                "topic": topic,
                "who": "'ticket:' || MD5('who' || copy.n)",
                "after": "copy.base",
            },
        ),
        "notifications_delivery": (
            every,
            {
                "id": _next(of=Delivery.objects.count()),
                "position": position,
                "topic": topic,
                "subscription_id": _next("subscription_id"),
            },
        ),
    }


def _next(column: str = "id", *, of: int = 1) -> str:
    return f"was.{column} + copy.n * {of}"


def _anew(column: str, length: int) -> str:
    return f"SUBSTR(was.{column}, 1, 4) || SUBSTR(MD5('{column}' || copy.n), 1, {length})"


def _renamed(text: str, order: Order, payment: Payment) -> str:
    renamed = f"REPLACE({text}, '{order.number}', copy.number)"
    return f"REPLACE({renamed}, '{payment.public_id}', copy.payment)"


def _uid() -> str:
    made = "MD5(was.version || was.topic || copy.n)"
    return f"CAST({made} AS uuid)" if connection.vendor == "postgresql" else made


def _json(text: str) -> str:
    return f"CAST({text} AS jsonb)" if connection.vendor == "postgresql" else text


def _copy(table: str, rows: str, changes: Mapping[str, str]) -> None:
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
        columns = [column.name for column in described]
        values = [changes.get(column, f'was."{column}"') for column in columns]
        names = ", ".join(f'"{column}"' for column in columns)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {', '.join(values)}"
            f" FROM {table} was CROSS JOIN copies copy WHERE {rows} ORDER BY copy.n"
        )
