"""WhatsApp by its Cloud API: what one likes within a day of the person's last word, else templates.

Keeps to developers.facebook.com/docs/whatsapp/cloud-api: guides/send-messages,
guides/send-message-templates and reference/messages.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from notifications.channels import meta, sms
from notifications.channels.message import Message, NotSent, Template, shortened

NAME = "whatsapp"
LONGEST = 4096
LONGEST_PARAMETER = 1000


def label() -> str:
    return _("WhatsApp")


def missing() -> list[str]:
    names = ("WHATSAPP_TOKEN", "WHATSAPP_PHONE_NUMBER_ID")
    return [name for name in names if not getattr(settings, name)]


def check(address: str) -> str:
    """A number, as for text messages; raise BadAddress."""
    return sms.check(address)


def send(message: Message) -> str:
    """Meta's id of the message; raise NotSent."""
    told = meta.post(
        f"{settings.WHATSAPP_API_BASE}/{settings.WHATSAPP_PHONE_NUMBER_ID}/messages",
        token=settings.WHATSAPP_TOKEN,
        body={
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.address.removeprefix("+"),
            # comes back with every status
            "biz_opaque_callback_data": message.key[:512],
            **_said(message),
        },
        now=message.now,
    )
    messages = told.get("messages") or [{}]
    return str(messages[0].get("id", ""))


def _said(message: Message) -> dict[str, Any]:
    content = message.content
    if meta.is_open(message):
        link = f"\n{content.url}" if content.url else ""
        body = shortened(content.chat or content.text, LONGEST - len(link)) + link
        return {"type": "text", "text": {"preview_url": False, "body": body}}
    if content.template is None:
        raise NotSent("window_closed", permanent=True)
    return {"type": "template", "template": _filled(content.template, content.locale)}


def _filled(template: Template, locale: str) -> dict[str, Any]:
    parameters = [
        # neither lines nor rows of blanks are allowed in them
        {"type": "text", "text": shortened(re.sub(r"\s+", " ", text), LONGEST_PARAMETER)}
        for text in template.parameters
    ]
    return {
        "name": template.name,
        "language": {"code": locale},
        "components": [{"type": "body", "parameters": parameters}] if parameters else [],
    }
