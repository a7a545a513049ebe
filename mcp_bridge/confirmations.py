"""A person's yes to what cannot be taken back: a signed question with a deadline.

The question names what was agreed: who asked which tool for what, as it was, at which price, and
the details. A tool that can ask is called twice: first without `confirm`, then with the one it
answered. What has changed meanwhile must be asked anew.
"""

from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.utils.translation import gettext as _

from museo.access.problems import Problem

LIFETIME = timedelta(minutes=10)
SALT = "mcp.confirm"


class NotConfirmed(Problem):
    """The question is not the one that would be answered now; ask again."""

    status = 409
    code = "confirmation_needed"


@dataclass(frozen=True)
class Agreement:
    """What a person says yes to; `about` is a basket, an order or a product, at its `version`.

    `total` is in minor units, `details` a hash.
    """

    tool: str
    caller: str
    about: str
    version: int = 0
    total: int = 0
    details: str = ""


def ask(agreement: Agreement, *, now: datetime) -> str:
    """The token that stands for this question until its deadline."""
    return signing.dumps([*astuple(agreement), (now + LIFETIME).timestamp()], salt=SALT)


def read(token: str, *, tool: str, now: datetime) -> Agreement:
    """What was asked; raise NotConfirmed for a token that is none of this tool's, or too old."""
    try:
        *agreed, deadline = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        agreed, deadline = [""], 0.0
    if agreed[0] != tool:
        raise NotConfirmed(
            _("This is no confirmation of this shop. Call %(tool)s without `confirm` first.")
            % {"tool": tool}
        )
    if now.timestamp() > deadline:
        raise NotConfirmed(
            _("The confirmation is older than 10 minutes. Call %(tool)s without `confirm`.")
            % {"tool": tool}
        )
    return Agreement(*agreed)


def require_same(agreed: Agreement, offered: Agreement) -> None:
    """Raise NotConfirmed if what would be done is not what was agreed."""
    if agreed != offered:
        raise NotConfirmed(
            _(
                "Something has changed since the question: what it is about, its price or the "
                "details. Call %(tool)s without `confirm` and ask again."
            )
            % {"tool": offered.tool}
        )


def require(token: str, offered: Agreement, *, now: datetime) -> None:
    """Raise NotConfirmed unless the token agrees to just this."""
    require_same(read(token, tool=offered.tool, now=now), offered)
