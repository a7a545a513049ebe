"""What the OpenAPI document says of the calls of baskets, checkouts, orders and payments."""

from typing import Any

from museo.access.operations import (
    IF_NONE_MATCH,
    KEY,
    PAGED,
    Operation,
    Operations,
    Parameter,
    does,
    header,
    reads,
)
from museo.access.shapes import (
    MONEY,
    Shape,
    address,
    anything,
    choice,
    each,
    listed,
    many,
    maybe,
    moment,
    more,
    nothing,
    number,
    of,
    optional,
    page,
    text,
    whole,
    yes,
)
from notifications.schema import REALTIME
from orders import lifecycle
from orders.api import Area, Cancellation, CouponCode, Item, Items, NextStep, Quantity, RefundBody
from orders.details import ADDRESS_FIELDS, MOST
from orders.models import Adjustment, Checkout, Order, Refund, Return
from orders.order_api import (
    Amendment,
    Decision,
    Failure,
    Filters,
    Hold,
    NewTime,
    NoteBody,
    ReturnBody,
)
from orders.payments import ALL_KINDS, PROVIDERS
from orders.payments.api import Life, LinkToOrder
from orders.payments.models import PaymentLink
from orders.webhooks import TYPES

NUMBER = "ORD-7K4Q2M9X"
BASKET_TOKEN = {"X-Basket-Token": "The guest's basket, to be sent back."}
REPLAYED = {"Idempotent-Replayed": "true for an answer that was given before."}

TOTAL = of(
    "Total",
    type=choice(["items", "discount", "delivery", "tip", "tax", "total"]),
    amount=whole(8400),
    currency=text("EUR"),
    # of a tax: whether the prices have it in them
    included=optional(yes()),
)
MESSAGE = of(
    "Message",
    type=choice(["info", "warning", "error"]),
    code=text("price_changed"),
    detail=text("The price of Sunrise lamp has changed. It was €80.00."),
    sku=optional(text("SUNRISE-LAMP")),
    available=optional(whole(2)),
    was=optional(MONEY),
    path=optional(text("/address/city")),
)
MODIFIERS = many(of("ChosenModifier", code=text("oat"), name=text("Oat milk"), price=MONEY))
COUPON = of("Coupon", code=text("WELCOME10"))
BASKET = of(
    "Basket",
    id=maybe(text("bsk_7K4Q2M9XCB3D5F6G")),
    token=text("t7kQ"),
    currency=text("EUR"),
    lines=many(
        of(
            "BasketLine",
            id=whole(17),
            sku=text("SUNRISE-LAMP"),
            slug=text("sunrise-lamp"),
            name=text("Sunrise lamp"),
            image=text("/media/lamp.webp"),
            modifiers=MODIFIERS,
            quantity=whole(1),
            unit_price=MONEY,
            total=MONEY,
            discount=MONEY,
        )
    ),
    totals=many(TOTAL),
    coupon=nothing(COUPON),
    expires_at=maybe(moment()),
    messages=many(MESSAGE),
)

WHERE = of(
    "Address",
    line1=text("Museum Street 1"),
    city=text("Helsinki"),
    postal_code=text("00130"),
    country=text("FI"),
)
# nothing in it for what needs no address
ADDRESS = Shape(
    {"anyOf": [WHERE.schema, {"type": "object", "maxProperties": 0}]},
    WHERE.example,
)


def _typed(example: str, longest: int) -> Shape:
    return optional(text(example, maxLength=longest))


# as `orders.details` reads it; what must be there depends on what is bought
PAYING = of(
    "Payment",
    provider=optional(choice(PROVIDERS)),
    token=_typed("ok", 200),
)
# of a sunrise lamp by courier
AMOUNT = optional(whole(8790, minimum=0, maximum=MOST))
DETAILS = of(
    "CheckoutDetails",
    email=_typed("maya@example.org", 254),
    name=_typed("Maya Okafor", 120),
    address=optional(
        of(
            "DeliveryAddress",
            **{
                name: _typed(WHERE.example[name], longest)
                for name, longest in ADDRESS_FIELDS.items()
            },
        )
    ),
    delivery=optional(text("courier")),
    tip=optional(whole(0, minimum=0, maximum=MOST)),
    payment=optional(PAYING),
    expected_total=AMOUNT,
)
PAYMENT_OF_CHECKOUT = of("CheckoutPayment", payment=optional(PAYING), expected_total=AMOUNT)

