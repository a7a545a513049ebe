"""E-mail: by a provider that django-anymail knows, by SMTP, or shown on the console in the demo.

Keeps to RFC 8058 (one click ends it), RFC 3834 (it was sent by a program) and RFC 5322 (a
Message-ID that is the same however often it is tried, so that a mailbox shows it once).
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import warnings
from collections.abc import Iterator
from datetime import datetime
from email.utils import parseaddr
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, EventType
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils.translation import gettext as _

from museo.lazy import Lazy
from notifications.channels import calling
from notifications.channels.message import BadAddress, Content, Message, NotSent, shortened
from notifications.channels.news import BadNews, Reply, Status
from notifications.channels.states import State

if TYPE_CHECKING:
    from anymail.exceptions import AnymailError

# with it comes all of another HTTP library
trouble: Any = Lazy("anymail.exceptions")
NAME = "email"
LONGEST_SUBJECT = 200
AUTHENTICATION_REQUIRED = 530
# what is not sent by a provider of mail
OWN = ("console", "smtp")
# what readers of webhooks raise that were not meant for them
UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
STATES = {
    EventType.SENT: State.SENT,
    EventType.REJECTED: State.FAILED,
    EventType.FAILED: State.FAILED,
    EventType.BOUNCED: State.BOUNCED,
    EventType.DELIVERED: State.DELIVERED,
    EventType.OPENED: State.READ,
    EventType.CLICKED: State.READ,
    EventType.COMPLAINED: State.COMPLAINED,
}


def label() -> str:
    return _("E-mail")


def missing() -> list[str]:
    """Settings without which the chosen way does not work."""
    if settings.MUSEO_MAIL == "smtp":
        return [] if settings.EMAIL_HOST else ["SMTP_URL"]
    if settings.MUSEO_MAIL == "console":
        return []
    try:
        get_connection()
    except trouble.AnymailConfigurationError as error:
        named = re.search(r"\bANYMAIL_\w+", str(error))
        return [named[0] if named else f"ANYMAIL_{settings.MUSEO_MAIL.upper()}"]
    return []


def check(address: str) -> str:
    """Raise BadAddress for what is no address."""
    plain = address.strip()
    try:
        validate_email(plain)
        plain.rpartition("@")[2].encode("idna")
    except (ValidationError, UnicodeError) as error:
        raise _bad_address() from error
    # mail goes to what is quoted or encoded, so that one address would count as many
    if '"' in plain or "=?" in plain:
        raise _bad_address()
    return plain


def _bad_address() -> BadAddress:
    return BadAddress(_("Write an e-mail address such as maya@example.org."))


def send(message: Message) -> str:
    """The provider's name of the message, or its Message-ID; raise NotSent."""
    mail = compose(message)
    try:
        mail.send()
    except smtplib.SMTPException as error:
        # what the library says names the person
        raise _refused_by_smtp(error) from None
    except trouble.AnymailConfigurationError:
        raise NotSent("not_authorized", permanent=False, detail="mail not configured") from None
    except trouble.AnymailError as error:
        raise _refused_by_provider(error, now=message.now) from None
    except OSError as error:
        raise NotSent("unreachable", permanent=False, detail=type(error).__name__) from None
    except UnicodeError:
        raise NotSent("bad_address", permanent=True, detail="no domain") from None
    told = getattr(mail, "anymail_status", None)
    name = getattr(told, "message_id", None)
    return mail.extra_headers["Message-ID"] if name is None else str(name)


def compose(message: Message) -> EmailMultiAlternatives:
    content = message.content
    mail = EmailMultiAlternatives(
        # a subject has one line
        subject=shortened(" ".join(content.subject.split()), LONGEST_SUBJECT),
        body=content.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.address],
        reply_to=[content.reply_to] if content.reply_to else None,
        headers=_headers(message.key, content),
    )
    if content.html:
        mail.attach_alternative(content.html, "text/html")
    return mail


