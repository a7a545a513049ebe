"""A person's yes, before an agent spends their money: a signed question with a deadline.

The question names what was agreed: who asked, the basket as it was, the total, and the details.
Placing the order changes the basket, so a question is answered once.
"""

from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.utils.translation import gettext as _

from museo.access.problems import Problem

LIFETIME = timedelta(minutes=10)
SALT = "mcp.place_order"


class NotConfirmed(Problem):
    """The question is not the one that would be answered now; ask again."""

    status = 409
    code = "confirmation_needed"


@dataclass(frozen=True)
class Agreement:
    """What a person says yes to; `total` in minor units, `details` a hash."""

    caller: str
    basket: str
    revision: int
    total: int
    details: str


def ask(agreement: Agreement, *, now: datetime) -> str:
    """The token that stands for this question until its deadline."""
    return signing.dumps([*astuple(agreement), (now + LIFETIME).timestamp()], salt=SALT)


def read(token: str, *, now: datetime) -> Agreement:
    """What was asked; raise NotConfirmed for a token that is none, or too old."""
    try:
        *agreed, deadline = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        raise NotConfirmed(
            _("This is no confirmation of this shop. Call place_order without `confirm` first.")
        ) from None
    if now.timestamp() > deadline:
        raise NotConfirmed(
            _("The confirmation is older than 10 minutes. Call place_order without `confirm`.")
        )
    return Agreement(*agreed)


def require_same(agreed: Agreement, offered: Agreement) -> None:
    """Raise NotConfirmed if the purchase is not what was agreed."""
    if agreed != offered:
        raise NotConfirmed(
            _(
                "The basket, the price or the details have changed since the question. "
                "Call place_order without `confirm` and ask again."
            )
        )
