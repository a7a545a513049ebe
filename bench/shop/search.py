"""What a search costs as the shop grows: `python -m bench.shop.search [--sizes 1000 10000 100000]`.

Beside it a list of REST framework as it is often written: `icontains` on name and description for
each word, a count, a ModelSerializer. Both are asked as views in one process, on the same rows of a
PostgreSQL of their own; what they answer is checked first. Ours makes each answer anew, and then
gives those again that it has kept, through the middleware that keeps them. Garbage is looked for as
in a web process. Printed are milliseconds, p50 and p99, and the processor time of both processes:
that is what counts on a machine that others use, too.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from museo import garbage
from tests import services

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AT_ONCE = 1000
ROOMS = 12
# what is kept takes so little that the clock must run longer
TIMES, TIMES_AGAIN, TIMES_OF_PEER, WARM = 100, 1000, 10, 3

NAMES = (
    "Classic Spicy Grilled Smoked Vintage Modern Bronze Ceramic Wireless Compact Organic Roasted "
    "Crispy Royal Nordic Solar Amber Copper Velvet Jade",
    "Burger Pizza Ramen Salad Headphones Camera Poster Vase Notebook Tablet Lamp Teapot Curry Taco "
    "Charger Sculpture Print Scarf Mug iPhone Galaxy Pixel Case Cable",
    "Pro Max Mini Deluxe Edition Set Bundle XL Lite Plus",
)
FIRST, SECOND, THIRD = map(str.split, NAMES)
COLOURS = ("Red", "Blue", "Green", "Black", "White")
# what: queries, of which each round takes the next
QUERIES: dict[str, Callable[[random.Random], str]] = {
    "iphone 15": lambda _chance: "iphone 15",
    "two words of names": lambda chance: f"{chance.choice(FIRST)} {chance.choice(SECOND)}",
    "one word of 4 % of names": lambda chance: chance.choice(SECOND),
    "one word of most texts": lambda chance: chance.choice(FIRST),
    "a beginning": lambda chance: chance.choice(SECOND)[:3],
    "a word typed wrong": lambda chance: _wrong(chance.choice(SECOND), chance),
    "colour and price": lambda chance: (
        f"red {chance.choice(SECOND)} under {chance.randint(20, 900)} €"
    ),
    "cheapest": lambda chance: f"cheapest {chance.choice(SECOND)}",
}

# the peer finds nothing for the others
WORDS_ONLY = list(QUERIES)[:5]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    sizes = sorted(parser.parse_args().sizes)
    programs = services.find_postgresql()
    if programs is None:
        sys.exit("bench.shop.search needs PostgreSQL: apt-get install postgresql")
    with (
        services.postgresql(programs, settings=()) as url,
        tempfile.TemporaryDirectory() as home,
    ):
        os.environ |= {"DATABASE_URL": url, "REDIS_URL": "", "MUSEO_HOME": home}
        os.environ["MUSEO_CALLS_PER_MINUTE"] = "1000000000"
        os.environ["DJANGO_SETTINGS_MODULE"] = "museo.settings"
        _measure(sizes)


def _measure(sizes: list[int]) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    have = 0
    for size in sizes:
        began = time.perf_counter()
        _grow(have, size)
        have, made = size, time.perf_counter()
        from catalog.search import index

        index.catch_up(now=NOON)
        indexed = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("SELECT pg_backend_pid()")
            server = int(cursor.fetchone()[0])
        print(
            f"\n### {size:,} products\n\nMade in {made - began:.0f} s, indexed in"
            f" {indexed - made:.0f} s.\n\n| query | p50 ms | p99 ms | CPU ms | given again p50 ms"
            f" | p99 ms | CPU ms | icontains p50 ms | p99 ms | CPU ms | ratio of CPU | again |"
            f"\n|{' --- |' * 12}"
        )
        _require_right_answers()
        garbage.keep_what_is_loaded()
        for what, query in QUERIES.items():
            settings.MUSEO_ANSWERS_MB = 0
            ours = _cost(_ours, query, TIMES, server)
            settings.MUSEO_ANSWERS_MB = 32
            _require_kept()
            # each has been asked for once
            _cost(_ours, query, TIMES_AGAIN, server)
            again = _cost(_ours, query, TIMES_AGAIN, server)
            row = [what, str(ours), str(again)]
            if what in WORDS_ONLY:
                peers = _cost(_peer(), query, TIMES_OF_PEER, server)
                row += [str(peers)]
                row += [f"{peers.worked / each.worked:.1f}x" for each in (ours, again)]
            else:
                row += ["-"] * 5
            print(f"| {' | '.join(row)} |", flush=True)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's


def _wrong(word: str, chance: random.Random) -> str:
    """Two letters changed places, or one left out."""
    at = chance.randint(1, len(word) - 2)
    return (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if at % 2
        else word[:at] + word[at + 1 :]
    )


@dataclass(frozen=True)
class Cost:
    """Of one query: milliseconds that passed, sorted, and processor time with PostgreSQL's."""

    passed: list[float]
    worked: float

    def at(self, percent: int) -> float:
        return self.passed[min(len(self.passed) - 1, len(self.passed) * percent // 100)]

    def __str__(self) -> str:
        return f"{self.at(50):.1f} | {self.at(99):.1f} | {self.worked:.1f}"


def _cost(
    ask: Callable[[str], Any], query: Callable[[random.Random], str], times: int, server: int
) -> Cost:
    """`server` is the process of PostgreSQL that answers; the first few are not counted."""
    chance = random.Random(15)  # noqa: S311  the same queries in every run
    for _ in range(WARM):
        ask(query(chance))
    took, before = [], _worked(server)
    for _ in range(times):
        asked = query(chance)
        began = time.perf_counter()
        ask(asked)
        took.append((time.perf_counter() - began) * 1000)
    return Cost(sorted(took), (_worked(server) - before) * 1000 / times)


def _worked(server: int) -> float:
    times = psutil.Process(server).cpu_times()
    return time.process_time() + float(times.user + times.system)


# asking


def _ours(query: str) -> Any:
    from catalog import answers, api

    response: Any = answers.given_again(api.search)(_request("/api/v1/search", query))
    if response.status_code != 200:
        sys.exit(f"wrong answer: {response.status_code}")
    return response.content


def _require_kept() -> None:
    from django.http import HttpResponse

    from catalog import answers

    _ours("iphone 15")
    again = answers.given_again(lambda _request: HttpResponse(status=503))
    if again(_request("/api/v1/search", "iphone 15")).status_code != 200:
        sys.exit("wrong answer: it is made anew where it should be given again")


def _request(path: str, query: str) -> Any:
    from django.test import RequestFactory

    return RequestFactory(SERVER_NAME="127.0.0.1").get(path, {"q": query})


def _peer() -> Callable[[str], Any]:
    from django.db.models import Q
    from rest_framework import generics, pagination, serializers

    from catalog.models import Master

    class Numbered(pagination.PageNumberPagination):
        page_size = 20

    class Products(serializers.ModelSerializer[Any]):
        name = serializers.CharField()
        description = serializers.CharField()

        class Meta:
            model = Master
            fields = ("id", "public_id", "slug", "kind", "brand", "name", "description")

    class ProductList(generics.ListAPIView[Any]):
        serializer_class = Products
        pagination_class = Numbered
        authentication_classes = ()

        def get_queryset(self) -> Any:
            masters = Master.objects.filter(translations__language_code="en")
            for word in self.request.GET["q"].split():
                masters = masters.filter(
                    Q(translations__name__icontains=word)
                    | Q(translations__description__icontains=word),
                    translations__language_code="en",
                )
            return masters.prefetch_related("translations").order_by("-pk").distinct()

    view = ProductList.as_view()
    return lambda query: view(_request("/products", query)).render().content


def _require_right_answers() -> None:
    """Ours has what the peer has for words of names, the whole names first."""
    import orjson

    from catalog.models import Master

    named = set(
        Master.objects.filter(translations__name__iregex=r"\miphone 15\M").values_list(
            "slug", flat=True
        )
    )
    ours = [row["slug"] for row in orjson.loads(_ours("iphone 15"))["results"]]
    if set(ours[: len(named)]) != named or len(named) > 20:
        sys.exit(f"wrong answer: {ours}, named so are {named}")
    asked = _ours("red mug under 100 €")
    for row in orjson.loads(asked)["results"]:
        if row["price"]["amount"] > 10_000:
            sys.exit(f"wrong answer: {row}")
    if not orjson.loads(_peer()("iphone 15"))["count"]:
        sys.exit("wrong answer: the peer finds nothing")


# products


def _grow(have: int, size: int) -> None:
    from catalog.models import Category, Master, Price, StockItem, Variant

    chance = random.Random(have)  # noqa: S311  the same products in every run
    rooms = [*Category.objects.all()] or [_room(number) for number in range(ROOMS)]
    texts = Master._parler_meta.root_model
    for numbers in _batches(have, size):
        masters = Master.objects.bulk_create(
            Master(
                slug=f"product-{number}",
                status=Master.Status.ACTIVE,
                brand=f"Brand {number % 40}",
                primary_category=rooms[number % ROOMS],
                attributes={"Colour": chance.choice(COLOURS)},
                published_at=NOON - timedelta(minutes=number),
            )
            for number in numbers
        )
        texts.objects.bulk_create(
            texts(
                master_id=master.pk,
                language_code="en",
                name=_name(number, chance),
                subtitle=chance.choice(THIRD),
                description=" ".join(chance.choices(FIRST + SECOND + THIRD, k=30)),
            )
            for number, master in zip(numbers, masters, strict=True)
        )
        variants = Variant.objects.bulk_create(
            Variant(master=master, sku=f"SKU-{number}")
            for number, master in zip(numbers, masters, strict=True)
        )
        Price.objects.bulk_create(
            Price(variant=variant, amount=chance.randint(100, 200_000)) for variant in variants
        )
        StockItem.objects.bulk_create(
            StockItem(variant=variant, on_hand=chance.randint(0, 9)) for variant in variants
        )


def _room(number: int) -> Any:
    from catalog.models import Category

    room = Category(slug=f"room-{number}", name=f"Room {number}")
    return Category.objects.add_root(instance=room)


def _name(number: int, chance: random.Random) -> str:
    if number % 1000 == 15 and number < 17_000:
        return f"{chance.choice(FIRST)} iPhone 15 {chance.choice(THIRD)}"
    return (
        f"{chance.choice(FIRST)} {chance.choice(SECOND)} {chance.randint(16, 999)}"
        f" {chance.choice(THIRD)}"
    )


def _batches(start: int, end: int) -> Iterator[range]:
    for first in range(start, end, AT_ONCE):
        yield range(first, min(first + AT_ONCE, end))


if __name__ == "__main__":
    main()
