"""A variant as a line of a basket or an order shows it."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import override

from catalog.cards import in_language
from catalog.models import Variant


@dataclass(frozen=True)
class Description:
    """`image` is a URL or empty; `name` says the options: "iPhone 15, 128 GB, Blue"."""

    sku: str
    slug: str
    name: str
    image: str
    kind: str
    tax_class: str
    master_id: int
    # of its category in the tree, which begins with that of every category above
    category_path: str
    is_on_sale: bool


def describe(variant_ids: Collection[int], *, locale: str) -> dict[int, Description]:
    """The descriptions in a language, in a fixed number of queries."""
    variants = (
        Variant.objects.filter(pk__in=variant_ids)
        .select_related("master__primary_category")
        .prefetch_related("master__translations", "master__media", "option_values")
    )
    with override(locale):
        return {variant.pk: _description(variant, locale) for variant in variants}


def _description(variant: Variant, locale: str) -> Description:
    master = variant.master
    options = sorted(variant.option_values.all(), key=lambda value: value.option_id)
    labels = [in_language(value.label, value.labels, locale) for value in options]
    pictures = sorted(master.media.all(), key=lambda media: media.position)
    return Description(
        sku=variant.sku,
        slug=master.slug,
        name=_(", ").join([str(master), *labels]),
        image=pictures[0].address if pictures else "",
        kind=master.kind,
        tax_class=master.taxed_as(),
        master_id=master.pk,
        category_path=master.primary_category.path,
        is_on_sale=variant.is_active and master.is_on_sale(),
    )
