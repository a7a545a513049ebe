"""What PostgreSQL writes while Python goes on is there, in order, or its failure is told."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from catalog.imports.models import Import, ImportRow
from catalog.search.models import SearchWord
from museo import ahead, bulk

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MANY = bulk.FEW + 3
WORDS = [(f"word{n}",) for n in range(MANY)]
TWICE = [*WORDS, WORDS[0]]

only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite waits for each statement"
)
pytestmark = [pytest.mark.django_db, pytest.mark.both]


def insert(words: list[tuple[str]]) -> None:
    bulk.insert(SearchWord, ["word"], words)


def insert_and_count(words: list[tuple[str]]) -> int:
    """In a transaction of its own."""
    with transaction.atomic(), ahead.writing():
        insert(words)
        return SearchWord.objects.count()


def test_the_next_statement_finds_what_was_written() -> None:
    assert insert_and_count(WORDS) == MANY
    assert SearchWord.objects.count() == MANY


def test_who_counts_statements_counts_these(
    django_assert_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    with django_assert_num_queries(2), ahead.writing():
        insert(WORDS)
        bulk.update(SearchWord, ["word"], [(0, "nobody")])


def test_what_is_written_last_is_there_at_the_end() -> None:
    with transaction.atomic(), ahead.writing():
        insert(WORDS)
        with ahead.writing():
            rows = [(row.pk, f"{row.word}s") for row in SearchWord.objects.all()]
            bulk.update(SearchWord, ["word"], rows)

    assert set(SearchWord.objects.values_list("word")) == {(f"{word}s",) for (word,) in WORDS}


def fail_at_the_end() -> None:
    with transaction.atomic(), ahead.writing():
        insert(TWICE)


@pytest.mark.parametrize("fail", [fail_at_the_end, lambda: insert_and_count(TWICE)])
def test_a_failure_is_told_by_the_next_statement_or_by_the_end(fail: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError):
        fail()

    assert insert_and_count(WORDS) == MANY


@pytest.mark.usefixtures("committed")
def test_a_transaction_that_begins_with_it_is_undone_as_a_whole() -> None:
    def begin_and_fail() -> None:
        with transaction.atomic():
            insert(WORDS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begin_and_fail()

    assert not SearchWord.objects.exists()


@only_postgresql
def test_threads_wait_for_the_interpreter_as_long_as_ever_afterwards() -> None:
    usual = sys.getswitchinterval()

    with transaction.atomic(), ahead.writing():
        within = sys.getswitchinterval()
        with ahead.soon.used():
            pass
        still = sys.getswitchinterval()

    assert within == still == pytest.approx(ahead.Soon.SECONDS)
    assert sys.getswitchinterval() == usual


@only_postgresql
def test_what_stands_behind_a_failure_is_not_sent() -> None:
    def fail_first() -> None:
        with transaction.atomic(), ahead.writing():
            for words in (TWICE, WORDS, WORDS):
                insert(words)

    # PostgreSQL would say of the others that the transaction is aborted
    with pytest.raises(IntegrityError, match="word0"):
        fail_first()

    assert not SearchWord.objects.exists()


@only_postgresql
def test_a_line_that_is_longer_than_any_buffer_does_not_stand_still() -> None:
    many = [[(f"{letter}{n:038}",) for n in range(9000)] for letter in "abc"]

    with transaction.atomic(), ahead.writing():
        for words in many:
            insert(words)

    assert SearchWord.objects.count() == sum(map(len, many))


@only_postgresql
def test_of_two_failures_the_caller_s_own_is_told() -> None:
    def fail() -> None:
        with transaction.atomic(), ahead.writing():
            insert(TWICE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert insert_and_count(WORDS) == MANY


@only_postgresql
def test_references_can_be_looked_at_before_the_end() -> None:
    def refer_to_nothing() -> None:
        with transaction.atomic(), ahead.writing():
            names = ("source_id", "number", "product")
            rows = [(0, number, "a") for number in range(MANY)]
            bulk.insert(ImportRow, names, rows, alike={**REST, "sku": "", "cells": []})
            bulk.check_references()

    with pytest.raises(IntegrityError, match="source_id"):
        refer_to_nothing()


def test_only_what_is_missing_is_inserted() -> None:
    insert(WORDS)
    with transaction.atomic(), ahead.writing():
        bulk.insert_missing(SearchWord, "word", ["word1", "worm", "word2", "wort"])
        bulk.insert_missing(SearchWord, "word", [])

    newest = SearchWord.objects.order_by("-pk").values_list("pk", "word")
    (last, wort), (before, worm) = newest[:2]
    assert (worm, wort, last - before) == ("worm", "wort", 1)
    assert SearchWord.objects.count() == MANY + 2


REST = {"outcome": "", "changes": {"a": [None, "\x01'\"\\%s"]}, "reasons": []}
TEXTS = ["None", "", "\x01", "\x01\x01,\x01", '"', "a\n\\.\nb", "%s\t%", "\\N", "\r\n", "ä\u202e"]


@pytest.mark.parametrize("sku", [TEXTS[0], TEXTS[3], TEXTS[6]])
def test_every_text_is_written_as_it_is(sku: str) -> None:
    source = Import.objects.create(file_name="a.csv", created_at=NOON)
    rows = [
        (source, number, text, None if number % 2 else 0, [text, None, {text: text}])
        for number, text in enumerate(TEXTS, 1)
    ]

    names = ("source_id", "number", "product", "twin", "cells")
    bulk.insert(ImportRow, names, rows, alike={**REST, "sku": sku})

    assert len(rows) > bulk.FEW
    found = ImportRow.objects.order_by("number")
    assert list(found.values_list("number", "product", "twin", "cells")) == [
        row[1:] for row in rows
    ]
    assert {(row.sku, str(row.changes)) for row in found} == {(sku, str(REST["changes"]))}
