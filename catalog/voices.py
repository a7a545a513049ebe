"""What shoppers say of products, as everybody may read it: published reviews and questions."""

from typing import Any

from django.db.models import QuerySet

from catalog import cursors
from catalog.models import Question, Review

ON_A_PAGE = 20
NEWEST = ("-pk",)

Rows = list[dict[str, Any]]


def reviews(master_id: int, *, limit: int = ON_A_PAGE, cursor: str = "") -> tuple[Rows, str]:
    """The newest of a product, and the cursor of those after them, empty at the end."""
    rows = Review.objects.filter(master=master_id, state=Review.State.PUBLISHED).values(
        "pk", "public_id", "rating", "text", "signed", "is_verified", "locale", "at"
    )
    return _page(rows, limit, cursor)


def questions(master_id: int, *, limit: int = ON_A_PAGE, cursor: str = "") -> tuple[Rows, str]:
    """The newest of a product with their answers, and the cursor of those after them."""
    rows = Question.objects.filter(master=master_id, state=Question.State.PUBLISHED).values(
        "pk", "public_id", "question", "answer", "locale", "asked_at", "answered_at"
    )
    return _page(rows, limit, cursor)


def _page(rows: QuerySet[Any, Any], limit: int, cursor: str) -> tuple[Rows, str]:
    if cursor:
        rows = rows.filter(cursors.after(cursor, NEWEST))
    found = list(rows.order_by(*NEWEST)[: limit + 1])
    page = found[:limit]
    further = cursors.at(page[-1], NEWEST) if len(found) > limit else ""
    return [_shown(row) for row in page], further


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in row.items() if name not in {"pk", "public_id"}}
    return {"id": row["public_id"], **fields}
