"""What shoppers say of products, as everybody may read it: published reviews and questions."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from catalog import cursors
from catalog.models import Question, Review

ON_A_PAGE = 20
NEWEST = ("-pk",)

Rows = list[dict[str, Any]]


OF_REVIEWS = ("pk", "public_id", "rating", "text", "signed", "is_verified", "locale", "at")
OF_QUESTIONS = ("pk", "public_id", "question", "answer", "locale", "asked_at", "answered_at")


def reviews(master_id: int, *, limit: int = ON_A_PAGE, cursor: str = "") -> tuple[Rows, str]:
    """The newest of a product, and the cursor of those after them, empty at the end."""
    return _page(_reviews(master_id), cursors.of("reviews", of=master_id), limit, cursor)


def questions(master_id: int, *, limit: int = ON_A_PAGE, cursor: str = "") -> tuple[Rows, str]:
    """The newest of a product with their answers, and the cursor of those after them."""
    return _page(_questions(master_id), cursors.of("questions", of=master_id), limit, cursor)


def first_reviews(master: Any) -> QuerySet[Any, Any]:
    """The rows of the first page, of which the product's page shows what `shown` gives."""
    return _reviews(master).order_by(*NEWEST)[:ON_A_PAGE]


def first_questions(master: Any) -> QuerySet[Any, Any]:
    return _questions(master).order_by(*NEWEST)[:ON_A_PAGE]


def _reviews(master: Any) -> QuerySet[Any, Any]:
    published: QuerySet[Any, Any] = Review.objects.filter(
        master=master, state=Review.State.PUBLISHED
    )
    return published.values(*OF_REVIEWS)


def _questions(master: Any) -> QuerySet[Any, Any]:
    published: QuerySet[Any, Any] = Question.objects.filter(
        master=master, state=Question.State.PUBLISHED
    )
    return published.values(*OF_QUESTIONS)


def _page(rows: QuerySet[Any, Any], listed: str, limit: int, cursor: str) -> tuple[Rows, str]:
    page, further = cursors.page(rows, NEWEST, listed, limit=limit, cursor=cursor)
    return shown(page), further


def shown(rows: Iterable[Mapping[str, Any]]) -> Rows:
    return [
        {
            "id": row["public_id"],
            **{name: value for name, value in row.items() if name not in {"pk", "public_id"}},
        }
        for row in rows
    ]
