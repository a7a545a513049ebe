"""The forms that staff edit products with."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from secrets import token_hex
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import DecimalValidator, MaxValueValidator
from django.db.models import DateTimeField
from django.utils import timezone
from django.utils.formats import localize
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from parler.forms import TranslatableModelForm, TranslatedField
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog import categories, drafts, masters, pictures, prices, shop, stock
from catalog.models import Category, Master, Media, Modifier, OptionValue, Price, StockItem, Variant
from catalog.money import Money, digits
from museo.directions import isolated


def amount_wanted() -> str:
    """Said where there is no amount: one with the digits of the shop's currency."""
    example = localize(Money(840, shop.currency()).as_decimal())
    return _("Write an amount, such as %(example)s.") % {"example": example}


class MoneyField(forms.DecimalField):
    """Typed as 84.00 or 84,00, kept as 8400, with the digits of the shop's currency: no float."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=Decimal(0), **options)

    def prepare_value(self, value: Any) -> Any:
        return Money(value, shop.currency()).as_decimal() if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.replace(",", ".") if isinstance(value, str) else value)

    def clean(self, value: Any) -> int | None:
        # that of a disabled field is the amount as it is kept
        typed = super().clean(self.prepare_value(value))
        if typed is None:
            return None
        currency = shop.currency()
        DecimalValidator(None, digits(currency))(typed)
        MaxValueValidator(Money(prices.DEAREST, currency).as_decimal())(typed)
        return int(typed.scaleb(digits(currency)))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


def _require_kept(moment: datetime) -> None:
    """What is kept is in UTC, where the first and the last day of all may lie outside of time."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        said = forms.SplitDateTimeField.default_error_messages["invalid_date"]
        raise ValidationError(said, code="invalid_date") from None


class MomentField(forms.SplitDateTimeField):
    """A day and a time of day on the shop's clock."""

    default_validators = [_require_kept]


# for admins whose models have such columns
MOMENTS: dict[type[Any], dict[str, Any]] = {DateTimeField: {"form_class": MomentField}}