BRIEF = of(
    "OrderBrief",
    number=text(NUMBER),
    order_id=text(NUMBER),
    status=choice(lifecycle.STATUSES),
    status_message=text("We have your order"),
    payment_status=choice(Order.PaymentStatus.values, "paid"),
    placed_at=moment(),
    eta=moment(),
    total=MONEY,
)
CONFIRMATION = more(
    BRIEF,
    "Confirmation",
    ticket=text("t7kQ"),
    track_url=address("https://shop.example/t/t7kQ"),
    events_url=address(f"https://shop.example/api/v1/orders/{NUMBER}/events"),
    upcoming=many(
        of(
            "UpcomingStep",
            code=choice(lifecycle.STATUSES, "confirmed"),
            label=text("Confirmed"),
            due_at=moment(),
        )
    ),
    payment=of(status=choice(Order.PaymentStatus.values, "paid")),
)
CHECKOUT = of(
    "Checkout",
    id=text("chk_7K4Q2M9XCB3D5F6G"),
    state=choice(Checkout.State.values, "ready_for_complete"),
    currency=text("EUR"),
    lines=many(
        of(
            "CheckoutLine",
            sku=text("SUNRISE-LAMP"),
            slug=text("sunrise-lamp"),
            name=text("Sunrise lamp"),
            image=text("/media/lamp.webp"),
            modifiers=MODIFIERS,
            quantity=whole(1),
            unit_price=MONEY,
            discount=MONEY,
            tax=MONEY,
            total=MONEY,
        )
    ),
    totals=many(TOTAL),
    email=text("maya@example.org"),
    name=text("Maya Okafor"),
    address=each(text("Helsinki"), "city"),
    delivery=text("courier"),
    tip=MONEY,
    coupon=nothing(COUPON),
    messages=many(MESSAGE),
    continue_url=nothing(text("https://shop.example/pay/pay_7K4Q2M9X")),
    # as the confirmation right after it was completed
    order=Shape(
        {
            "anyOf": [
                CONFIRMATION.schema,
                of("OrderReference", number=text(NUMBER), order_id=text(NUMBER)).schema,
                {"type": "null"},
            ]
        },
        None,
    ),
    expires_at=moment(),
)

UNITS = many(of("Units", position=whole(1), quantity=whole(1)))
RETURN = of(
    "Return",
    id=text("ret_7K4Q2M9XCB3D5F6G"),
    state=choice(Return.State.values),
    lines=many(of("Goods", position=whole(1), quantity=whole(1), name=text("Green pear"))),
    reason=text("Too green"),
    answer=text(""),
    requested_at=moment(),
    decided_at=nothing(moment()),
)
ADJUSTMENT = of(
    "Adjustment",
    id=text("adj_7K4Q2M9XCB3D5F6G"),
    type=choice(Adjustment.Kind.values),
    amount=MONEY,
    refund=nothing(choice(Refund.State.values)),
    lines=UNITS,
    at=moment(),
)
ORDER = more(
    BRIEF,
    "Order",
    promised_at=moment(),
    late=yes(example=False),
    held=yes(example=False),
    ended_at=nothing(moment()),
    totals=many(TOTAL),
    given_back=MONEY,
    payable=MONEY,
    delivery=text("courier"),
    name=text("Maya Okafor"),
    address=ADDRESS,
    note=text("Ring twice"),
    cancel_until=maybe(moment()),
    return_until=nothing(moment()),
    receipt_url=address(f"https://shop.example/orders/{NUMBER}/receipt"),
    returns=many(RETURN),
    adjustments=many(ADJUSTMENT),
    lines=many(
        of(
            "OrderLine",
            position=whole(1),
            sku=text("SUNRISE-LAMP"),
            name=text("Sunrise lamp"),
            image=text("/media/lamp.webp"),
            modifiers=MODIFIERS,
            quantity=whole(1),
            unit_price=MONEY,
            total=MONEY,
            taken_back=whole(0),
            coming_back=whole(0),
        )
    ),
)
TRACK = of(
    "Track",
    order_id=text(NUMBER),
    status=choice(lifecycle.STATUSES),
    status_message=text("We have your order"),
    eta=moment(),
    step=whole(0),
    steps=many(
        of(
            "Step",
            code=choice(lifecycle.STATUSES),
            label=text("Placed"),
            state=choice(["done", "current", "upcoming", "skipped"], "current"),
            at=maybe(moment()),
            due_at=moment(),
        )
    ),
    promised_at=moment(),
    late=yes(example=False),
    held=yes(example=False),
    position=whole(1234),
    version=whole(1),
    now=moment(),
    next_poll_ms=maybe(whole(2000)),
)
NOTE = of("Note", text=text("Rang twice."), by=text("user:7"), at=moment())
COUNTED = of(orders=whole(120), late=whole(2), held=whole(1))
STATS = of(
    "Stats",
    now=moment(),
    since=moment(),
    orders=whole(120),
    by_status=each(whole(100), "delivered"),
    late=of(orders=whole(2), share=number(0.0167)),
    open=COUNTED,
    per_minute=many(of(minute=moment(), orders=whole(3))),
    step_seconds=each(of(orders=whole(100), p50=number(120), p95=number(180)), "confirmed"),
    realtime=REALTIME,
)

