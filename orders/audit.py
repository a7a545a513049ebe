"""What must be true of orders: they have moved if and only if an event says so, by their plan."""

from notifications.audit import Invariant
from orders import lifecycle

# all of it is written here: nothing comes from outside
# ruff: noqa: S608
_ENDS = ", ".join(f"'{status}'" for status in lifecycle.BY_STAFF)
_STATUSES = ", ".join(
    f"'order.{status}'"
    for status, _ in lifecycle.STATUS_CHOICES
    if status not in lifecycle.BY_STAFF
)

# the statuses that each order was told to have since it was placed, perhaps anew, counted from 0,
# and those its steps say it had; an order of which that was forgotten is left out
_TOLD = f"""
    SELECT e.topic, ROW_NUMBER() OVER (PARTITION BY e.topic ORDER BY e.version) - 1 AS step, e.type
    FROM notifications_event e JOIN whole ON whole.topic = e.topic AND e.version >= whole.placed
    WHERE e.type IN ({_STATUSES})
"""
_TAKEN = """
    SELECT 'order.' || o.number AS topic, 0 AS step, 'order.placed' AS type FROM orders_order o
    WHERE 'order.' || o.number IN (SELECT topic FROM whole)
    UNION ALL
    SELECT 'order.' || o.number, s."index", 'order.' || s.status
    FROM orders_orderstep s JOIN orders_order o ON o.id = s.order_id
    WHERE s.at IS NOT NULL AND 'order.' || o.number IN (SELECT topic FROM whole)
"""
_WHOLE = """
    WITH whole AS (
        SELECT topic, MAX(version) AS placed FROM notifications_event
        WHERE type = 'order.placed' GROUP BY topic
    )
"""

