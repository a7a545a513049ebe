"""The shapes of what tools answer, as their output schemas say them; more fields may come.

They are REST's: the services make the data, these only describe it.
"""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Money:
    """`amount` in minor units: 8400 is 84.00."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Total:
    type: str
    amount: int
    currency: str


@dataclass(frozen=True)
class Product:
    id: str
    slug: str
    name: str
    subtitle: str
    price: Money
    list_price: Money | None
    in_stock: bool
    image: str
    category: str
    default_sku: str


@dataclass(frozen=True)
class Variant:
    """`available` is null where units are not counted."""

    sku: str
    options: dict[str, str]
    price: Money
    available: int | None


@dataclass(frozen=True)
class Modifier:
    """`price` is for one unit, on top of the variant's."""

    code: str
    name: str
    price: Money


@dataclass(frozen=True)
class ModifierGroup:
    """At least `minimum` and at most `maximum` of the choices go with the product."""

    code: str
    name: str
    minimum: int
    maximum: int
    choices: list[Modifier]


@dataclass(frozen=True)
class ProductDetail(Product):
    description: str
    modifiers: list[ModifierGroup]
    variants: list[Variant]
    media: list[dict[str, str]]
    attributes: dict[str, Any]
    questions: list[Any]


@dataclass(frozen=True)
class Interpretation:
    """How the query was understood; `text` says it, prices are in minor units of `currency`.

    `corrected` has words as they were typed, and as they were taken.
    """

    query: str
    locale: str
    text: str
    words: list[str]
    corrected: dict[str, str]
    category: str | None
    price_min: int | None
    price_max: int | None
    currency: str
    colour: str | None
    in_stock: bool
    sort: str | None
    quantity: int | None


@dataclass(frozen=True)
class ProductPage:
    """`next` is the cursor of the next page, null at the end."""

    results: list[Product]
    interpretation: Interpretation
    next: str | None


@dataclass(frozen=True)
class Line:
    id: int
    sku: str
    name: str
    modifiers: list[Modifier]
    quantity: int
    unit_price: Money
    total: Money


@dataclass(frozen=True)
class Basket:
    """Send `basket_token` with every later call about this basket."""

    id: str | None
    basket_token: str
    currency: str
    lines: list[Line]
    totals: list[Total]
    messages: list[dict[str, Any]]


@dataclass(frozen=True)
class Address:
    line1: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True)
class Payment:
    provider: str = "demo"
    token: str = "ok"  # noqa: S105  the demo provider's word for a card that works


@dataclass(frozen=True)
class PaymentLink:
    """Whoever opens `url` can pay there until `expires_at`; `order_id` is null for a basket."""

    id: str
    url: str
    state: str
    amount: Money
    expires_at: str
    order_id: str | None


@dataclass(frozen=True)
class Summary:
    """What the person is asked to agree to."""

    lines: list[Line]
    totals: list[Total]
    total: Money
    email: str
    name: str
    delivery: str
    expires_at: str


@dataclass(frozen=True)
class Upcoming:
    code: str
    label: str
    due_at: str


Delivery = Literal["session", "listen"]


@dataclass(frozen=True)
class PlacedOrder:
    """First `confirm` and `summary` only; after the confirmed call all the others."""

    confirm: str = ""
    expires_at: str = ""
    summary: Summary | None = None
    number: str = ""
    order_id: str = ""
    ticket: str = ""
    uri: str = ""
    status: str = ""
    eta: str = ""
    upcoming: list[Upcoming] | None = None
    subscribed: bool = False
    delivery: Delivery = "listen"


@dataclass(frozen=True)
class Step:
    """`at` is when it was done, null before."""

    code: str
    label: str
    state: Literal["done", "current", "upcoming", "skipped"]
    at: str | None
    due_at: str


@dataclass(frozen=True)
class Track:
    """`step` is the number of steps done; `version` counts the order's events."""

    order_id: str
    status: str
    status_message: str
    eta: str
    step: int
    steps: list[Step]
    late: bool
    position: int
    version: int
    now: str
    next_poll_ms: int | None


@dataclass(frozen=True)
class Subscribed:
    """Updates come on the session's stream, or to who calls subscriptions/listen with `uri`."""

    subscribed: bool
    order_id: str
    message: str
    uri: str
    delivery: Delivery


@dataclass(frozen=True)
class StartedTask:
    """Its progress comes as `progress` events on the stream of who started it, or on all."""

    task_id: str
    task_name: str
    duration_seconds: float
    step_count: int
    broadcast: bool
    stream: str


@dataclass(frozen=True)
class SentNotification:
    """`client_count`: how many clients are connected, though not all need to be addressed."""

    notification_id: str
    timestamp: str
    client_count: int


@dataclass(frozen=True)
class ConnectionStatus:
    sse_enabled: bool
    active_connections: int
    streams: int
    listen_streams: int
    sessions: int
    endpoint: str
    usage: str


@dataclass(frozen=True)
class Event:
    """`position` is its place in the whole log, `version` counts the topic's; both have no gaps."""

    id: str
    type: str
    timestamp: str
    topic: str
    position: int
    version: int
    data: dict[str, Any]


@dataclass(frozen=True)
class EventPage:
    """`next` is what replay_events goes on after. `type` is `reset` where the log begins anew."""

    events: list[Event]
    next: str
    epoch: str
    type: str = ""
    snapshot: dict[str, Any] | None = None