class MasterForm(TranslatableModelForm):
    """`revision` is the one the editor saw: whoever saves second is told."""

    name = TranslatedField(widget=UnfoldAdminTextInputWidget)
    subtitle = TranslatedField(widget=UnfoldAdminTextInputWidget)
    description = TranslatedField(widget=UnfoldAdminTextareaWidget)
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Master
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # a form that is only looked at has no fields
        if "slug" in self.fields:
            self.fields["slug"].required = False

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"] or self.instance.slug)

    def clean_revision(self) -> int:
        seen = self.cleaned_data["revision"]
        if self.instance.pk:
            now = (
                Master.objects.filter(pk=self.instance.pk).values_list("revision", flat=True).get()
            )
            if seen != now:
                raise ValidationError(EDITED_MEANWHILE)
        return int(seen or 1)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            known = self.instance if self.instance.pk else None
            say(self, drafts.own_faults(self.fields_of(cleaned), known), FIELDS_OF_MASTER)
        return cleaned

    def fields_of(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """What the service is asked to write of the product itself."""
        texts = {name: cleaned[name] for name in drafts.TEXTS if name in cleaned}
        own = {name: cleaned[name] for name in masters.OWN if name in cleaned}
        if not own.get("slug"):
            # it is made of the name
            own.pop("slug", None)
        return {
            **own,
            "category": cleaned["primary_category"].slug,
            "translations": {self.language_code: texts},
        }


EDITED_MEANWHILE = gettext_lazy(
    "Somebody else has saved this product meanwhile. Open it again in another window,"
    " compare, and save there."
)
# where a form has a field of another name than the service
FIELDS_OF_MASTER = {"category": "primary_category"}
FIELDS_OF_VARIANT = {"options": "option_values"}


def say(form: Any, faults: Iterable[dict[str, str]], named: dict[str, str]) -> None:
    """Put each fault beside the field that its pointer ends at, or above the form."""
    for fault in faults:
        places = [named.get(place, place) for place in fault["pointer"].split("/")]
        field = next((place for place in reversed(places) if place in form.fields), None)
        form.add_error(field, fault["detail"])


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
        max_value=stock.MOST_ON_HAND,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = Variant
        fields = ["sku", "position", "is_active", "track_stock", "max_per_order", "option_values"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            price, item = self._stands()
            self.initial = {
                **self.initial,
                "price": price.amount if price else None,
                "list_price": price.list_amount if price else None,
                "on_hand": item.on_hand if item else 0,
            }

    def _stands(self) -> tuple[Price | None, StockItem | None]:
        """Its price and its shelf as they are now."""
        pk, currency = self.instance.pk, shop.currency()
        price = prices.current([pk], currency=currency, now=timezone.now()).get(pk)
        return price, self.instance.stock_items.filter(location="main").first()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk and cleaned.get("on_hand") is not None:
            self._refuse_what_is_promised()
        return cleaned

    def _refuse_what_is_promised(self) -> None:
        """Before anything is saved, while the form can still be mended; the service makes sure."""
        _price, item = self._stands()
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

    def fields_of(self) -> dict[str, Any]:
        """What the service is asked to write of the variant, its price and its first stock."""
        cleaned = self.cleaned_data
        own = {name: cleaned[name] for name in (*masters.OF_VARIANT, "position") if name in cleaned}
        if "option_values" in cleaned:
            chosen = OptionValue.objects.filter(pk__in=cleaned["option_values"])
            own["options"] = {
                value.option.code: value.code for value in chosen.select_related("option")
            }
        if {"price", "list_price"} & set(self.changed_data):
            own["prices"] = [price_of(cleaned)]
        if self.instance.pk:
            return {**own, "id": self.instance.public_id}
        return {**own, "on_hand": cleaned["on_hand"] or 0}

    def count(self) -> dict[str, Any] | None:
        """By how much the shelf of a variant that is there was changed."""
        if not self.instance.pk or not self.delta:
            return None
        return {"sku": self.initial["sku"], "delta": self.delta}


def price_of(cleaned: dict[str, Any]) -> dict[str, Any]:
    """A price in the shop's currency from now on."""
    currency, before = shop.currency(), cleaned["list_price"]
    return {
        "price": {"amount": cleaned["price"], "currency": currency},
        "list_price": None if before is None else {"amount": before, "currency": currency},
    }


class SpokenForm(forms.ModelForm):
    """A row with words by language, in those that the shop can speak."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in cleaned.keys() & {"alts", "labels", "names"}:
            if cleaned[name].keys() - dict(settings.LANGUAGES).keys():
                self.add_error(name, drafts.languages_said())
        return cleaned


class CodedForm(SpokenForm):
    """A row whose code need not be written: it is made of its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # a form that is only looked at has no fields
        if "code" in self.fields:
            self.fields["code"].required = False
            self.fields["code"].help_text = gettext_lazy("Left empty, it is made of the name.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("code") and "code" not in self.errors:
            name = str(cleaned.get("name") or cleaned.get("label") or "")
            cleaned["code"] = self.instance.code or slugify(name)[:40].strip("-") or token_hex(3)
        return cleaned


class UsedStays(forms.BaseInlineFormSet):
    """Options or option values of which none can be removed that a variant has."""

    def clean(self) -> None:
        super().clean()
        for form in self.deleted_forms:
            if form.instance.pk and form.instance.is_used():
                raise ValidationError(masters.used_said() % {"name": isolated(form.instance)})


class MediaForm(SpokenForm):
    """A picture is one, whatever its name says."""

    class Meta:
        model = Media
        fields = ["file", "url", "alt", "alts", "position"]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if isinstance(file, UploadedFile):
            pictures.check(file)
        return file


class ModifierForm(CodedForm):
    price = MoneyField(label=capfirst(gettext_lazy("price")), initial=0)

    class Meta:
        model = Modifier
        fields = ["name", "names", "code", "price", "is_active", "position"]


class ModifierFormSet(forms.BaseInlineFormSet):
    """The choices of one group; no two of a product have one code."""

    def clean(self) -> None:
        super().clean()
        of_others = Modifier.objects.filter(master=self.instance.master_id)
        taken = set(of_others.exclude(group=self.instance).values_list("code", flat=True))
        for form in self.forms:
            if form.cleaned_data.get("DELETE"):
                continue
            code = form.cleaned_data.get("code")
            # a row that was left empty has none
            if code is None:
                continue
            if code in taken:
                form.add_error("code", _("This code is there twice."))
            taken.add(code)

    def save_new(self, form: Any, commit: bool = True) -> Any:
        form.instance.master_id = self.instance.master_id
        return super().save_new(form, commit)


class CategoryForm(TranslatableModelForm):
    """A category, and where in the tree it hangs."""

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
        # a form that is only looked at has none but what it declares itself
        if "slug" in self.fields:
            self.fields["parent"].queryset = Category.objects.prefetch_related("translations")
            self.initial["parent"] = categories.parent_of(self.instance)
            self.fields["slug"].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        name = cleaned.get("name")
        if not cleaned.get("slug") and "slug" not in self.errors:
            cleaned["slug"] = self.instance.slug or categories.free_slug(name or "")
        if name is not None:
            say(self, drafts.name_faults("/name", name), {})
            fault = drafts.text_fault("/name", name, longest=120)
            say(self, [fault] if fault else [], {})
        return cleaned

    def clean_parent(self) -> Category | None:
        parent: Category | None = self.cleaned_data["parent"]
        if self.instance.pk and parent and categories.is_circular(self.instance, parent):
            raise ValidationError(categories.circular_said())
        return parent


class VariantFormSet(forms.BaseInlineFormSet):
    """The variants of one product: at least one, no two alike, none removed that was ordered."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        own = OptionValue.objects.filter(option__master=self.instance.pk)
        form.fields["option_values"].queryset = own

    def clean(self) -> None:
        super().clean()
        if any(form.errors for form in self.forms):
            return
        gone = [form for form in self.forms if form.cleaned_data.get("DELETE")]
        kept = [form for form in self.forms if form not in gone and form.cleaned_data]
        if not kept:
            raise ValidationError(_("A product has at least one variant."))
        if ordered := masters.first_ordered([form.instance for form in gone if form.instance.pk]):
            raise ValidationError(masters.ordered_said(ordered))
        self._refuse_twins(kept)
        self._refuse_faults(kept)

    def _refuse_twins(self, kept: list[Any]) -> None:
        seen: set[frozenset[int]] = set()
        for form in kept:
            values = form.cleaned_data.get("option_values", ())
            if len({value.option_id for value in values}) < len(values):
                form.add_error("option_values", _("Choose one value of each option."))
            options = frozenset(value.pk for value in values)
            if options in seen:
                form.add_error("option_values", _("Another variant has the same options."))
            seen.add(options)

    def _refuse_faults(self, kept: list[Any]) -> None:
        """What the service would refuse, beside its field."""
        master = self.instance if self.instance.pk else None
        rows = [form.fields_of() for form in kept]
        for fault in drafts.variant_faults({"variants": rows}, master):
            _start, _variants, index, *_rest = fault["pointer"].split("/")
            say(kept[int(index)], [fault], FIELDS_OF_VARIANT)

    def fields_of(self) -> list[dict[str, Any]]:
        """What the service is asked to write: the rows that the editor changed or removed."""
        changed: list[Any] = [form for form in self.forms if form.has_changed()]
        gone = [form for form in changed if form.cleaned_data.get("DELETE")]
        return [
            *({"id": form.instance.public_id, "remove": True} for form in gone if form.instance.pk),
            *(form.fields_of() for form in changed if form not in gone),
        ]

    def counts(self) -> list[dict[str, Any]]:
        changed: list[Any] = [form for form in self.forms if form.has_changed()]
        kept = [form for form in changed if not form.cleaned_data.get("DELETE")]
        return [count for form in kept if (count := form.count())]


class ShelfForm(forms.ModelForm):
    """A variant as one row among many: its price, its stock, whether it is sold.

    `instance` comes with what the list shows of it, so a page of rows costs no query of its own.
    """

    price = MoneyField(
        label=capfirst(gettext_lazy("price")), required=False, show_hidden_initial=True
    )
    list_price = MoneyField(
        label=capfirst(gettext_lazy("price before")), required=False, show_hidden_initial=True
    )
    on_hand = forms.IntegerField(
        label=capfirst(gettext_lazy("in stock")),
        show_hidden_initial=True,
        min_value=0,
        max_value=stock.MOST_ON_HAND,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = Variant
        fields = ["is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["price"] = self.instance.amount
            self.initial["list_price"] = self.instance.list_amount
            self.initial["on_hand"] = self.instance.units or 0

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and self.has_new_price:
            if cleaned["price"] is None:
                self.add_error("price", _("Write a price. To sell no more, make it inactive."))
            elif self._shown("price") != self.instance.amount:
                self.add_error("price", _("Somebody else has changed this price meanwhile."))
            else:
                say(self, drafts.price_faults("", price_of(cleaned)), {})
        return cleaned

    @property
    def has_new_price(self) -> bool:
        return bool({"price", "list_price"} & set(self.changed_data))

    @property
    def is_more_than_counted(self) -> bool:
        return bool(set(self.changed_data) - {"on_hand"})

    def _shown(self, name: str) -> Any:
        """What the page showed before it was typed over, in minor units."""
        field, typed = self.fields[name], self.data.get(self.add_initial_prefix(name))
        return self.initial[name] if typed is None else field.clean(typed)

    @property
    def delta(self) -> int:
        shown = self.data.get(self.add_initial_prefix("on_hand"), self.initial["on_hand"])
        return int(self.cleaned_data["on_hand"]) - int(shown or 0)

    def count(self) -> dict[str, Any] | None:
        """By how much the shelf was changed."""
        return {"sku": self.instance.sku, "delta": self.delta} if self.delta else None

    def fields_of(self) -> dict[str, Any]:
        own = {"id": self.instance.public_id, "is_active": self.cleaned_data["is_active"]}
        return {**own, "prices": [price_of(self.cleaned_data)]} if self.has_new_price else own


class CountForm(ShelfForm):
    """For those who count what is there, and set no price."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & {"price", "list_price", "is_active"}:
            self.fields[name].disabled = True


class ShelfFormSet(forms.BaseModelFormSet):
    """A page of shelves, which each of its rows knows."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.page = self

    def take_changed(self) -> list[Any]:
        """The rows that the editor changed; asked again there are none."""
        changed: list[Any] = [form for form in self.forms if form.has_changed()]
        taken = [] if self._are_taken else changed
        self._are_taken = True
        return taken

    _are_taken = False
