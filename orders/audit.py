"""What must be true of orders: they have moved if and only if an event says so, by their plan."""

from functools import partial
from typing import Any

import orjson

from notifications.audit import Invariant
from orders import lifecycle

# all of it is written here: nothing comes from outside
# ruff: noqa: S608
_ENDS = ", ".join(f"'{status}'" for status in lifecycle.BY_STAFF)
_STATUSES = ", ".join(
    f"'order.{status}'" for status in lifecycle.STATUSES if status not in lifecycle.BY_STAFF
)

# the statuses that each order was told to have, and their places since it was placed, perhaps anew:
# that is place 0; of an order of which that was forgotten there is none
_TOLD = f"""
    WITH told AS (
        SELECT order_id, type, version, nth - MAX(
            CASE WHEN type = 'order.placed' THEN nth END
        ) OVER (PARTITION BY order_id) AS place
        FROM (
            SELECT o.id AS order_id, e.type, e.version,
                ROW_NUMBER() OVER (PARTITION BY o.id ORDER BY e.version) AS nth
            FROM orders_order o JOIN notifications_event e ON e.topic = 'order.' || o.number
            WHERE o.id > %(after)s AND o.id <= %(upto)s AND e.type IN ({_STATUSES})
        ) counted
    )
"""
_of_orders = partial(Invariant, table="orders_order")


def _not_adding_up(row: tuple[Any, ...]) -> str:
    """Of an order: its number and total, its totals, and what its lines cost and are less."""
    number, total, totals, items, discount = row
    parts = orjson.loads(totals)
    told: dict[str, int] = {}
    for part in parts:
        # a tax that prices include is in them already
        kind = "included" if part.get("included") else part["type"]
        told[kind] = told.get(kind, 0) + part["amount"]
    adds_up = (
        sum(told.values()) - told["total"] - told.get("included", 0) == told["total"] == total
        and told["items"] == items
        # what is taken off delivery is of no line
        and 0 <= -told.get("discount", 0) - discount <= told.get("delivery", 0)
    )
    return "" if adds_up else f"{number} costs {total}, and its parts do not"


