"""Standing wishes: what somebody wants to be told of, and by which channel."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from pydantic import Field
from rest_framework.serializers import Serializer

from mcp_bridge import confirmations, shapes, texts
from mcp_bridge.addresses import LiveFeedAddress
from mcp_bridge.arguments import Fields
from mcp_bridge.calls import Call
from mcp_bridge.confirmations import Agreement
from mcp_bridge.parameters import Locale
from mcp_bridge.registry import CHANGES, FOLLOWS, Answer, Question, tool
from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error
from notifications import contacts, following, subscribing, subscription_api, subscriptions
from notifications.audiences import user_topic
from notifications.channels.news import INBOX
from notifications.models import Subscription, whose

Given = Mapping[str, Any]
SAID = {
    "active": gettext_noop("🔔 You are told of %(topic)s."),
    "unconfirmed": gettext_noop("✉️ Confirm the code that was sent, to be told of %(topic)s."),
    "paused": gettext_noop("⏸️ You are told nothing of %(topic)s until you resume it."),
    "disabled": gettext_noop("🚫 Nothing could be sent about %(topic)s. Resume it to try again."),
}
MESSAGE_TYPES = ("mail.received", "mail.analyzed", "notification")


class SubscriptionFields(Fields):
    action: Annotated[
        Literal["create", "read", "update", "delete", "pause", "resume", "confirm"],
        Field(description="`read` without subscription_id lists all of yours."),
    ]
    subscription_id: Annotated[str, Field(max_length=40)] = ""
    topics: Annotated[
        list[Annotated[str, Field(max_length=100)]],
        Field(
            max_length=subscription_api.MOST_TOPICS,
            description="Such as order.ORD-…; for `create` your own without any.",
        ),
    ] = []
    types: Annotated[
        list[Annotated[str, Field(max_length=60)]],
        Field(max_length=50, description="Only events of these types; of all without."),
    ] = []
    filter: Annotated[
        dict[str, list[Any]],
        Field(description='Fields of the events\' data and what they may be: {"late": [true]}.'),
    ] = {}
    channel: Annotated[
        str,
        Field(
            max_length=20,
            description="How to be told; a person's address has to be confirmed.",
            json_schema_extra={"enum": [*Subscription.Channel.values]},
        ),
    ] = "webhook"
    address: Annotated[
        str, Field(max_length=1000, description="Where to: of a webhook, its https address.")
    ] = ""
    code: Annotated[
        str, Field(max_length=20, description="For `confirm`: what was sent to the address.")
    ] = ""
    locale: Locale = ""


@tool(
    title="Manage subscriptions",
    scope="orders:read",
    result=shapes.Subscriptions,
    annotations=CHANGES,
    fields=SubscriptionFields,
)
def manage_user_subscriptions(call: Call, **given: Any) -> Answer | Question:
    """Make, list, change, end, pause or resume what you are told of outside of this chat.

    The secret that signs a webhook's messages is in the answer to `create`, this once. To the
    address of a person a code is sent: ask for it, and `confirm` with it.
    """
    if given.pop("locale", ""):
        given["locale"] = call.locale
    if given["action"] == "create":
        return _create(call, given)
    if given["action"] == "read" and not given.get("subscription_id"):
        mine = Subscription.objects.of(whose(call.caller)).prefetch_related("further")
        mine = mine.order_by("-pk")
        said = ngettext(
            "📬 You have %(count)s subscription.", "📬 You have %(count)s subscriptions.", len(mine)
        )
        return _answer(call, mine, said % {"count": len(mine)})
    found = subscribing.find(call.caller, given.get("subscription_id", ""))
    if given["action"] == "confirm":
        contacts.confirm(found, given.get("code", ""), now=call.now)
    return _ON_ONE[given["action"]](call, found, given)


def _create(call: Call, given: Given) -> Answer:
    topics = given.get("topics") or [_own_topic(call.caller)]
    read = _read_body(subscription_api.NewWish, {**given, "topics": topics})
    made = subscription_api.create(call.caller, read, now=call.now)
    secret = made.pop("secret", "")
    said = _("✅ Subscribed to %(topic)s.") if made["state"] == "active" else _(SAID[made["state"]])
    said %= {"topic": _listed(made["topics"])}
    data = {"subscriptions": [made], "secret": secret, "removed": False}
    return Answer(data, said, about=made["id"])


def _listed(topics: Iterable[str]) -> str:
    return ", ".join(topics)


def _show(call: Call, found: Subscription, given: Given) -> Answer:
    return _answer(call, [found], _(SAID[found.state]) % {"topic": _listed(found.topics)})


def _update(call: Call, found: Subscription, given: Given) -> Answer:
    wish = _read_body(subscription_api.Wish, given)
    subscribing.change(call.caller, found, wish, now=call.now)
    return _show(call, found, given)


def _delete(call: Call, found: Subscription, given: Given) -> Answer | Question:
    """Who can be asked before it, is; it costs nothing and can be made again."""
    ended = _listed(found.topics)
    offered = Agreement(
        tool="manage_user_subscriptions", caller=call.caller.identity, about=found.public_id
    )
    if confirm := given.get("confirm"):
        confirmations.require(confirm, offered, now=call.now)
    elif call.can_ask:
        asked = texts.please_confirm_unsubscribing(ended)
        return Question(offered, asked, _("Tell me no more of it"))
    subscribing.remove(found)
    said = _("👋 Unsubscribed from %(topic)s.") % {"topic": ended}
    return Answer({"subscriptions": [], "secret": "", "removed": True}, said)


def _pause(call: Call, found: Subscription, given: Given) -> Answer:
    subscriptions.pause(found)
    return _show(call, found, given)


def _resume(call: Call, found: Subscription, given: Given) -> Answer:
    subscribing.resume(found)
    return _show(call, found, given)


_ON_ONE = {
    "read": _show,
    "confirm": _show,
    "update": _update,
    "delete": _delete,
    "pause": _pause,
    "resume": _resume,
}


def _answer(call: Call, found: Iterable[Subscription], text: str) -> Answer:
    shown = [subscription_api.shape(each, call.caller) for each in found]
    return Answer({"subscriptions": shown, "secret": "", "removed": False}, text)


def _own_topic(caller: Caller) -> str:
    if caller.user_id is None:
        detail = _("Name the topic that you want to be told of.")
        raise Invalid(detail, errors=[field_error("/topics", "required", detail)])
    return user_topic(caller.user_id)


def _read_body(shape: type[Serializer[Any]], given: Given) -> Any:
    """As REST reads a body."""
    body = shape(data=given)
    body.is_valid(raise_exception=True)
    return body.validated_data


@tool(
    title="Subscribe to messages",
    scope="events:read",
    result=shapes.SubscribedToMessages,
    annotations=FOLLOWS,
)
def subscribe_to_email_changes(
    call: Call,
    channels: Annotated[
        list[Annotated[str, Field(pattern="^[a-z]{1,20}$")]] | None,
        Field(max_length=10, description="email, sms, whatsapp …; all without."),
    ] = None,
    types: Annotated[
        list[Literal["mail.received", "mail.analyzed", "notification"]] | None,
        Field(description="What to be told of; all three without."),
    ] = None,
) -> Answer:
    """Be told when somebody writes to the shop, or a notification comes for you.

    An update says that there is something new: read the `uri` then, whose events say what.
    """
    wanted = {INBOX, *([user_topic(call.caller.user_id)] if call.caller.user_id else [])}
    topics = following.readable(call.caller, wanted)
    uri = str(
        LiveFeedAddress(
            names=frozenset(topics),
            types=frozenset(types or MESSAGE_TYPES),
            channels=frozenset(channels or ()),
        )
    )
    said = _("✅ Subscribed to new messages. You'll receive automatic notifications.")
    data = {
        "subscribed": True,
        "message": _("You'll receive automatic updates!"),
        "topics": sorted(topics),
        "uri": uri,
        "delivery": call.delivery,
    }
    return Answer(data, said, uri)
