"""Keeps the search index: what writes products calls `refresh` in its own transaction."""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from catalog import shop
from catalog.models import Category, Master
from catalog.search import documents
from catalog.search.models import SearchEntry, SearchName, SearchWord
from museo import bulk

AT_ONCE = 1000
COLUMNS = tuple(column.attname for column in SearchEntry._meta.concrete_fields)
COLUMNS_OF_NAMES = ("master_id", "language", "name", "category_path")
# a word of fewer letters or with digits is neither completed nor corrected
SHORTEST_WORD = 3


def refresh(
    master_ids: Collection[int], *, now: datetime, new: documents.Written | None = None
) -> None:
    """Let the index say what these products are now; those not on sale leave it.

    `new` is all that is written about others, which this transaction has made.
    """
    # of one transaction, to which nobody returns: to mark a place in it would be to wait for it
    with transaction.atomic(savepoint=False):
        _lock(master_ids)
        said = _add(new, now=now) if new else set()
        for ids in _batches(sorted(set(master_ids))):
            said |= _refresh(ids, now=now)
        _add_words(said)


def reprice(
    master_ids: Collection[int] | QuerySet[Master, int], *, now: datetime, currency: str = ""
) -> None:
    """Let the index say what these cost now, where nothing else of them is new.

    `currency` is the shop's, for whoever is just changing it.
    """
    for ids in _batches(master_ids):
        with transaction.atomic(savepoint=False):
            revisions = dict(Master.objects.filter(pk__among=ids).values_list("pk", "revision"))
            prices = documents.prices(ids, currency=currency or shop.currency(), now=now)
            bulk.update(
                SearchEntry,
                ["price", "price_until", "revision"],
                [(pk, *prices.get(pk, (None, None)), revisions[pk]) for pk in revisions],
            )


def rename(*, language: str) -> None:
    """Let lists know names where the shop's own language, `language`, is just becoming another."""
    _name(SearchEntry.objects.all(), language=language)


def refresh_category(category: Category, *, now: datetime) -> None:
    """The products in a category and below it, which are found by its name."""
    below = Master.objects.on_sale().below(category)
    refresh(list(below.values_list("pk", flat=True)), now=now)


def refresh_prices(*, now: datetime) -> int:
    """Let planned prices count whose moment has come; return how many products they are of."""
    due = list(SearchEntry.objects.filter(price_until__lte=now).values_list("pk", flat=True))
    refresh(due, now=now)
    return len(due)


def rebuild(*, now: datetime) -> int:
    """Make the whole index anew; return how many products it has. Batches commit on their own."""
    older = SearchWord.objects.aggregate(newest=Max("pk"))["newest"] or 0
    for table in (SearchEntry, SearchName):
        table.objects.exclude(master__in=_on_sale()).delete()
    said: set[str] = set()
    for ids in _batches(_on_sale().order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            _lock(ids)
            words = _refresh(ids, now=now)
            _add_words(words)
        said |= words
    known = dict(SearchWord.objects.filter(pk__lte=older).values_list("word", "pk"))
    for ids in _batches([pk for word, pk in known.items() if word not in said]):
        SearchWord.objects.filter(pk__among=ids).delete()
    return SearchEntry.objects.count()


def catch_up(*, now: datetime) -> None:
    """Take in what is on sale and lacks its entry, or a part of it, as after an upgrade."""
    missing = _on_sale().filter(~Exists(SearchEntry.objects.filter(master=OuterRef("pk"))))
    refresh(list(missing.values_list("pk", flat=True)), now=now)
    named = SearchName.objects.filter(master=OuterRef("pk"))
    _name(SearchEntry.objects.filter(~Exists(named)), language=shop.current().default_language)
    _tell_variants(SearchEntry.objects.filter(one_variant=None, price__isnull=False))


def _name(entries: QuerySet[SearchEntry], *, language: str) -> None:
    for ids in _batches(list(entries.order_by("pk").values_list("pk", flat=True))):
        with transaction.atomic():
            _lock(ids)
            SearchName.objects.filter(master_id__among=ids).delete()
            bulk.insert(SearchName, COLUMNS_OF_NAMES, documents.names(ids, shops=language))


def _tell_variants(entries: QuerySet[SearchEntry]) -> None:
    for ids in _batches(list(entries.order_by("pk").values_list("pk", flat=True))):
        with transaction.atomic():
            _lock(ids)
            bulk.update(SearchEntry, ["one_variant"], documents.first_variants(ids))


def _refresh(ids: Collection[int], *, now: datetime) -> set[str]:
    """Write the entries of products that are locked; return all words of them."""
    written = documents.read(_on_sale().filter(pk__among=ids).order_by("pk"), now=now)
    SearchEntry.objects.filter(pk__among=ids).delete()
    SearchName.objects.filter(master_id__among=ids).delete()
    return _add(written, now=now)


def _add(written: documents.Written, *, now: datetime) -> set[str]:
    """Write the entries of products that have none; return all words of them."""
    made = documents.entries(written, now=now)
    bulk.insert(SearchEntry, COLUMNS, made.entries)
    bulk.insert(SearchName, COLUMNS_OF_NAMES, made.names)
    return made.words


def _lock(master_ids: Collection[int]) -> None:
    """Of two writers of a product the second waits, and reads what the first has committed.

    All are locked before any word is written: who waited for a word and held a product that its
    writer wants would wait in a circle.
    """
    for ids in _batches(sorted(set(master_ids))):
        masters = Master.objects.filter(pk__among=ids).select_for_update(no_key=True)
        list(masters.order_by("pk").values_list("pk", flat=True))


def _add_words(plain: Collection[str]) -> None:
    """Sorted, so that two writers with the same new words wait for each other in one order."""
    bulk.insert_missing(SearchWord, "word", sorted(filter(is_word, plain)))


def is_word(text: str) -> bool:
    return len(text) >= SHORTEST_WORD and text.isalpha()


def _on_sale() -> QuerySet[Master]:
    masters: QuerySet[Master] = Master.objects.on_sale()
    return masters


def _batches(ids: Collection[int] | QuerySet[Master, int]) -> Iterator[list[int]]:
    each = iter(ids)
    while batch := list(islice(each, AT_ONCE)):
        yield batch
