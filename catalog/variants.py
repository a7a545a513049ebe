"""A variant as a line of a basket or an order shows it."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import override

from catalog.models import Variant


@dataclass(frozen=True)
class Description:
    """`image` is a URL or empty; `name` says the options: "iPhone 15, 128 GB, Blue"."""

    sku: str
    slug: str
    name: str
    image: str


def describe(variant_ids: Collection[int], *, locale: str) -> dict[int, Description]:
    """The descriptions in a language, in a fixed number of queries."""
    variants = Variant.objects.filter(pk__in=variant_ids).prefetch_related(
        "master__translations", "master__media", "option_values"
    )
    with override(locale):
        return {variant.pk: _description(variant) for variant in variants}


def _description(variant: Variant) -> Description:
    options = sorted(variant.option_values.all(), key=lambda value: value.option_id)
    pictures = sorted(variant.master.media.all(), key=lambda media: media.position)
    return Description(
        sku=variant.sku,
        slug=variant.master.slug,
        name=", ".join([str(variant.master), *(value.label for value in options)]),
        image=pictures[0].file.url if pictures else "",
    )
