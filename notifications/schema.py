"""What the OpenAPI document says of the calls of the log and of tokens."""

from museo.access.operations import (
    JSON,
    PAGED,
    Body,
    Operation,
    Operations,
    Parameter,
    does,
    header,
    reads,
)
from museo.access.shapes import (
    address,
    anything,
    choice,
    each,
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
from notifications.access_api import Credentials, Refreshing, Returned
from notifications.api import Acknowledgement, Topics
from notifications.channels import CHANNELS
from notifications.channels.states import State
from notifications.models import Delivery, Subscription
from notifications.preference_api import CLOCK, Wishes
from notifications.preferences import CHOSEN, LABELS, Category, Window
from notifications.subscription_api import (
    Asked,
    ChangedWish,
    Code,
    Moved,
    NewWish,
    Range,
    Wanted,
)

CURSOR = "7f3a9c21-1234"
ENVELOPE = of(
    "Envelope",
    id=text("evt_6f1f0c0e2f7d4f43a1b8d7f5f1c1a6d2"),
    type=text("order.confirmed"),
    timestamp=moment(),
    topic=text("order.ORD-7K4Q2M9X"),
    position=whole(1234),
    version=whole(2),
    data=each(anything("confirmed"), "status"),
)
EVENTS = of(
    "Events",
    events=many(ENVELOPE),
    next=text(CURSOR),
    epoch=text("7f3a9c21"),
    # with them for a cursor of another log: how things stand
    type=optional(choice(["reset"])),
    snapshot=optional(each(anything({}), "order.ORD-7K4Q2M9X")),
)
PLACED = {"placed": whole(3), "delivered": whole(2), "cancelled": whole(0)}
REALTIME = of(
    "Realtime",
    now=moment(),
    position=whole(1234),
    # events that are not counted yet
    behind=whole(0),
    events=of(
        hour=whole(42),
        day=whole(900),
        by_type=each(whole(3), "order.placed"),
        per_minute=many(of(minute=moment(), events=whole(7), **PLACED)),
        per_hour=many(of(hour=moment(), events=whole(42), **PLACED)),
    ),
    orders=of(hour=of(**PLACED), day=of(**PLACED)),
    deliveries=each(
        of(
            **{state: whole(1) for state in Delivery.State.values},
            latency_seconds=maybe(of(p50=number(0.4), p95=number(1.2))),
        ),
        "email",
    ),
)
STREAM = text(f'id: {CURSOR}\ndata: {{"type": "order.confirmed", …}}\n\n')
READING = (
    Parameter("after", text(CURSOR), "The last cursor one has; all without."),
    Parameter("limit", whole(100, minimum=0), "How many at most; clamped."),
    Parameter("wait", whole(25, minimum=0), "Wait so many seconds for news."),
    Parameter("types", text("order.confirmed"), "Of a stream: only events of these types."),
)
# what providers tell is theirs to describe
TOLD = each(anything("…"), "object")
FORM = "application/x-www-form-urlencoded"
HEARD = of("Told", received=yes(), statuses=whole(1), replies=whole(0))
BY_TWILIO = header("X-Twilio-Signature", "…", "Twilio's.")
GRANT = of(
    "Grant",
    access_token=text("eyJ…"),
    token_type=choice(["Bearer"]),
    expires_in=whole(900),
    refresh_token=text("msr_…"),
)


def _events(summary: str, *parameters: Parameter) -> Operation:
    return Operation(
        summary,
        {200: {JSON: EVENTS, "text/event-stream": STREAM}},
        parameters=[*parameters, *READING],
    )


def _granted(summary: str, body: Body, example: dict[str, str]) -> Operation:
    return does(summary, GRANT, body=body, example=example)


SUBSCRIPTION = of(
    "Subscription",
    id=text("sub_7k4q2m9xcb3d5f6g"),
    # the first of `topics`
    topic=text("order.ORD-7K4Q2M9X"),
    topics=many(text("order.ORD-7K4Q2M9X")),
    # all for none
    types=many(text("order.delivered")),
    # of an event's data: what each field may be
    filter=each(many(anything("delivered")), "status"),
    channel=choice(Subscription.Channel.values),
    # a URL, or what the channel reaches a person by; of a browser a digest
    address=text("https://example.com/orders"),
    locale=text("en"),
    state=choice(Subscription.State.values),
    # why it was disabled
    reason=text(""),
    failing_since=nothing(moment()),
    after=whole(1234),
    # of an MCP event, its name
    event=text(""),
    expires_at=nothing(moment()),
    created_at=moment(),
)
# a browser's `PushSubscription` as JSON
BROWSER = (
    '{"endpoint":"https://push.example.com/send/abc","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6'
    '-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}'
)
SECRET = text("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
DELIVERY = of(
    "Delivery",
    id=text("sub_7k4q2m9xcb3d5f6g-1234"),
    subscription=text("sub_7k4q2m9xcb3d5f6g"),
    topic=text("order.ORD-7K4Q2M9X"),
    position=whole(1234),
    state=choice(Delivery.State.values, "sent"),
    # why it was not sent, or not yet
    reason=text(""),
    due_at=nothing(moment()),
    created_at=moment(),
    ended_at=maybe(moment()),
    # what its provider says became of it
    report=nothing(of("Report", state=choice([*State], "delivered"), code=text(""), at=moment())),
    attempts=many(
        of(
            "Attempt",
            at=moment(),
            duration_ms=whole(84),
            status=maybe(whole(200)),
            code=text(""),
            detail=text(""),
            request=text("webhook-id: evt_6f1f0c0e2f7d4f43a1b8d7f5f1c1a6d2"),
            response=text("ok"),
        )
    ),
)
TESTED = of(
    "Tested",
    sent=yes(),
    status=maybe(whole(200)),
    code=nothing(text("unreachable")),
    detail=text(""),
)
NOTIFICATION = more(
    ENVELOPE,
    "Notification",
    # it lies behind the receipt
    new=yes(),
)
PREFERENCES = of(
    "Preferences",
    channels=of(
        **{category.value: of(**{channel: yes() for channel in CHANNELS}) for category in CHOSEN},
    ),
    quiet_hours=maybe(
        of(
            starts_at=text("22:00", pattern=CLOCK),
            ends_at=text("07:00", pattern=CLOCK),
            # whether also what is urgent waits for their end
            urgent_too=yes(example=False),
        )
    ),
    digest=of(
        window=choice((window.value for window in Window), "hour"), at=text("08:00", pattern=CLOCK)
    ),
    # of an order only that it comes, and that it is here
    only_arrival=yes(example=False),
    # the next channel is tried if nothing was acknowledged for so long
    fallback=maybe(of(after_minutes=whole(10), channels=many(choice(CHANNELS, "webpush")))),
    time_zone=text("Europe/Helsinki"),
    categories=many(
        of(
            code=choice(category.value for category in CHOSEN),
            label=text(LABELS[Category.PROGRESS]),
        )
    ),
    available=many(of(code=choice(CHANNELS), label=text("E-mail"), configured=yes())),
)


OPERATIONS: Operations = {
    "GET notifications": reads(
        "Read what one was told, newest first",
        of(
            "Notifications",
            results=many(NOTIFICATION),
            next=nothing(address("https://shop.example/api/v1/notifications?cursor=1234")),
            # so many are new; more than a hundred are not counted
            unread=whole(1),
            # the receipt: what lies behind it is new
            position=whole(1200),
        ),
        *PAGED,
    ),
    "GET preferences": reads("Read what one wants to be told, and when", PREFERENCES),
    "PUT preferences": does(
        "Choose what to be told, by which channels, and when",
        PREFERENCES,
        body=Wishes,
        example={
            "channels": {"progress": {"sms": False}},
            "quiet_hours": {"starts_at": "22:00", "ends_at": "07:00"},
            "digest": {"window": "hour"},
            "time_zone": "Europe/Helsinki",
        },
    ),
    "GET subscriptions": reads("List one's own subscriptions", page(SUBSCRIPTION), Asked, *PAGED),
    "POST subscriptions": does(
        "Subscribe an address to topics; the secret of a webhook is shown once",
        more(SUBSCRIPTION, "NewSubscription", secret=optional(SECRET)),
        status=201,
        body=NewWish,
        example={"topic": "order.ORD-7K4Q2M9X", "address": "https://example.com/orders"},
    ),
    "POST subscriptions/moved": does(
        "Tell that a push service has given a browser another address",
        of("MovedBrowser", moved=whole(1)),
        body=Moved,
        example={"before": BROWSER, "after": BROWSER},
    ),
    "GET subscriptions/{subscription_id}": reads("Read a subscription", SUBSCRIPTION),
    "PATCH subscriptions/{subscription_id}": does(
        "Change what is wanted, or get a new secret",
        more(SUBSCRIPTION, "ChangedSubscription", secret=optional(SECRET)),
        body=ChangedWish,
        example={"types": ["order.delivered"], "filter": {"late": [True]}},
    ),
    "DELETE subscriptions/{subscription_id}": does(
        "End a subscription, with its deliveries", of("RemovedSubscription", removed=yes())
    ),
    "POST subscriptions/{subscription_id}/pause": does("Send nothing for now", SUBSCRIPTION),
    "POST subscriptions/{subscription_id}/resume": does(
        "Go on, also after it was disabled", SUBSCRIPTION
    ),
    "POST subscriptions/{subscription_id}/confirm": does(
        "Tell the code that was sent to the address",
        SUBSCRIPTION,
        body=Code,
        example={"code": "123456"},
    ),
    "POST subscriptions/{subscription_id}/test": does("Send a test, and tell its answer", TESTED),
    "POST subscriptions/{subscription_id}/replay": does(
        "Send again: one by its position, a range, or all since a position",
        of("Replayed", deliveries=whole(12), next_after=nothing(whole(1234))),
        body=Range,
        example={"after": 1200, "missed_only": True},
    ),
    "GET deliveries": reads(
        "List the deliveries of one's subscriptions, with attempts", page(DELIVERY), Wanted, *PAGED
    ),
    "POST deliveries/{delivery_id}/resend": does("Send a delivery once more", DELIVERY),
    "GET events": _events(
        "Read the events of topics, or follow them",
        Parameter("topics", text("order.ORD-7K4Q2M9X"), "With commas between.", is_required=True),
    ),
    "GET orders/{number}/events": _events("Read the events of an order, or follow them"),
    "POST events/tickets": does(
        "Get a ticket that opens a stream within a minute",
        of("StreamTicket", ticket=text("st_…"), expires_at=moment()),
        status=201,
        body=Topics,
        example={"topics": ["order.ORD-7K4Q2M9X"]},
    ),
    "POST channels/twilio/status": does(
        "Hear from Twilio what became of a text message",
        HEARD,
        BY_TWILIO,
        body=TOLD,
        body_type=FORM,
    ),
    "POST channels/twilio/messages": Operation(
        "Hear from Twilio what somebody wrote",
        {200: {"text/xml": text("<Response/>")}},
        parameters=[BY_TWILIO],
        body=TOLD,
        body_type=FORM,
    ),
    "GET channels/meta": Operation(
        "Tell Meta that its webhook is ours",
        {200: {"text/plain": text("1158201444")}},
        parameters=[
            Parameter("hub.mode", text("subscribe"), "Always this."),
            Parameter("hub.verify_token", text("…"), "The word of META_VERIFY_TOKEN."),
            Parameter("hub.challenge", text("1158201444"), "Is told back."),
        ],
    ),
    "POST channels/meta": does(
        "Hear from Meta of WhatsApp and Instagram",
        HEARD,
        header("X-Hub-Signature-256", "sha256=…", "Meta's."),
        body=TOLD,
    ),
    "POST channels/mail/tracking": does(
        "Hear from the provider of mail what became of mails", HEARD, body=TOLD
    ),
    "POST channels/mail/inbound": does(
        "Hear from the provider of mail what somebody wrote", HEARD, body=TOLD
    ),
    "POST notifications/ack": does(
        "Say that all up to a position was received",
        of("Receipt", position=whole(1234)),
        body=Acknowledgement,
        example={"position": 1234},
    ),
    "POST auth/token": _granted(
        "Get tokens for the keys of a service account",
        Credentials,
        {"api_key": "msk_…", "api_secret": "mss_…"},
    ),
    "POST auth/refresh": _granted(
        "Get the next tokens, once for each", Refreshing, {"refresh_token": "msr_…"}
    ),
    "POST auth/revoke": does(
        "End a token and all that came of it",
        of("Revoked", revoked=yes()),
        body=Returned,
        example={"token": "msr_…"},
    ),
}