INVARIANTS = (
    _of_orders(
        "every order was told of",
        offenders="""
        SELECT o.number FROM orders_order o
        LEFT JOIN notifications_topic t ON t.name = 'order.' || o.number
        WHERE o.id > %(after)s AND o.id <= %(upto)s AND t.name IS NULL
        """,
    ),
    Invariant(
        "nothing was told of an order that there is not",
        "notifications_topic",
        """
        SELECT t.name || ' is of no order' FROM notifications_topic t
        LEFT JOIN orders_order o ON o.number = SUBSTR(t.name, 7)
        WHERE t.name > %(after)s AND t.name <= %(upto)s AND t.name LIKE 'order.%%' AND o.id IS NULL
        """,
        key="name",
        before="",
    ),
    _of_orders(
        "every step that was taken was told, and every step that was told was taken",
        offenders=f"""
        {_TOLD}
        SELECT 'order.' || o.number || CASE WHEN step.is_told = 1
            THEN ' told step ' || step.place || ' as ' || step.type || ' and did not take it'
            ELSE ' took step ' || step.place || ' as ' || step.type || ' and did not tell' END
        FROM (
            SELECT order_id, place, type, MAX(is_told) AS is_told FROM (
                SELECT order_id, place, type, 1 AS is_told FROM told WHERE place > 0
                UNION ALL
                SELECT s.order_id, s."index", 'order.' || s.status, 0
                FROM orders_orderstep s
                WHERE s.order_id > %(after)s AND s.order_id <= %(upto)s AND s.at IS NOT NULL
            ) both_ways
            GROUP BY order_id, place, type HAVING COUNT(*) = 1
        ) step
        JOIN orders_order o ON o.id = step.order_id
        WHERE step.order_id IN (SELECT order_id FROM told WHERE place = 0)
        """,
    ),
    Invariant(
        "an order's status is that of its last step",
        "orders_order",
        f"""
        SELECT o.number || ' is ' || o.status || ' at step ' || o.step
        FROM orders_order o
        LEFT JOIN orders_orderstep s ON s.order_id = o.id AND s."index" = o.step
        WHERE o.id > %(after)s AND o.id <= %(upto)s
            AND ((o.status <> COALESCE(s.status, 'placed') AND o.status NOT IN ({_ENDS}))
                OR (s.id IS NOT NULL AND s.at IS NULL))
        """,
    ),
    Invariant(
        "an order that was cancelled, failed or refunded told so once, and moves no more",
        "orders_order",
        f"""
        SELECT o.number || ' is ' || o.status || ' and told so ' || COUNT(e.position) || ' times'
        FROM orders_order o
        JOIN (
            SELECT o.id, MAX(e.version) AS version
            FROM orders_order o JOIN notifications_event e ON e.topic = 'order.' || o.number
            WHERE o.id > %(after)s AND o.id <= %(upto)s AND o.status IN ({_ENDS})
                AND e.type = 'order.placed'
            GROUP BY o.id
        ) placed ON placed.id = o.id
        LEFT JOIN notifications_event e ON e.topic = 'order.' || o.number
            AND e.type = 'order.' || o.status AND e.version > placed.version
        GROUP BY o.id, o.number, o.status, o.next_step_at
        HAVING COUNT(e.position) <> 1 OR o.next_step_at IS NOT NULL
        """,
    ),
    Invariant(
        "money given back is what providers were asked for, and what they paid back",
        "orders_order",
        """
        SELECT o.number || ': ' || o.given_back || ' given back, '
            || COALESCE(r.asked, 0) || ' asked for, ' || COALESCE(p.refunded, 0) || ' paid back of '
            || COALESCE(r.paid, 0)
        FROM orders_order o
        LEFT JOIN (
            SELECT a.order_id, SUM(CASE WHEN f.state <> 'failed' THEN f.amount ELSE 0 END) AS asked,
                SUM(CASE WHEN f.state = 'succeeded' THEN f.amount ELSE 0 END) AS paid
            FROM orders_refund f JOIN orders_adjustment a ON a.id = f.adjustment_id
            WHERE a.order_id > %(after)s AND a.order_id <= %(upto)s
            GROUP BY a.order_id
        ) r ON r.order_id = o.id
        LEFT JOIN (
            SELECT order_id, SUM(refunded) AS refunded FROM orders_payment
            WHERE order_id > %(after)s AND order_id <= %(upto)s GROUP BY order_id
        ) p ON p.order_id = o.id
        WHERE o.id > %(after)s AND o.id <= %(upto)s
            AND (o.given_back <> COALESCE(r.asked, 0)
                OR COALESCE(p.refunded, 0) <> COALESCE(r.paid, 0))
        """,
    ),
    _of_orders(
        "what is not asked for any more was decided, and does not go back",
        offenders="""
        SELECT o.number || ': ' || o.waived || ' waived, ' || COALESCE(a.waived, 0) || ' decided'
        FROM orders_order o
        LEFT JOIN (
            SELECT a.order_id, SUM(a.amount) AS waived
            FROM orders_adjustment a LEFT JOIN orders_refund r ON r.adjustment_id = a.id
            WHERE a.order_id > %(after)s AND a.order_id <= %(upto)s AND r.id IS NULL
            GROUP BY a.order_id
        ) a ON a.order_id = o.id
        WHERE o.id > %(after)s AND o.id <= %(upto)s AND o.waived <> COALESCE(a.waived, 0)
        """,
    ),
    Invariant(
        "units on their way back are those of open returns",
        "orders_order",
        """
        SELECT o.number || ' line ' || l.position || ': ' || l.coming_back || ' set apart, '
            || COALESCE(open.units, 0) || ' asked for'
        FROM orders_orderline l JOIN orders_order o ON o.id = l.order_id
        LEFT JOIN (
            SELECT r.order_id, rl.position, SUM(rl.quantity) AS units
            FROM orders_returnline rl JOIN orders_return r ON r.id = rl.request_id
            WHERE r.state IN ('requested', 'approved')
                AND r.order_id > %(after)s AND r.order_id <= %(upto)s
            GROUP BY r.order_id, rl.position
        ) open ON open.order_id = l.order_id AND open.position = l.position
        WHERE l.order_id > %(after)s AND l.order_id <= %(upto)s
            AND l.coming_back <> COALESCE(open.units, 0)
        """,
    ),
    Invariant(
        "a slot is taken by as many orders as it says",
        "orders_slot",
        """
        SELECT s.plan || ' at ' || s.starts_at || ': ' || s.taken || ' taken, '
            || COUNT(o.id) || ' orders'
        FROM orders_slot s LEFT JOIN orders_order o ON o.slot_id = s.id
        WHERE s.id > %(after)s AND s.id <= %(upto)s
        GROUP BY s.id, s.plan, s.starts_at, s.taken HAVING s.taken <> COUNT(o.id)
        """,
    ),
    Invariant(
        "an order is expected when the last of its steps is due",
        "orders_order",
        """
        SELECT o.number || ' is expected at ' || o.eta || ' and due at ' || s.due_at
        FROM orders_order o
        JOIN orders_orderstep s ON s.order_id = o.id AND s."index" = o.steps_total
        WHERE o.id > %(after)s AND o.id <= %(upto)s AND o.ended_at IS NULL AND s.due_at <> o.eta
        """,
    ),
    Invariant(
        "what orders say was paid and paid back is what their payments say",
        "orders_order",
        """
        SELECT o.number || ' is ' || o.payment_status || ': ' || o.paid || ' paid, '
            || COALESCE(p.captured, 0) || ' captured; ' || o.paid_back || ' paid back, '
            || COALESCE(p.refunded, 0) || ' refunded; ' || COALESCE(p.owed, 0) || ' owed'
        FROM orders_order o
        LEFT JOIN (
            SELECT order_id,
                SUM(CASE WHEN state = 'captured' THEN amount ELSE 0 END) AS captured,
                SUM(CASE WHEN state = 'captured' THEN refunded ELSE 0 END) AS refunded,
                SUM(CASE WHEN state = 'owed' THEN amount ELSE 0 END) AS owed
            FROM orders_payment WHERE order_id > %(after)s AND order_id <= %(upto)s
            GROUP BY order_id
        ) p ON p.order_id = o.id
        WHERE o.id > %(after)s AND o.id <= %(upto)s
            AND (o.paid <> COALESCE(p.captured, 0) OR o.paid_back <> COALESCE(p.refunded, 0)
                OR (o.payment_status = 'pending' AND COALESCE(p.owed, 0) <> o.total - o.waived)
                OR (o.payment_status <> 'pending' AND COALESCE(p.owed, 0) <> 0))
        """,
    ),
    Invariant(
        "money that has no order goes back",
        "orders_payment",
        """
        SELECT p.public_id || ': ' || p.amount || ' is kept'
        FROM orders_payment p
        LEFT JOIN orders_refund r ON r.payment_id = p.id AND r.adjustment_id IS NULL
            AND r.state <> 'failed' AND r.amount = p.amount
        WHERE p.id > %(after)s AND p.id <= %(upto)s
            AND p.state = 'surplus' AND p.amount > 0 AND r.id IS NULL
        """,
    ),
    _of_orders(
        "an order costs what its lines, delivery, tip and taxes add up to, less its discount",
        offenders="""
        SELECT o.number, o.total, o.totals, l.items, l.discount
        FROM orders_order o JOIN (
            SELECT order_id, SUM(total) AS items, SUM(discount) AS discount FROM orders_orderline
            WHERE order_id > %(after)s AND order_id <= %(upto)s GROUP BY order_id
        ) l ON l.order_id = o.id
        WHERE o.id > %(after)s AND o.id <= %(upto)s
        """,
        named=_not_adding_up,
    ),
    _of_orders(
        "steps are taken one after the other",
        offenders="""
        SELECT o.number || ' took step ' || s."index" || ' before the one before it'
        FROM orders_order o JOIN orders_orderstep s ON s.order_id = o.id
        JOIN orders_orderstep p ON p.order_id = o.id AND p."index" = s."index" - 1
        WHERE o.id > %(after)s AND o.id <= %(upto)s
            AND s.order_id > %(after)s AND s.order_id <= %(upto)s
            AND p.order_id > %(after)s AND p.order_id <= %(upto)s
            AND s.at IS NOT NULL AND (p.at IS NULL OR p.at > s.at)
        """,
    ),
    Invariant(
        "what was sold is on the order for which it was taken",
        "catalog_stockmovement",
        """
        SELECT m.reference || ' took ' || -m.delta || ' of stock item ' || m.stock_item_id
            || ' and has ' || COALESCE(SUM(l.quantity), 0)
        FROM catalog_stockmovement m
        JOIN catalog_stockitem i ON i.id = m.stock_item_id
        LEFT JOIN orders_order o ON o.number = m.reference
        LEFT JOIN orders_orderline l ON l.order_id = o.id AND l.variant_id = i.variant_id
        WHERE m.id > %(after)s AND m.id <= %(upto)s AND m.kind = 'sale'
        GROUP BY m.id, m.reference, m.delta, m.stock_item_id
        HAVING COALESCE(SUM(l.quantity), 0) <> -m.delta
        """,
    ),
)
