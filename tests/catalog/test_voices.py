"""Shoppers review and ask; staff publish and answer; everybody reads."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from catalog import audit, products, questions, reviews, stock, voices
from catalog.models import Category, Master, Price, Question, Review, Variant
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.problems import BadCursor, NotAllowed, NotSignedIn
from notifications.audit import broken
from notifications.models import Event

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture(autouse=True)
def bowl() -> Master:
    room = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    master: Master = Master.objects.create(
        slug="bowl", name="Bowl", primary_category=room, status="active", published_at=NOON
    )
    variant = Variant.objects.create(master=master, sku="BOWL")
    Price.objects.create(variant=variant, amount=8400)
    stock.receive(variant, 5, at=NOON)
    return master


def shopper(name: str = "maya", **fields: Any) -> Caller:
    user = User.objects.create_user(f"{name}@example.org", **fields)
    return caller_for_user(user, locale="en")


@pytest.fixture
def staff() -> Caller:
    return caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")


def shown() -> dict[str, Any]:
    return products.detail("bowl", locale="en", now=NOON)


def test_a_review_is_shown_and_counted_once_it_is_published(staff: Caller) -> None:
    review = reviews.write(shopper(), "bowl", rating=4, text="Good", signed="Maya", now=NOON)
    assert (shown()["reviews"], shown()["rating"]) == ([], {"average": None, "count": 0})

    assert reviews.moderate(staff, review.public_id, to="published", now=NOON)
    assert not reviews.moderate(staff, review.public_id, to="published", now=NOON)

    assert shown()["rating"] == {"average": 4.0, "count": 1}
    [said] = shown()["reviews"]
    assert (said["text"], said["signed"], said["is_verified"]) == ("Good", "Maya", False)
    assert "example.org" not in str(said)


def test_a_refused_review_counts_no_longer(staff: Caller) -> None:
    review = reviews.write(shopper(), "bowl", rating=1, now=NOON)
    reviews.moderate(staff, review.public_id, to="published", now=NOON)

    reviews.moderate(staff, review.public_id, to="refused", now=NOON)

    assert shown()["rating"] == {"average": None, "count": 0}
    assert broken(audit.INVARIANTS, now=NOON) == []


def test_a_customer_has_one_review_and_may_rewrite_it(staff: Caller) -> None:
    maya = shopper()
    first = reviews.write(maya, "bowl", rating=1, now=NOON)
    reviews.moderate(staff, first.public_id, to="published", now=NOON)

    second = reviews.write(maya, "bowl", rating=5, text="Better", now=NOON)
    assert (Review.objects.get().rating, shown()["rating"]["count"]) == (5, 0)
    reviews.moderate(staff, second.public_id, to="published", now=NOON)

    assert shown()["rating"] == {"average": 5.0, "count": 1}


def test_guests_write_no_reviews(bowl: Master) -> None:
    with pytest.raises(NotSignedIn):
        reviews.write(Caller(), "bowl", rating=5, now=NOON)

    assert not Review.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        {"rating": 0},
        {"rating": 6},
        {"rating": 5, "text": "x" * 4001},
        {"rating": 5, "signed": "a\nb"},
        {"rating": 5, "text": "a\x00"},
    ],
)
def test_a_review_that_cannot_be_kept_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(reviews.BadReview):
        reviews.write(shopper(), "bowl", **said, now=NOON)

    assert not Review.objects.exists()


def test_a_question_is_shown_with_its_answer_only(staff: Caller) -> None:
    asked = questions.ask(Caller(address="10.0.0.1"), "bowl", question="Oven?", now=NOON)
    assert Event.objects.get().type == "question.waiting"
    with pytest.raises(questions.NotAnswered):
        questions.moderate(staff, asked.public_id, to="published", now=NOON)
    assert shown()["questions"] == []

    questions.answer(staff, asked.public_id, answer="Yes.", to="published", now=NOON)

    [row] = shown()["questions"]
    assert (row["question"], row["answer"], row["answered_at"]) == ("Oven?", "Yes.", NOON)


def test_only_staff_moderate() -> None:
    maya = shopper()
    review = reviews.write(maya, "bowl", rating=5, now=NOON)
    asked = questions.ask(maya, "bowl", question="Oven?", now=NOON)

    with pytest.raises(NotAllowed):
        reviews.moderate(maya, review.public_id, to="published", now=NOON)
    with pytest.raises(NotAllowed):
        questions.answer(maya, asked.public_id, answer="Yes", to="published", now=NOON)

    assert (Review.objects.get().state, Question.objects.get().state) == ("waiting", "waiting")


def test_voices_go_on_by_cursor(bowl: Master) -> None:
    for index in range(3):
        Question.objects.create(
            master=bowl, question=str(index), answer="a", state="published", asked_at=NOON
        )

    page, further = voices.questions(bowl.pk, limit=2)
    rest, end = voices.questions(bowl.pk, limit=2, cursor=further)

    assert [row["question"] for row in page + rest] == ["2", "1", "0"]
    assert end == ""
    with pytest.raises(BadCursor):
        voices.reviews(bowl.pk, cursor=further)
    with pytest.raises(BadCursor):
        voices.questions(bowl.pk + 1, cursor=further)


def test_shoppers_ask_and_review_over_rest(client: Client) -> None:
    base = "/api/v1/catalog/products/bowl"

    asked = client.post(f"{base}/questions", {"question": "Oven?"}, "application/json")
    guest = client.post(f"{base}/reviews", {"rating": 5}, "application/json")
    client.force_login(User.objects.create_user("maya@example.org"))
    said = client.post(f"{base}/reviews", {"rating": 5, "text": "Fine"}, "application/json")
    bad = client.post(f"{base}/reviews", {"rating": 6}, "application/json")
    Review.objects.update(state="published")

    assert (asked.status_code, asked.json()["state"]) == (201, "waiting")
    assert (guest.status_code, said.status_code, bad.status_code) == (401, 201, 400)
    assert [row["text"] for row in client.get(f"{base}/reviews").json()["results"]] == ["Fine"]
    assert client.get(f"{base}/questions").json() == {"results": [], "next": None}
    assert client.get("/api/v1/catalog/products/none/reviews").status_code == 404


def test_the_page_takes_a_question_without_javascript(client: Client) -> None:
    page = client.get("/p/bowl").content.decode()
    assert 'action="/p/bowl/questions#questions"' in page
    assert "Sign in to write a review." in page

    sent = client.post("/p/bowl/questions", {"question": "Oven <b>safe</b>?"}, follow=True)
    assert "Your question was sent" in sent.content.decode()
    Question.objects.update(state="published", answer="Yes <i>it is</i>")

    page = client.get("/p/bowl").content.decode()
    assert "Oven &lt;b&gt;safe&lt;/b&gt;?" in page
    assert "Yes &lt;i&gt;it is&lt;/i&gt;" in page


def test_the_page_keeps_what_was_typed_when_it_is_refused(client: Client) -> None:
    client.force_login(User.objects.create_user("maya@example.org"))

    asked = client.post("/p/bowl/questions", {"question": " "})
    said = client.post("/p/bowl/reviews", {"rating": "9", "text": "Lovely"})

    assert (asked.status_code, said.status_code) == (400, 400)
    assert "Write something that can be seen." in asked.content.decode()
    assert "Give one to five stars." in said.content.decode()
    assert ">Lovely</textarea>" in said.content.decode()
    assert not Review.objects.exists()


def test_staff_publish_and_answer_in_the_admin(client: Client, staff: Caller) -> None:
    client.force_login(User.objects.get(is_superuser=True))
    review = reviews.write(shopper(), "bowl", rating=5, now=NOON)
    asked = questions.ask(shopper("ada"), "bowl", question="Oven?", now=NOON)

    client.post(
        "/admin/catalog/review/", {"action": "publish", "_selected_action": [str(review.pk)]}
    )
    early = client.post(
        f"/admin/catalog/question/{asked.pk}/change/", {"answer": "", "state": "published"}
    )
    assert "Write an answer first" in early.content.decode()
    client.post(
        f"/admin/catalog/question/{asked.pk}/change/", {"answer": "Yes", "state": "published"}
    )

    assert shown()["rating"] == {"average": 5.0, "count": 1}
    assert [row["answer"] for row in shown()["questions"]] == ["Yes"]
    # whoever has opened a review decides there
    page = f"/admin/catalog/review/{review.pk}/change/"
    assert client.post(page, {"state": "refused"}).status_code == 302
    assert shown()["rating"]["count"] == 0
    assert client.post(page, {"state": "published"}).status_code == 302
    assert shown()["rating"] == {"average": 5.0, "count": 1}
    for address in ("review/", "question/", f"review/{review.pk}/change/"):
        assert client.get(f"/admin/catalog/{address}").status_code == 200
