"""What the demo's shoppers say and ask, written once: what staff decide about it stays so."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from catalog.models import Master, Question, Review

Row = Mapping[str, Any]


def write(rows: Mapping[str, Iterable[Row]], masters: Mapping[str, int], *, now: datetime) -> None:
    """The reviews and the questions of these products, by slug, and their ratings."""
    # what was said last is shown first
    ours = {
        kind: sorted((row for row in said if row["slug"] in masters), key=lambda row: -row["days"])
        for kind, said in rows.items()
    }
    _rate(_add(Review, "text", [_review(row, masters, now) for row in ours["reviews"]]))
    _add(Question, "question", [_question(row, masters, now) for row in ours["questions"]])


def _review(row: Row, masters: Mapping[str, int], now: datetime) -> Review:
    return Review(
        master_id=masters[row["slug"]],
        rating=row["rating"],
        signed=row["signed"],
        locale=row["locale"],
        text=row["text"],
        is_verified=True,
        state=Review.State.PUBLISHED if row.get("published", True) else Review.State.WAITING,
        at=now - timedelta(days=row["days"]),
    )


def _question(row: Row, masters: Mapping[str, int], now: datetime) -> Question:
    asked_at, answer = now - timedelta(days=row["days"]), row.get("answer", "")
    return Question(
        master_id=masters[row["slug"]],
        question=row["question"],
        answer=answer,
        locale=row["locale"],
        state=Question.State.PUBLISHED if answer else Question.State.WAITING,
        asked_at=asked_at,
        answered_at=asked_at + timedelta(hours=3) if answer else None,
    )


def _add(model: Any, words: str, wanted: list[Any]) -> list[Any]:
    """Write those that nobody has said yet."""
    masters = {voice.master_id for voice in wanted}
    said = set(model.objects.filter(master__in=masters).values_list("master_id", words))
    new = [voice for voice in wanted if (voice.master_id, getattr(voice, words)) not in said]
    return list(model.objects.bulk_create(new))


def _rate(reviews: Iterable[Review]) -> None:
    """Let the products' ratings count what was written now."""
    rated: dict[int, list[int]] = {}
    for review in reviews:
        if review.state == Review.State.PUBLISHED:
            rated.setdefault(review.master_id, []).append(review.rating)
    masters = [
        Master(
            pk=pk,
            rating_sum=F("rating_sum") + sum(stars),
            rating_count=F("rating_count") + len(stars),
        )
        for pk, stars in rated.items()
    ]
    Master.objects.bulk_update(masters, ["rating_sum", "rating_count"])