INVARIANTS = (
    Invariant(
        "every order was told of",
        "SELECT COUNT(*) FROM orders_order",
        """
        SELECT o.number FROM orders_order o
        LEFT JOIN notifications_topic t ON t.name = 'order.' || o.number
        WHERE t.name IS NULL
        """,
    ),
    Invariant(
        "every step that was taken was told, and in this order",
        "SELECT COUNT(*) FROM orders_orderstep WHERE at IS NOT NULL",
        f"""
        {_WHOLE}, told AS ({_TOLD}), taken AS ({_TAKEN})
        SELECT topic || ' took step ' || step || ' as ' || type || ' and did not tell'
        FROM (SELECT * FROM taken EXCEPT SELECT * FROM told) untold
        """,
    ),
    Invariant(
        "every step that was told was taken, and in this order",
        "SELECT COUNT(*) FROM notifications_event WHERE type LIKE 'order.%'",
        f"""
        {_WHOLE}, told AS ({_TOLD}), taken AS ({_TAKEN})
        SELECT topic || ' told step ' || step || ' as ' || type || ' and did not take it'
        FROM (SELECT * FROM told EXCEPT SELECT * FROM taken) untaken
        """,
    ),
    Invariant(
        "an order's status is that of its last step",
        "SELECT COUNT(*) FROM orders_order",
        f"""
        SELECT o.number || ' is ' || o.status || ' at step ' || o.step
        FROM orders_order o
        LEFT JOIN orders_orderstep s ON s.order_id = o.id AND s."index" = o.step
        WHERE (o.status <> COALESCE(s.status, 'placed') AND o.status NOT IN ({_ENDS}))
            OR (s.id IS NOT NULL AND s.at IS NULL)
        """,
    ),
    Invariant(
        "an order that was cancelled, failed or refunded told so once, and moves no more",
        f"SELECT COUNT(*) FROM orders_order WHERE status IN ({_ENDS})",
        f"""
        {_WHOLE}
        SELECT o.number || ' is ' || o.status || ' and told so ' || COUNT(e.position) || ' times'
        FROM orders_order o
        JOIN whole ON whole.topic = 'order.' || o.number
        LEFT JOIN notifications_event e
            ON e.topic = whole.topic AND e.type = 'order.' || o.status AND e.version > whole.placed
        WHERE o.status IN ({_ENDS})
        GROUP BY o.id, o.number, o.status, o.next_step_at
        HAVING COUNT(e.position) <> 1 OR o.next_step_at IS NOT NULL
        """,
    ),
    Invariant(
        "money given back is what providers were asked for, and what they paid back",
        "SELECT COUNT(*) FROM orders_order WHERE given_back > 0",
        """
        SELECT o.number || ': ' || o.given_back || ' given back, '
            || COALESCE(r.asked, 0) || ' asked for, ' || COALESCE(p.refunded, 0) || ' paid back of '
            || COALESCE(r.paid, 0)
        FROM orders_order o
        LEFT JOIN (
            SELECT a.order_id, SUM(CASE WHEN f.state <> 'failed' THEN f.amount ELSE 0 END) AS asked,
                SUM(CASE WHEN f.state = 'succeeded' THEN f.amount ELSE 0 END) AS paid
            FROM orders_refund f JOIN orders_adjustment a ON a.id = f.adjustment_id
            GROUP BY a.order_id
        ) r ON r.order_id = o.id
        LEFT JOIN (
            SELECT order_id, SUM(refunded) AS refunded FROM orders_payment GROUP BY order_id
        ) p ON p.order_id = o.id
        WHERE o.given_back <> COALESCE(r.asked, 0)
            OR COALESCE(p.refunded, 0) <> COALESCE(r.paid, 0)
        """,
    ),
    Invariant(
        "units on their way back are those of open returns",
        "SELECT COUNT(*) FROM orders_orderline",
        """
        SELECT o.number || ' line ' || l.position || ': ' || l.coming_back || ' set apart, '
            || COALESCE(open.units, 0) || ' asked for'
        FROM orders_orderline l JOIN orders_order o ON o.id = l.order_id
        LEFT JOIN (
            SELECT r.order_id, rl.position, SUM(rl.quantity) AS units
            FROM orders_returnline rl JOIN orders_return r ON r.id = rl.request_id
            WHERE r.state IN ('requested', 'approved') GROUP BY r.order_id, rl.position
        ) open ON open.order_id = l.order_id AND open.position = l.position
        WHERE l.coming_back <> COALESCE(open.units, 0)
        """,
    ),
    Invariant(
        "a slot is taken by as many orders as it says",
        "SELECT COUNT(*) FROM orders_slot",
        """
        SELECT s.plan || ' at ' || s.starts_at || ': ' || s.taken || ' taken, '
            || COUNT(o.id) || ' orders'
        FROM orders_slot s LEFT JOIN orders_order o ON o.slot_id = s.id
        GROUP BY s.id, s.plan, s.starts_at, s.taken HAVING s.taken <> COUNT(o.id)
        """,
    ),
    Invariant(
        "an order is expected when the last of its steps is due",
        "SELECT COUNT(*) FROM orders_order",
        """
        SELECT o.number || ' is expected at ' || o.eta || ' and due at ' || s.due_at
        FROM orders_order o
        JOIN orders_orderstep s ON s.order_id = o.id AND s."index" = o.steps_total
        WHERE o.ended_at IS NULL AND s.due_at <> o.eta
        """,
    ),
    Invariant(
        "what orders say was paid and paid back is what their payments say",
        "SELECT COUNT(*) FROM orders_order",
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
            FROM orders_payment GROUP BY order_id
        ) p ON p.order_id = o.id
        WHERE o.paid <> COALESCE(p.captured, 0) OR o.paid_back <> COALESCE(p.refunded, 0)
            OR (o.payment_status = 'pending' AND COALESCE(p.owed, 0) <> o.total)
            OR (o.payment_status <> 'pending' AND COALESCE(p.owed, 0) <> 0)
        """,
    ),
    Invariant(
        "money that has no order goes back",
        "SELECT COUNT(*) FROM orders_payment",
        """
        SELECT p.public_id || ': ' || p.amount || ' is kept'
        FROM orders_payment p
        LEFT JOIN orders_refund r ON r.payment_id = p.id AND r.adjustment_id IS NULL
            AND r.state <> 'failed' AND r.amount = p.amount
        WHERE p.state = 'surplus' AND p.amount > 0 AND r.id IS NULL
        """,
    ),
)