LINK = of(
    "PaymentLink",
    id=text("lnk_7K4Q2M9XCB3D5F6G"),
    url=address("https://shop.example/pay/link/t7kQ"),
    state=choice(PaymentLink.State.values),
    amount=MONEY,
    expires_at=moment(),
    order_id=maybe(text(NUMBER)),
)
WAYS = listed(
    of(
        "PaymentProvider",
        code=choice(PROVIDERS),
        label=text("Play money"),
        kind=choice(ALL_KINDS),
        currencies=many(text("EUR")),
        configured=yes(),
        methods=many(of(code=text("ok"), label=text("Pay at once"))),
    )
)
HEARD = of(
    "Heard",
    received=yes(),
    # it came before, and nothing was done
    duplicate=yes(example=False),
    # it was about a payment or a refund of this shop
    known=yes(),
)
NEWS = each(anything("captured"), "outcome")
OPTION = of(
    "DeliveryOption",
    code=text("courier"),
    label=text("Courier"),
    price=MONEY,
    needs_address=yes(),
    eta=moment(),
)
NEW_TICKET = of(
    "OrderTicket", ticket=text("t7kQ"), track_url=address("https://shop.example/t/t7kQ")
)
WEBHOOK = of(
    "Webhook",
    id=text("sub_7k4q2m9xcb3d5f6g"),
    webhook_url=address("https://example.com/orders"),
    # all for none
    types=many(choice(TYPES)),
    created_at=moment(),
)
NEW_WEBHOOK = more(
    WEBHOOK,
    "NewWebhook",
    success=yes(),
    message=text("Webhook registered"),
    secret=text("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
)
WANTED_WEBHOOK = of(
    "WebhookBody",
    webhook_url=optional(text("https://example.com/orders", maxLength=1000)),
    types=optional(many(choice(TYPES))),
)
URL_OF_WEBHOOK = text("https://example.com/orders")


def _basket(summary: str, **options: Any) -> Operation:
    return does(summary, BASKET, headers=BASKET_TOKEN, **options)


def _of_staff(summary: str, answer: Shape = TRACK, **options: Any) -> Operation:
    return does(summary, answer, **options)


OPERATIONS: Operations = {
    # the basket
    "GET basket": reads("Read the caller's basket", BASKET, headers=BASKET_TOKEN),
    "DELETE basket": _basket("Take everything out of the basket"),
    "POST basket/items": _basket(
        "Put units of a SKU into the basket",
        body=Item,
        example={"sku": "SUNRISE-LAMP", "quantity": 1},
    ),
    "PUT basket/items": _basket(
        "Make the basket hold exactly these",
        body=Items,
        example={"items": [{"sku": "SUNRISE-LAMP", "quantity": 1}]},
    ),
    "PATCH basket/items/{line_id}": _basket(
        "Change how many of a line", body=Quantity, example={"quantity": 2}
    ),
    "DELETE basket/items/{line_id}": _basket("Take a line out of the basket"),
    "POST basket/merge": _basket("Put a guest's basket into that of who has signed in"),
    "POST basket/coupons": _basket(
        "Put a coupon into the basket", body=CouponCode, example={"code": "WELCOME10"}
    ),
    "DELETE basket/coupons": _basket("Take the coupon out of the basket"),
    "GET basket/delivery-options": reads(
        "List how the basket can be delivered", listed(OPTION), Area
    ),
    "POST basket/payment-link": does(
        "Make a link by which the basket is paid, once",
        LINK,
        status=201,
        body=Life,
        example={"expires_in_seconds": 86400},
    ),
    # checkouts
    "POST checkouts": does(
        "Begin a checkout: its stock is held from now on", CHECKOUT, body=DETAILS
    ),
    "GET checkouts/{checkout_id}": reads("Read a checkout", CHECKOUT),
    "PUT checkouts/{checkout_id}": does(
        "Replace a checkout's details, and take over what is in the basket now",
        CHECKOUT,
        body=DETAILS,
    ),
    "POST checkouts/{checkout_id}/complete": does(
        "Pay a checkout; what goes wrong is in its messages",
        CHECKOUT,
        KEY,
        body=PAYMENT_OF_CHECKOUT,
        headers=REPLAYED,
    ),
    "POST checkouts/{checkout_id}/cancel": does("Give a checkout up and its stock back", CHECKOUT),
    # orders
    "POST orders/checkout": does(
        "Buy the basket in one shot", CONFIRMATION, KEY, status=201, body=DETAILS, headers=REPLAYED
    ),
    "GET orders": reads("List one's own orders, for staff all", page(BRIEF), Filters, *PAGED),
    "GET orders/{number}": reads("Read an order", ORDER),
    "PATCH orders/{number}": does(
        "Change an order's address or note, while that is possible",
        ORDER,
        body=Amendment,
        example={"note": "Ring twice"},
    ),
    "GET orders/{number}/track": Operation(
        "Read how an order stands",
        {200: TRACK, 304: None},
        parameters=[IF_NONE_MATCH],
        headers={"ETag": "The version and the language."},
    ),
    "POST orders/{number}/cancel": does(
        "Cancel an order; what was paid goes back",
        ORDER,
        body=Cancellation,
        example={"reason": "Found mine again"},
    ),
    "POST orders/{number}/reorder": _basket("Put what an order had into the basket"),
    "GET orders/{number}/returns": reads("List the returns of an order", listed(RETURN)),
    "POST orders/{number}/returns": does(
        "Ask to send goods back",
        RETURN,
        status=201,
        body=ReturnBody,
        example={"lines": [{"position": 1, "quantity": 1}], "reason": "Too green"},
    ),
    "GET orders/{number}/webhook": reads("List the webhooks of an order", listed(WEBHOOK)),
    "POST orders/{number}/webhook": does(
        "Register a webhook for the events of an order; its secret is shown once",
        NEW_WEBHOOK,
        Parameter("webhook_url", URL_OF_WEBHOOK, "The same as in the body, which counts more."),
        Parameter("types", text(TYPES[0]), "The same, with commas between."),
        status=201,
        body=WANTED_WEBHOOK,
    ),
    "DELETE orders/{number}/webhook": does(
        "Remove webhooks of an order: one, or all",
        of("RemovedWebhooks", success=yes(), message=text("Webhook removed"), removed=whole(1)),
        Parameter("id", text("sub_7k4q2m9xcb3d5f6g"), "The one of this id."),
        Parameter("webhook_url", URL_OF_WEBHOOK, "Those of this address."),
    ),
    # payments
    "GET payment/providers": reads("List how one can pay", WAYS),
    "POST payment/links": does(
        "Make a link by which an unpaid order is paid, once",
        LINK,
        status=201,
        body=LinkToOrder,
        example={"order_id": NUMBER, "expires_in_seconds": 86400},
    ),
    "GET payment/links/{link_token}": reads("Read how a payment link stands", LINK),
    "DELETE payment/links/{link_token}": does("Close a payment link", LINK),
    "POST payment/webhooks/{provider}": does(
        "Hear from a payment provider, signed by it",
        HEARD,
        header("Stripe-Signature", "t=1,v1=…", "Stripe's."),
        header("Demo-Signature", "…", "The demo bank's."),
        body=NEWS,
    ),
    # staff
    "GET admin/stats": reads(
        "Read how the shop is doing",
        STATS,
        Parameter("hours", whole(24, minimum=0), "Of orders placed within so many."),
    ),
    "POST admin/orders/{number}/advance": _of_staff(
        "Move an order to its next status", body=NextStep, example={"to": "confirmed"}
    ),
    "POST admin/orders/{number}/hold": _of_staff(
        "Let the clock of an order stand still, or go on", body=Hold, example={"held": True}
    ),
    "POST admin/orders/{number}/eta": _of_staff(
        "Say when an order is expected now",
        body=NewTime,
        example={"eta": "2026-11-20T20:30:00Z"},
    ),
    "POST admin/orders/{number}/fail": _of_staff(
        "Say that an order could not be delivered",
        body=Failure,
        example={"reason": "Nobody was there"},
    ),
    "POST admin/orders/{number}/retry": _of_staff("Try a failed delivery again"),
    "POST admin/orders/{number}/mark-paid": _of_staff(
        "Note that an order was paid by invoice or in cash", ORDER
    ),
    "POST admin/orders/{number}/refund": does(
        "Send money back: for lines, an amount, or all that is left",
        ADJUSTMENT,
        KEY,
        status=201,
        body=RefundBody,
        example={"lines": [{"position": 1, "quantity": 1}], "reason": "Broken"},
        headers=REPLAYED,
    ),
    "GET admin/orders/{number}/notes": reads("List the notes about an order", listed(NOTE)),
    "POST admin/orders/{number}/notes": does(
        "Write a note about an order",
        NOTE,
        status=201,
        body=NoteBody,
        example={"text": "Rang twice."},
    ),
    "POST admin/orders/{number}/ticket": does(
        "Make a new link that opens an order", NEW_TICKET, status=201
    ),
    "POST admin/orders/{number}/returns/{return_id}": _of_staff(
        "Approve or refuse a return, or say that the goods are here",
        RETURN,
        body=Decision,
        example={"state": "approved"},
    ),
}
