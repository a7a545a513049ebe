"""What is sent to one person, and how that can fail: shared by all channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from museo.access.problems import Invalid, field_error


@dataclass(frozen=True)
class Template:
    """A message that WhatsApp has approved before: its name, and what fills its places."""

    name: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """What is said to one person, in their language; each channel takes the form that it has.

    `text` and `html` are a letter, `short` is a line or two without emoji, `chat` the same as a
    friend would say it. `thread` is what it is about: a newer one stands in the place of an older.
    """

    subject: str
    text: str
    short: str = ""
    chat: str = ""
    html: str = ""
    locale: str = "en"
    # where it leads
    url: str = ""
    thread: str = ""
    template: Template | None = None
    # ends what is sent, at once and without a question (RFC 8058)
    unsubscribe_url: str = ""
    is_urgent: bool = False
    # where answers to a letter go; empty for where it came from
    reply_to: str = ""


@dataclass(frozen=True)
class Message:
    """Content on its way to one address; `key` stays the same however often it is tried.

    `last_heard_at` is when the person last wrote on this channel, as far as that matters there.
    """

    address: str = field(repr=False)
    content: Content = field(repr=False)
    key: str
    now: datetime
    last_heard_at: datetime | None = None


class NotSent(Exception):
    """It did not get out. `permanent`: trying again is of no use.

    `code` is one of CODES, `detail` the provider's own word: no address, no secret. `retry_after`
    is how long the provider wants to be left alone; None if it did not say.
    """

    CODES = (
        "bad_address",  # nobody can be reached there
        "gone",  # there was somebody; the address is to be forgotten
        "opted_out",  # the person wants nothing by this channel
        "window_closed",  # the person has to write first
        "too_large",
        "refused",  # for what it says, or for who we are
        "too_often",
        "not_authorized",  # staff have to renew a key
        "unreachable",
    )

    def __init__(
        self,
        code: str,
        *,
        permanent: bool,
        retry_after: timedelta | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(code)
        self.code = code
        self.permanent = permanent
        self.retry_after = retry_after
        self.detail = detail[:80]


class BadAddress(Invalid):
    """Nothing can be sent to this by the channel."""

    code = "bad_address"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[field_error("/address", BadAddress.code, detail)])


def shortened(text: str, longest: int) -> str:
    """At most so many characters; what is cut off ends with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
