"""Finding products by words."""

from typing import Any

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, Value, When

from catalog.models import Master, Variant

# more words than anybody types say nothing more
MOST_WORDS = 8
LONGEST_QUERY = 200


def matching(masters: Any, query: str) -> Any:
    """Those that have every word of `query`, with a `rank`: the name counts more than the rest."""
    phrase = " ".join(query[:LONGEST_QUERY].replace("\x00", " ").split()[:MOST_WORDS])
    for word in phrase.split():
        masters = masters.filter(_has(word))
    return masters.annotate(
        rank=Case(
            When(Exists(_named(Q(name__iexact=phrase))), then=Value(3)),
            When(Exists(_named(Q(name__istartswith=phrase))), then=Value(2)),
            When(Exists(_named(Q(name__icontains=phrase))), then=Value(1)),
            default=Value(0),
            output_field=IntegerField(),
        )
    )


def _has(word: str) -> Q:
    texts = Q(name__icontains=word) | Q(subtitle__icontains=word) | Q(description__icontains=word)
    sold_as = Variant.objects.filter(
        Q(sku__icontains=word) | Q(option_values__label__icontains=word), master=OuterRef("pk")
    )
    return Q(Exists(_named(texts))) | Q(Exists(sold_as)) | Q(brand__icontains=word)


def _named(condition: Q) -> Any:
    translations = Master._parler_meta.root_model
    return translations.objects.filter(condition, master=OuterRef("pk"))