def _headers(key: str, content: Content) -> dict[str, str]:
    headers = {
        "Message-ID": f"<{_plain(key)}@{_domain()}>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": content.locale,
    }
    if content.thread:
        # mailboxes show what belongs together as one conversation
        headers["References"] = f"<{_plain(content.thread)}@{_domain()}>"
    if content.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)[:120]


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def _refused_by_smtp(error: smtplib.SMTPException) -> NotSent:
    """By the reply's first digit (RFC 5321, section 4.2.1): 5 is for good, 4 for now."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        detail = f"smtp {error.smtp_code}"
        return NotSent("not_authorized", permanent=False, detail=detail)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        word = "refused" if _is_of_us(code, said) else "bad_address"
        return NotSent(word, permanent=code >= 500, detail=f"smtp {code}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotSent("bad_address", permanent=True, detail="smtp without SMTPUTF8")
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        word = "refused" if code >= 500 else "unreachable"
        # greetings and refused connections are of the server, not of the message
        is_final = code >= 500 and not isinstance(
            error, smtplib.SMTPConnectError | smtplib.SMTPHeloError
        )
        return NotSent(word, permanent=is_final, detail=f"smtp {code}")
    return NotSent("unreachable", permanent=False, detail=type(error).__name__)


def _is_of_us(code: int, said: bytes) -> bool:
    """Whether a recipient is refused for who sends (RFC 3463, X.7; RFC 4954), whoever it is."""
    return code == AUTHENTICATION_REQUIRED or said.startswith(b"5.7.")


def _refused_by_provider(error: AnymailError, *, now: datetime) -> NotSent:
    if isinstance(error, trouble.AnymailRecipientsRefused | trouble.AnymailInvalidAddress):
        return NotSent("bad_address", permanent=True, detail="mail rejected")
    status = error.status_code
    if status is None:
        is_ours = isinstance(error, ValueError)
        code = "refused" if is_ours else "unreachable"
        return NotSent(code, permanent=is_ours, detail=type(error).__name__)
    detail = f"mail {status}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return NotSent("not_authorized", permanent=False, detail=detail)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        told = error.response.headers.get("Retry-After", "") if error.response is not None else ""
        pause = calling.retry_after(told, now=now)
        return NotSent("too_often", permanent=False, retry_after=pause, detail=detail)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NotSent("unreachable", permanent=False, detail=detail)
    return NotSent("refused", permanent=True, detail=detail)


# what the provider tells


def webhook(kind: str) -> type[Any] | None:
    """Anymail's reader of the chosen provider: of `tracking` or `inbound`."""
    from anymail.urls import urlpatterns

    if settings.MUSEO_MAIL in OWN:
        return None
    wanted = {f"{settings.MUSEO_MAIL}_{kind}_webhook", f"{settings.MUSEO_MAIL}_webhook"}
    found = [pattern.callback for pattern in urlpatterns if pattern.name in wanted]
    return found[0].view_class if found else None


def webhook_missing(kind: str) -> list[str]:
    """Settings without which nobody can tell whether a webhook is the provider's."""
    reader = webhook(kind)
    if reader is None:
        return ["MUSEO_MAIL"]
    is_open = reader.warn_if_no_basic_auth and not settings.ANYMAIL.get("WEBHOOK_SECRET")
    return ["ANYMAIL_WEBHOOK_SECRET"] if is_open else []


def read(kind: str, request: HttpRequest, *, now: datetime) -> list[Status | Reply]:
    """What one call of the provider's tells; raise BadNews."""
    reader = webhook(kind)
    if reader is None:
        return []
    try:
        with warnings.catch_warnings():
            # a hint about a provider's signature that is optional: basic authentication is not
            warnings.simplefilter("ignore")
            view = reader()
        view.run_validators(request)
        return list(_news(view.parse_events(request), now=now))
    except trouble.AnymailWebhookValidationFailure as error:
        raise BadNews(_("The signature does not fit. Check the webhook's secret.")) from error
    except (trouble.AnymailConfigurationError, trouble.AnymailError, *UNREADABLE) as error:
        detail = _("This webhook cannot be read. Send what the provider's reference describes.")
        raise BadNews(detail) from error


def _news(events: Any, *, now: datetime) -> Iterator[Status | Reply]:
    for event in events:
        if isinstance(event, AnymailTrackingEvent) and event.message_id:
            state = STATES.get(event.event_type)
            if state:
                yield Status(
                    NAME,
                    event.message_id,
                    state,
                    at=event.timestamp or now,
                    code=event.reject_reason or "",
                )
        elif isinstance(event, AnymailInboundEvent) and event.message:
            yield reply_of(event.message, name=event.event_id or "", at=event.timestamp or now)


def reply_of(mail: Any, *, name: str, at: datetime) -> Reply:
    """A mail to the shop; `name` is the provider's for it, else its Message-ID counts."""
    sender = mail.from_email.addr_spec if mail.from_email else mail.envelope_sender or ""
    subject, text = mail.subject or "", mail.text or ""
    # a mail without a name is the same one if it says the same
    said = hashlib.sha256(repr((sender, subject, text, mail.get("Date"))).encode()).hexdigest()
    return Reply(
        NAME,
        provider_id=str(mail.get("Message-ID") or name or said),
        sender=sender.lower(),
        subject=subject,
        text=text,
        at=at,
        answers=str(mail.get("In-Reply-To") or ""),
    )
