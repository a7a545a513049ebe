"""The same key is worked on once, answered as often as it is asked."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from museo.access import idempotency
from museo.access.idempotency import Answer, Attempt
from museo.access.models import IdempotencyKey
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
claim = partial(idempotency.claim, scope="user:1", key="k", body={"a": 1}, now=NOON)

once = partial(idempotency.once, scope="user:1", key="k", body={"a": 1}, now=NOON)


def claimed(**other: Any) -> Attempt:
    attempt = claim(**other)
    assert isinstance(attempt, Attempt)
    return attempt


def test_the_first_may_work_and_the_second_is_given_its_answer() -> None:
    claimed().answer(201, {"number": "ORD-1"})

    assert claim() == Answer(201, {"number": "ORD-1"}, is_replay=True)


def test_bodies_that_mean_the_same_are_the_same() -> None:
    claimed(body={"a": 1, "b": 2}).answer(200, {})

    assert isinstance(claim(body={"b": 2, "a": 1}), Answer)
    with pytest.raises(idempotency.KeyReused):
        claim(body={"a": 1})


def test_keys_of_different_callers_have_nothing_to_do_with_each_other() -> None:
    claimed(scope="user:1").answer(200, {})

    assert isinstance(claim(scope="user:2"), Attempt)


def test_a_key_in_flight_is_refused_when_nobody_answers_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.05)
    claimed()

    with pytest.raises(idempotency.KeyInFlight) as raised:
        claim(now=NOON + timedelta(seconds=59))

    assert raised.value.facts["retry_after"] == 1


def test_when_the_lease_is_over_one_other_takes_the_work_up() -> None:
    first = claimed()
    first.begin("chk_1")

    second = claimed(now=NOON + timedelta(seconds=60))

    assert second.subject == "chk_1"
    with pytest.raises(idempotency.KeyInFlight):
        first.hold()
    second.hold()


def test_work_that_was_refused_frees_its_key_but_not_one_that_was_taken_over() -> None:
    first = claimed()
    claimed(now=NOON + timedelta(seconds=60))

    first.forget()

    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "a\x00b"])
def test_a_key_is_short_and_printable(key: str) -> None:
    with pytest.raises(idempotency.BadKey):
        claim(key=key)


def test_one_thread_of_a_process_does_a_keys_work_and_few_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(idempotency, "MOMENT_SECONDS", 0.01)
    refused: list[Exception] = []

    def work(attempt: Attempt) -> None:
        attempt.hold()

        def others(_attempt: Attempt) -> None:
            raise NotImplementedError("it is another's")

        for _again in range(3):
            with pytest.raises(idempotency.KeyInFlight) as raised:
                once(others)
            refused.append(raised.value)
        attempt.answer(201, {"number": "ORD-1"})

    assert once(work) == Answer(201, {"number": "ORD-1"})
    assert len(refused) == 3
    assert once(work) == Answer(201, {"number": "ORD-1"}, is_replay=True)
    assert not idempotency._at_work


def test_answers_are_forgotten_after_a_while_and_work_never() -> None:
    claimed(key="old").answer(200, {})
    claimed(key="left in the middle")

    assert idempotency.forget(now=NOON + idempotency.KEPT, keep=idempotency.KEPT) == 0
    assert idempotency.forget(now=NOON + timedelta(days=31), keep=idempotency.KEPT) == 1
    assert IdempotencyKey.objects.get().key == "left in the middle"


@pytest.mark.usefixtures("committed")
def test_whoever_waits_is_given_the_answer_and_few_may_wait() -> None:
    """One works, of ten others at most two wait; all that answer, answer the same."""

    def ask() -> object:
        got = claim()
        if isinstance(got, Attempt):
            got.answer(201, {"number": "ORD-1"})
            return "worked"
        return got.body["number"]

    results = at_once([ask] * 11)

    assert results.count("worked") == 1
    others = [result for result in results if result != "worked"]
    assert all(
        result == "ORD-1" or isinstance(result, idempotency.KeyInFlight) for result in others
    ), others
