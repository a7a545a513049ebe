"""The forms that staff edit products with."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from parler.forms import TranslatableModelForm, TranslatedField
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog import prices, stock
from catalog.models import Category, Master, OptionValue, StockReservation, Variant

# as many as fit the database's integers, with room for a basket's sum
DEAREST = Decimal("9999999999.99")


class MoneyField(forms.DecimalField):
    """Typed as 84.00, kept as 8400: exact, no float on the way."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=Decimal(0), max_value=DEAREST, decimal_places=2, **options)

    def prepare_value(self, value: Any) -> Any:
        return Decimal(value).scaleb(-2) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        amount = super().clean(value)
        return None if amount is None else int(amount.scaleb(2))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class TypedJSONField(forms.JSONField):
    """JSON of one type; an emptied box or `null` is an empty one."""

    def __init__(
        self, *, holds: type[dict] | type[list], of: type | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.holds = holds
        self.of = of

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found is None:
            return self.holds()
        if not isinstance(found, self.holds) or not self._holds_its_kind(found):
            raise ValidationError(JSON_FORMS[self.holds])
        return found

    def _holds_its_kind(self, found: Any) -> bool:
        return self.of is None or all(isinstance(value, self.of) for value in found.values())


JSON_FORMS = {
    dict: gettext_lazy('Write names and values in braces: {"Material": "Stoneware"}.'),
    list: gettext_lazy('Write words in brackets: ["new", "gift"].'),
}
JSON_TYPES = {
    "alts": dict,
    "attributes": dict,
    "facts": dict,
    "labels": dict,
    "names": dict,
    "tags": list,
}


# what is kept by language: {"de": "Farbe"}
VALUES = {"alts": str, "facts": dict, "labels": str, "names": str}


class MasterForm(TranslatableModelForm):
    """`revision` is the one the editor saw: whoever saves second is told."""

    name = TranslatedField(widget=UnfoldAdminTextInputWidget)
    subtitle = TranslatedField(widget=UnfoldAdminTextInputWidget)
    description = TranslatedField(widget=UnfoldAdminTextareaWidget)
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Master
        fields = "__all__"

    def clean_revision(self) -> int:
        seen = self.cleaned_data["revision"]
        if self.instance.pk:
            now = (
                Master.objects.filter(pk=self.instance.pk).values_list("revision", flat=True).get()
            )
            if seen != now:
                raise ValidationError(EDITED_MEANWHILE)
        return int(seen or 1)

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        others = Master.objects.filter(slug=slug, deleted_at=None).exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(_("Another product has this address. Choose another one."))
        return slug


EDITED_MEANWHILE = gettext_lazy(
    "Somebody else has saved this product meanwhile. Open it again in another window,"
    " compare, and save there."
)


class VariantForm(forms.ModelForm):
    """A variant with its price and what lies on its shelf.

    Stock is sold while the page is open: what was typed counts as the difference to what the
    editor saw.
    """

    price = MoneyField(label=capfirst(gettext_lazy("price")))
    list_price = MoneyField(label=capfirst(gettext_lazy("price before")), required=False)
    on_hand = forms.IntegerField(
        label=capfirst(gettext_lazy("in stock")),
        help_text=gettext_lazy("Your change is added to what has been sold meanwhile."),
        show_hidden_initial=True,
        min_value=0,
        max_value=10**9,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = Variant
        fields = ["sku", "position", "is_active", "track_stock", "max_per_order", "option_values"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            price = prices.current(
                [self.instance.pk], currency=settings.SHOP_CURRENCY, now=timezone.now()
            ).get(self.instance.pk)
            item = self.instance.stock_items.filter(location="main").first()
            self.initial = {
                **self.initial,
                "price": price.amount if price else None,
                "list_price": price.list_amount if price else None,
                "on_hand": item.on_hand if item else 0,
            }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        price, before = cleaned.get("price"), cleaned.get("list_price")
        if price is not None and before is not None and before < price:
            self.add_error("list_price", _("The price before cannot be lower than the price."))
        if cleaned.get("on_hand") is not None:
            self._refuse_what_is_promised()
        return cleaned

    def _refuse_what_is_promised(self) -> None:
        """Before anything is saved, while the form can still be mended; `adjust` makes it sure."""
        item = self.instance.pk and self.instance.stock_items.filter(location="main").first()
        if item and item.on_hand + self.delta + item.backorder_limit < item.reserved:
            refusal = stock.StillPromised(
                self.instance.sku, promised=item.reserved, on_hand=item.on_hand
            )
            self.add_error("on_hand", refusal.detail)

    @property
    def delta(self) -> int:
        """By how much the editor changed the stock that the page showed."""
        field, name = self.fields["on_hand"], self.add_initial_prefix("on_hand")
        shown = self.data.get(name, self.get_initial_for_field(field, "on_hand"))
        return (self.cleaned_data["on_hand"] or 0) - (field.to_python(shown) or 0)

    def keep(self, *, by: str) -> None:
        """Write what the variant's own row does not hold; the row is saved already."""
        now, cleaned = timezone.now(), self.cleaned_data
        if {"price", "list_price"} & set(self.changed_data):
            amount, before = cleaned["price"], cleaned["list_price"]
            prices.set_price(self.instance, amount=amount, list_amount=before, now=now)
        if self.delta:
            stock.adjust(self.instance, delta=self.delta, by=by, at=now)
        values = self.instance.option_values.order_by("pk").values_list("pk", flat=True)
        key = "-".join(str(value) for value in values)
        Variant.objects.filter(pk=self.instance.pk).update(option_key=key)


class UsedStays(forms.BaseInlineFormSet):
    """Options or option values of which none can be removed that a variant has."""

    def clean(self) -> None:
        super().clean()
        for form in self.deleted_forms:
            if form.instance.pk and form.instance.is_used():
                raise ValidationError(
                    _("%(name)s: variants have it. Choose another one for them first.")
                    % {"name": form.instance}
                )


class CategoryForm(TranslatableModelForm):
    """A category, and where in the tree a new one hangs."""

    name = TranslatedField(widget=UnfoldAdminTextInputWidget)
    description = TranslatedField(widget=UnfoldAdminTextareaWidget)
    parent = forms.ModelChoiceField(
        Category.objects.none(),
        label=capfirst(gettext_lazy("below")),
        required=False,
        empty_label=gettext_lazy("A room of its own"),
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Category
        fields = ["slug", "room", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["parent"]
        else:
            self.fields["parent"].queryset = Category.objects.prefetch_related("translations")


class VariantFormSet(forms.BaseInlineFormSet):
    """The variants of one product: at least one, no two alike, none removed that was ordered."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        own = OptionValue.objects.filter(option__master=self.instance.pk)
        form.fields["option_values"].queryset = own

    def clean(self) -> None:
        super().clean()
        gone = [form for form in self.forms if form.cleaned_data.get("DELETE")]
        kept = [form for form in self.forms if form not in gone and form.cleaned_data]
        if not kept:
            raise ValidationError(_("A product has at least one variant."))
        ordered = StockReservation.objects.filter(
            stock_item__variant__in=[form.instance.pk for form in gone if form.instance.pk]
        )
        if ordered.exists():
            raise ValidationError(
                _("A variant that was ordered cannot be removed. Make it inactive instead.")
            )
        self._refuse_twins(kept)

    def _refuse_twins(self, kept: list[Any]) -> None:
        seen: set[frozenset[int]] = set()
        for form in kept:
            options = frozenset(value.pk for value in form.cleaned_data.get("option_values", ()))
            if options in seen:
                form.add_error("option_values", _("Another variant has the same options."))
            seen.add(options)

    def save_new(self, form: Any, commit: bool = True) -> Any:
        return super().save_new(_parked(form), commit=commit)

    def save_existing(self, form: Any, obj: Variant, commit: bool = True) -> Any:
        return super().save_existing(_parked(form), obj, commit=commit)


def _parked(form: Any) -> Any:
    """Give up the old key, so that variants can exchange options; `keep` writes the true one."""
    form.instance.option_key = form.instance.public_id
    return form
