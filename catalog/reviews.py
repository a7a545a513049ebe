"""Reviews: one of each customer and product, read by staff before it is shown."""

from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from catalog import drafts, events, products, purchases, staff
from catalog.models import Master, Review
from museo.access import trail
from museo.access.callers import Caller
from museo.access.limits import require_allowance
from museo.access.problems import Invalid, NotFound, NotSignedIn, field_error
from notifications import log
from notifications.erasure import Person

LONGEST_TEXT = 4000
LONGEST_NAME = 60
MOST_AN_HOUR = 20


class BadReview(Invalid):
    code = "bad_review"


class UnknownReview(NotFound):
    code = "unknown_review"


def write(
    caller: Caller, key: str, *, rating: int, text: str = "", signed: str = "", now: datetime
) -> Review:
    """Keep what the customer says of a product; what they said before is replaced.

    It waits until staff have read it. Raises NotSignedIn, UnknownProduct, BadReview and TooOften.
    """
    if caller.user_id is None:
        raise NotSignedIn(_("Sign in to write a review."))
    master = products.find(key, now=now)
    _require_good(rating, text, signed)
    require_allowance(f"review:{caller.identity}", most=MOST_AN_HOUR, seconds=3600, now=now)
    with log.change():
        # whoever writes or publishes another review of the product waits
        Master.objects.filter(pk=master.pk).update(rating_count=F("rating_count"))
        before = Review.objects.filter(master=master, customer=caller.user_id).first()
        if before:
            _count(before, -1)
        review, _is_new = Review.objects.update_or_create(
            master=master,
            customer_id=caller.user_id,
            defaults={
                "rating": rating,
                "text": text.strip(),
                "signed": signed.strip(),
                "locale": caller.locale,
                "is_verified": purchases.has_bought(caller.user_id, master.pk),
                "state": Review.State.WAITING,
                "at": now,
            },
        )
        events.tell_waiting("review", review.public_id, master, at=now)
    return review


def moderate(caller: Caller, public_id: str, *, to: str, now: datetime) -> bool:
    """Publish or refuse a review; False if it stood so already."""
    staff.require(caller, "catalog.change_review")
    with log.change():
        review = Review.objects.filter(public_id=public_id).select_related("master").first()
        if review is None:
            raise UnknownReview(_("There is no such review."))
        Master.objects.filter(pk=review.master_id).update(rating_count=F("rating_count"))
        review.refresh_from_db()
        moved = Review.objects.filter(pk=review.pk).exclude(state=to).update(state=to)
        if moved:
            _count(review, -1)
            review.state = to
            _count(review, +1)
            trail.leave(caller, f"review.{to}", public_id, fields=["state"], at=now)
    return bool(moved)


def erase(person: Person, _now: datetime) -> int:
    """What somebody has signed is a customer's from now on; how many there were."""
    if person.user is None:
        return 0
    return Review.objects.filter(customer=person.user).exclude(signed="").update(signed="")


def _count(review: Review, times: int) -> None:
    """Let the product's rating count a published review, once more or once less."""
    if review.state == Review.State.PUBLISHED:
        Master.objects.filter(pk=review.master_id).update(
            rating_sum=F("rating_sum") + times * review.rating,
            rating_count=F("rating_count") + times,
        )


def _require_good(rating: int, text: str, signed: str) -> None:
    faults: list[Any] = [
        drafts.text_fault("/text", text, longest=LONGEST_TEXT, is_line=False),
        drafts.text_fault("/signed", signed, longest=LONGEST_NAME),
    ]
    if not 1 <= rating <= 5:
        faults.append(field_error("/rating", "out_of_range", _("Give one to five stars.")))
    if found := [fault for fault in faults if fault]:
        raise BadReview(_("This review cannot be kept. See errors."), errors=found)
