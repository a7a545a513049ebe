"""What a variant is called in a sentence: by its product's name and its options, never its SKU."""

from collections.abc import Iterable

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.languages import in_language
from catalog.models import OptionValue, Variant


def of(sku: str) -> str:
    """In the active language: "iPhone 15, 128 GB, Blue"; what nobody knows by its SKU alone."""
    variant = Variant.objects.filter(sku=sku).select_related("master").first()
    if variant is None:
        return sku
    return with_options(
        str(variant.master), map(_label, variant.option_values.order_by("option_id"))
    )


def with_options(name: str, labels: Iterable[str]) -> str:
    return _(", ").join([name, *labels])


def _label(value: OptionValue) -> str:
    return str(in_language(value.label, value.labels, get_language() or ""))
