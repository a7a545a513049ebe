"""The terms of sale that staff set: coupons, tax rates, ways of delivery."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from catalog import places, purchases, shop
from catalog.forms import MOMENTS, MoneyField
from catalog.looking import AsWritten
from catalog.models import Master
from catalog.templatetags.money import money
from museo.access.lists import ModelAdmin
from orders.discounts import Coupon
from orders.models import DeliveryArea, DeliveryOption, Plan
from orders.pricing import money as amount_of
from orders.taxes import TaxRate


class CountryField(forms.ChoiceField):
    """Chosen by its name: a code that is none would be taxed nowhere, and nothing go there."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Country"),
            choices=lambda: [("", "---------"), *places.countries()],
            widget=UnfoldAdminSelectWidget,
        )


class PercentField(forms.DecimalField):
    """Typed as 25.5 or 25,5, kept as 2550 basis points."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=Decimal(0), max_value=Decimal(100), decimal_places=2, **options)

    def prepare_value(self, value: Any) -> Any:
        return f"{Decimal(value).scaleb(-2):f}" if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.replace(",", ".") if isinstance(value, str) else value)

    def clean(self, value: Any) -> int | None:
        percent = super().clean(value)
        return None if percent is None else int(percent.scaleb(2))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


def _ends_later(form: forms.ModelForm, begins: str, ends: str) -> None:
    """What has an end has it after its beginning: the form says so where the end was typed."""
    first, last = form.cleaned_data.get(begins), form.cleaned_data.get(ends)
    if first and last and last <= first:
        form.add_error(ends, _("Choose an end after the beginning."))


class CouponForm(forms.ModelForm):
    """The value is typed as a percentage or as an amount, by its kind."""

    percent = PercentField(label=gettext_lazy("Percent"), required=False)
    amount = MoneyField(label=gettext_lazy("Amount"), required=False)
    minimum_total = MoneyField(label=capfirst(gettext_lazy("minimum total")), initial=0)

    class Meta:
        model = Coupon
        fields = [
            "code",
            "kind",
            "minimum_total",
            "starts_at",
            "ends_at",
            "usage_limit",
            "per_user_limit",
            "categories",
            "masters",
            "is_active",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            kind = self.instance.kind
            self.initial["percent"] = self.instance.value if kind == "percent" else None
            self.initial["amount"] = self.instance.value if kind == "fixed" else None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        field = {"percent": "percent", "fixed": "amount"}.get(cleaned.get("kind", ""))
        if field and not self.errors and not cleaned.get(field):
            raise ValidationError({field: _("Fill this in.")})
        self.instance.value = (cleaned.get(field) or 0) if field else 0
        _ends_later(self, "starts_at", "ends_at")
        return cleaned

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).strip().upper()

    def clean_usage_limit(self) -> int | None:
        limit: int | None = self.cleaned_data["usage_limit"]
        if limit is not None and limit < self.instance.used:
            said = ngettext(
                "It has been used %(count)s time already.",
                "It has been used %(count)s times already.",
                self.instance.used,
            )
            raise ValidationError(said % {"count": self.instance.used})
        return limit


@admin.register(Coupon)
class CouponAdmin(AsWritten, ModelAdmin):
    form = CouponForm
    shown: ClassVar = {
        "percent": "takes_off",
        "amount": "takes_off",
        "minimum_total": "shown_minimum",
    }
    formfield_overrides = MOMENTS
    list_display = ["code", "kind", "takes_off", "used", "usage_limit", "ends_at", "is_active"]
    list_filter = ["kind", "is_active"]
    search_fields = ["code"]
    ordering = ["-pk"]
    filter_horizontal = ["categories", "masters"]
    fields = [
        "code",
        "kind",
        "percent",
        "amount",
        "minimum_total",
        "starts_at",
        "ends_at",
        ("usage_limit", "per_user_limit"),
        "categories",
        "masters",
        "is_active",
    ]

    @display(description=gettext_lazy("value"))
    def takes_off(self, coupon: Coupon) -> str:
        if coupon.kind == Coupon.Kind.PERCENT:
            return f"{coupon.value / 100:g} %"
        if coupon.kind == Coupon.Kind.FIXED:
            return money(amount_of(coupon.value, shop.currency()))
        return coupon.get_kind_display()

    @display(description=gettext_lazy("minimum total"))
    def shown_minimum(self, coupon: Coupon) -> str:
        return money(amount_of(coupon.minimum_total, shop.currency()))


class TaxRateForm(forms.ModelForm):
    country = CountryField()
    basis_points = PercentField(label=gettext_lazy("Percent"))

    class Meta:
        model = TaxRate
        fields = ["country", "tax_class", "basis_points", "is_included", "valid_from", "valid_to"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        _ends_later(self, "valid_from", "valid_to")
        return cleaned


@admin.register(TaxRate)
class TaxRateAdmin(AsWritten, ModelAdmin):
    form = TaxRateForm
    shown: ClassVar = {"basis_points": "percent"}
    formfield_overrides = MOMENTS
    list_display = ["country", "tax_class", "percent", "is_included", "valid_from", "valid_to"]
    list_filter = ["country", "tax_class"]
    ordering = ["country", "tax_class", "valid_from"]

    @display(description=gettext_lazy("Percent"), ordering="basis_points")
    def percent(self, rate: TaxRate) -> str:
        return f"{rate.basis_points / 100:g} %"


class DeliveryOptionForm(forms.ModelForm):
    price = MoneyField(label=gettext_lazy("Price"))
    plan = forms.ChoiceField(
        label=gettext_lazy("plan"),
        choices=lambda: [(code, code) for code in Plan.objects.values_list("code", flat=True)],
        widget=UnfoldAdminSelectWidget,
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("carries"),
        choices=Master.Kind.choices,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = DeliveryOption
        fields = [
            "code",
            "name",
            "price",
            "tax_class",
            "plan",
            "kinds",
            "needs_address",
            "opens_at",
            "closes_at",
            "position",
            "is_active",
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for missing, other in (("opens_at", "closes_at"), ("closes_at", "opens_at")):
            if cleaned.get(other) and not cleaned.get(missing) and missing not in self.errors:
                self.add_error(missing, _("Say both when it opens and when it closes, or neither."))
        return cleaned


class DeliveryAreaForm(forms.ModelForm):
    country = CountryField()

    class Meta:
        model = DeliveryArea
        fields = ["option", "country", "postal_prefix"]


class DeliveryAreaInline(TabularInline):
    model = DeliveryArea
    form = DeliveryAreaForm
    extra = 0


@admin.register(DeliveryOption)
class DeliveryOptionAdmin(AsWritten, ModelAdmin):
    form = DeliveryOptionForm
    shown: ClassVar = {"price": "shown_price", "kinds": "shown_kinds"}
    inlines = [DeliveryAreaInline]
    list_display = ["code", "shown_name", "shown_price", "plan", "is_active"]
    ordering = ["position", "pk"]

    def has_delete_permission(
        self, request: HttpRequest, obj: DeliveryOption | None = None
    ) -> bool:
        """Orders name it by its code: it is switched off, not deleted."""
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Staff hear of what nobody can buy now."""
        super().save_related(request, form, formsets, change)
        left = Master.objects.on_sale().filter(kind__in=purchases.not_carried()).order_by("kind")
        for kind in left.values_list("kind", flat=True).distinct():
            messages.warning(request, purchases.not_carried_said(kind))

    @display(description=gettext_lazy("Price"))
    def shown_price(self, option: DeliveryOption) -> str:
        return money(amount_of(option.price, shop.currency()))

    @display(description=gettext_lazy("name"))
    def shown_name(self, option: DeliveryOption) -> str:
        return option.label

    @display(description=gettext_lazy("carries"))
    def shown_kinds(self, option: DeliveryOption) -> str:
        labels = dict(Master.Kind.choices)
        return ", ".join(str(labels.get(kind, kind)) for kind in option.kinds)
