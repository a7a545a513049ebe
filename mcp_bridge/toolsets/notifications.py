"""Telling people: everybody who is connected, or one person by mail, text message or WhatsApp."""

from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field

from mcp_bridge import shapes
from mcp_bridge.calls import Call
from mcp_bridge.parameters import Locale
from mcp_bridge.registry import ADDS, SENDS, Answer, tool
from notifications import direct, notices
from notifications.channels.message import Template
from notifications.direct import Letter
from notifications.envelope import timestamp
from notifications.live.hub import here, in_thread

Text = Annotated[str, Field(min_length=1, max_length=direct.LONGEST_TEXT)]
Number = Annotated[str, Field(max_length=40, description="With its country: +358401234567.")]
RequestId = Annotated[
    str,
    Field(
        max_length=100,
        description="Your own name for this message: sent again with it, it leaves once. "
        "Without it, the same words to the same address leave once in ten minutes.",
    ),
]


class WhatsAppTemplate(BaseModel):
    """A message that WhatsApp has approved, and what fills its places."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z0-9_]{1,512}$")]
    parameters: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=20)] = []


@tool(
    title="Send a notification",
    scope="notify:send",
    result=shapes.SentNotification,
    annotations=ADDS,
)
async def send_notification(
    call: Call,
    message: Annotated[str, Field(min_length=1, max_length=notices.LONGEST_MESSAGE)],
    type: Annotated[Literal["info", "warning", "error", "success"], Field()] = "info",
    data: Annotated[dict[str, Any] | None, Field(description="Facts for programs.")] = None,
    targets: Annotated[
        list[str] | None,
        Field(
            max_length=notices.MOST_TARGETS,
            description="User ids, e-mail addresses or connection ids; everybody without any.",
        ),
    ] = None,
    group: Annotated[str, Field(max_length=80, description="`admin`, or a group's name.")] = "",
) -> dict[str, Any]:
    """Send a message to everybody who is connected, to a group, or to single targets.

    Who is away finds it later.
    """
    notice = await in_thread(notices.send)(
        call.caller,
        message=message,
        type=type,
        data=data,
        targets=targets or (),
        group=group,
        now=call.now,
    )
    return {
        "notification_id": notice.notification_id,
        "timestamp": timestamp(call.now),
        "client_count": (await here()).connections.count(),
    }


@tool(
    title="Send an e-mail",
    scope="notify:send",
    result=shapes.SentLetter,
    annotations=SENDS,
    is_for_staff=True,
)
def send_email(
    call: Call,
    to: Annotated[str, Field(max_length=254, description="An e-mail address.")],
    text: Text,
    subject: Annotated[
        str, Field(max_length=direct.LONGEST_SUBJECT, description="The first line without it.")
    ] = "",
    locale: Locale = "",
    request_id: RequestId = "",
) -> Answer:
    """Send a plain e-mail to one person, for the shop. Orders' steps are told by themselves."""
    return _sent(call, "email", Letter(to, text, subject), request_id)


@tool(
    title="Send a text message",
    scope="notify:send",
    result=shapes.SentLetter,
    annotations=SENDS,
    is_for_staff=True,
)
def send_sms(
    call: Call, to: Number, text: Text, locale: Locale = "", request_id: RequestId = ""
) -> Answer:
    """Send a text message to one person, for the shop; it is cut at 1,600 characters."""
    return _sent(call, "sms", Letter(to, text), request_id)


@tool(
    title="Send a WhatsApp message",
    scope="notify:send",
    result=shapes.SentLetter,
    annotations=SENDS,
    is_for_staff=True,
)
def send_whatsapp(
    call: Call,
    to: Number,
    text: Annotated[str, Field(max_length=direct.LONGEST_TEXT)] = "",
    template: Annotated[
        WhatsAppTemplate | None,
        Field(description="Needed unless they wrote to the shop within the last day."),
    ] = None,
    locale: Locale = "",
    request_id: RequestId = "",
) -> Answer:
    """Send a WhatsApp message to one person, for the shop."""
    approved = Template(template.name, tuple(template.parameters)) if template else None
    return _sent(call, "whatsapp", Letter(to, text, template=approved), request_id)


def _sent(call: Call, channel: str, letter: Letter, request_id: str) -> Answer:
    sent = direct.send(call.caller, channel, letter, request_id=request_id, now=call.now)
    return Answer(sent, _("📨 Sent, as %(id)s.") % {"id": sent["delivery_id"]})