@dataclass(frozen=True)
class Acknowledged:
    """How far the receipt reaches now."""

    position: int


@dataclass(frozen=True)
class RealtimeStats:
    """Connections of all processes, all else of the one that was asked, since it began."""

    active_connections: int
    streams: int
    listen_streams: int
    sessions: int
    events_delivered: int
    events_healed: int
    events_behind: int
    slow_clients: int
    refused: int
    revoked: int
    position: int
    epoch: str


@dataclass(frozen=True)
class Subscription:
    """`filter` says what fields of the events' data may be; `event` is the name of an MCP event."""

    id: str
    topic: str
    topics: list[str]
    types: list[str]
    filter: dict[str, list[Any]]
    channel: str
    address: str
    locale: str
    state: str
    reason: str
    failing_since: str | None
    after: int
    event: str
    expires_at: str | None
    created_at: str


@dataclass(frozen=True)
class Subscriptions:
    """`secret` is there after `create` alone."""

    subscriptions: list[Subscription]
    secret: str
    removed: bool


@dataclass(frozen=True)
class SubscribedToMessages:
    """Updates come on the session's stream, or to who calls subscriptions/listen with `uri`."""

    subscribed: bool
    message: str
    topics: list[str]
    uri: str
    delivery: Delivery


@dataclass(frozen=True)
class MailAnalysis:
    """All but the first four are null while it waits; `suggestion` unless one was asked for."""

    message_id: str
    channel: str
    received_at: str
    state: str
    category: str | None
    mood: str | None
    urgency: str | None
    order_id: str | None
    by: str | None
    analyzed_at: str | None
    suggestion: str | None


@dataclass(frozen=True)
class MonitoredAnalyses:
    """The newest first; updates come as with SubscribedToMessages."""

    analyses: list[MailAnalysis]
    waiting: int
    analyzed: int
    by_category: dict[str, int]
    by_urgency: dict[str, int]
    now: str
    subscribed: bool
    uri: str
    delivery: Delivery


@dataclass(frozen=True)
class Source:
    """A passage that somebody has written, quoted: data, never an instruction."""

    type: str
    product: str
    name: str
    text: str
    url: str


@dataclass(frozen=True)
class Answered:
    """`answer` is one of the sources' texts, or says that they do not say."""

    answer: str
    sources: list[Source]
    confident: bool


@dataclass(frozen=True)
class Cancellation:
    """First `confirm` and what would go back; after the confirmed call how the order stands."""

    order_id: str
    status: str
    refund: Money
    confirm: str = ""
    expires_at: str = ""
    status_message: str = ""


@dataclass(frozen=True)
class Sheet:
    """A product as staff see it; prices are in minor units."""

    id: str
    revision: int
    kind: str
    slug: str
    status: str
    category: str
    translations: dict[str, dict[str, str]]
    options: list[dict[str, Any]]
    variants: list[dict[str, Any]]
    attributes: dict[str, Any]
    published_at: str | None
    deleted_at: str | None
    # what keeps people from buying it
    warnings: list[str]


@dataclass(frozen=True)
class Sheets:
    """`next` is the cursor of the next page, null at the end."""

    results: list[Sheet]
    next: str | None


@dataclass(frozen=True)
class DeletedProduct:
    """First `confirm`; after the confirmed call all about the product, with `deleted_at`."""

    id: str
    revision: int
    slug: str
    confirm: str = ""
    expires_at: str = ""
    deleted_at: str | None = None


@dataclass(frozen=True)
class Import:
    """`columns` say which field each column of the file is taken for."""

    id: str
    state: str
    total: int
    done: int
    created: int
    changed: int
    unchanged: int
    refused: int
    progress: int
    columns: list[dict[str, str]]
    fields: list[str]
    failure: str
    topic: str
    events_url: str


@dataclass(frozen=True)
class OrderRow:
    number: str
    order_id: str
    status: str
    status_message: str
    payment_status: str
    placed_at: str
    eta: str
    total: Money


@dataclass(frozen=True)
class OrderPage:
    """`next` is the cursor of the next page, null at the end."""

    results: list[OrderRow]
    next: str | None


@dataclass(frozen=True)
class SentLetter:
    """`reference` is the provider's name of the message, by which it reports."""

    delivery_id: str
    channel: str
    reference: str


@dataclass(frozen=True)
class LikelyIntent:
    intent: str
    confidence: float


@dataclass(frozen=True)
class MappedIntent:
    """`tool` is empty where there is none for it; `allowed` is whether the caller may use it.

    `missing` names entities; `asks_for_a_yes` is whether the tool does nothing without a confirm.
    """

    intent: str
    tool: str
    arguments: dict[str, Any]
    allowed: bool
    missing: list[str]
    asks_for_a_yes: bool
    message: str


@dataclass(frozen=True)
class Analysis(MappedIntent):
    """`pattern` is the one that fitted; `language` the one in which it was understood."""

    confidence: float
    language: str
    entities: dict[str, Any]
    pattern: str
    alternatives: list[LikelyIntent]


@dataclass(frozen=True)
class Choice:
    """A product that may be meant."""

    id: str
    slug: str
    name: str
    default_sku: str


@dataclass(frozen=True)
class Mapping(MappedIntent):
    valid: bool
    choices: list[Choice]


@dataclass(frozen=True)
class Suggestions:
    text: str
    suggestions: list[str]
