"""What people's messages to the shop are about, as it is found out."""

from typing import Annotated

from django.utils.translation import gettext as _
from pydantic import Field

from mcp_bridge import shapes
from mcp_bridge.addresses import AiMonitoringAddress
from mcp_bridge.assistant import mail_monitor
from mcp_bridge.calls import Call
from mcp_bridge.models import MailAnalysis
from mcp_bridge.registry import READS, Answer, tool


@tool(
    title="Monitor the analysis of messages",
    scope="events:read",
    result=shapes.MonitoredAnalyses,
    annotations=READS,
    is_for_staff=True,
    quotes=("analyses",),
)
def monitor_ai_analysis(
    call: Call,
    category: Annotated[
        str,
        Field(
            max_length=20,
            description="Only these; all without.",
            json_schema_extra={"enum": ["", *MailAnalysis.Category.values]},
        ),
    ] = "",
    urgency: Annotated[
        str,
        Field(max_length=20, json_schema_extra={"enum": ["", *MailAnalysis.Urgency.values]}),
    ] = "",
    channel: Annotated[str, Field(max_length=20, description="email, sms, whatsapp …")] = "",
    message_id: Annotated[
        str, Field(max_length=40, description="One message, with the answer that is suggested.")
    ] = "",
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
) -> Answer:
    """What people who wrote to the shop want, how urgent it is, and how the analysis is doing.

    Updates come as messages are read: the `uri` says what is new. A suggested answer is for a
    person to look at; nothing is sent.
    """
    if message_id:
        data = mail_monitor.one(call.caller, message_id, now=call.now)
    else:
        data = mail_monitor.overview(
            call.caller,
            category=category,
            urgency=urgency,
            channel=channel,
            limit=limit,
            now=call.now,
        )
    uri = str(AiMonitoringAddress())
    said = _("🔎 Messages: %(waiting)s waiting, %(analyzed)s read.") % data
    told = {"subscribed": True, "uri": uri, "delivery": call.delivery}
    return Answer({**data, **told}, said, uri, about=message_id)
