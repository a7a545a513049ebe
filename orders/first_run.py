"""The pages of the first run: staff make the shop theirs, in five steps, without JavaScript."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from catalog import places, shop
from catalog.context import may_set_up
from catalog.forms import amount_wanted
from catalog.models import Master
from catalog.money import Money, NoAmount
from catalog.shop_admin import ContactField, check_languages, free_currency
from museo.access.callers import Caller, caller_from_request
from museo.access.problems import Problem
from orders import setting_up
from orders.delivery import DeliveryArea, DeliveryOption
from orders.models import TaxRate
from orders.taxes import WHOLE

# in the session of who wants to see the admin first
LATER = "sets the shop up later"
LARGEST_STOCK = 1_000_000_000
TAX_CLASSES = ("standard", "food", "books", "admission")
INPUT = {"class": "in"}


class AmountField(forms.CharField):
    """Typed as 8.40 or 8,40, kept in minor units of the shop's currency."""

    def __init__(self, **options: Any) -> None:
        text = forms.TextInput(attrs={**INPUT, "inputmode": "decimal"})
        super().__init__(max_length=20, widget=text, **options)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        try:
            return Money.typed(typed, shop.currency()).amount
        except NoAmount:
            raise ValidationError(amount_wanted()) from None


class RateField(forms.DecimalField):
    """Typed as 25.5, kept as 2550 basis points."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_value=Decimal(0),
            max_value=Decimal(100),
            decimal_places=2,
            required=False,
            widget=forms.NumberInput(attrs={**INPUT, "step": "0.01"}),
            **options,
        )

    def clean(self, value: Any) -> Any:
        percent = super().clean(value)
        return None if percent is None else int(percent * WHOLE / 100)


def _text(**options: Any) -> forms.CharField:
    return forms.CharField(widget=forms.TextInput(attrs=INPUT), **options)


def _choice(**options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(widget=forms.Select(attrs=INPUT), **options)


def _countries_or_all() -> places.Choices:
    return [("", _("everywhere")), *places.countries()]


def _or(countrys: Any, choices: Callable[[], places.Choices]) -> Callable[[], places.Choices]:
    return lambda: [("", str(countrys)), *choices()]


class NameForm(forms.Form):
    name = _text(label=gettext_lazy("Name of the shop"), max_length=80)
    contact_email = ContactField(widget=forms.EmailInput(attrs=INPUT))
    country = _choice(label=gettext_lazy("Country"), choices=places.countries)
    currency = _choice(
        label=gettext_lazy("Currency"),
        choices=_or(gettext_lazy("the currency of the country"), places.currencies),
        required=False,
    )
    time_zone = _choice(
        label=gettext_lazy("Time zone"),
        choices=_or(gettext_lazy("the time zone of the country"), places.time_zones),
        required=False,
    )

    def clean_currency(self) -> str:
        country = self.cleaned_data.get("country", "")
        today = timezone.localdate()
        currency = self.cleaned_data["currency"] or places.currency_of(country, today)
        if country and not currency:
            raise ValidationError(_("This country has no one currency. Choose yours."))
        return free_currency(currency)

    def clean_time_zone(self) -> str:
        country = self.cleaned_data.get("country", "")
        time_zone: str = self.cleaned_data["time_zone"] or places.time_zone_of(country)
        if country and not time_zone:
            raise ValidationError(_("This country has several time zones. Choose yours."))
        return time_zone

    @staticmethod
    def now(request: HttpRequest) -> dict[str, Any]:
        here = shop.current()
        if not here.steps_done:
            return {"country": here.country}
        said = ("name", "contact_email", "country", "currency", "time_zone")
        return {name: getattr(here, name) for name in said}

    def save(self, caller: Caller, now: datetime) -> None:
        setting_up.name_shop(caller, **self.cleaned_data, now=now)


class LanguagesForm(forms.Form):
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages of your shop"),
        choices=places.languages,
        widget=forms.CheckboxSelectMultiple,
    )
    default_language = _choice(
        label=gettext_lazy("For readers of none of them"), choices=places.languages
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        check_languages(cleaned)
        return cleaned

    @staticmethod
    def now(request: HttpRequest) -> dict[str, Any]:
        here = shop.current()
        spoken = here.default_language if here.steps_done > 1 else get_language()
        return {"languages": list(here.languages), "default_language": spoken}

    def save(self, caller: Caller, now: datetime) -> None:
        setting_up.speak(caller, **self.cleaned_data, now=now)


class DeliveryForm(forms.Form):
    way = forms.ChoiceField(
        label=gettext_lazy("How it comes to your customers"),
        choices=[
            ("courier", gettext_lazy("Your courier brings it, minutes after the order")),
            ("parcel", gettext_lazy("You send a parcel, which takes days")),
            ("pickup", gettext_lazy("They pick it up in the shop")),
        ],
        widget=forms.RadioSelect,
    )
    price = AmountField(label=gettext_lazy("What that costs them"))
    country = _choice(label=gettext_lazy("Where to"), choices=_countries_or_all, required=False)
    postal_prefixes = _text(
        label=gettext_lazy("Only where postcodes begin with"),
        help_text=gettext_lazy("Beginnings with commas between them; empty for the whole country."),
        max_length=400,
        required=False,
    )

    def clean_postal_prefixes(self) -> list[str]:
        typed = (each.strip() for each in self.cleaned_data["postal_prefixes"].split(","))
        prefixes = [each for each in typed if each]
        if any(len(each) > 20 for each in prefixes):
            raise ValidationError(_("Put a comma between the beginnings."))
        return prefixes

    @staticmethod
    def now(request: HttpRequest) -> dict[str, Any]:
        here = shop.current()
        if here.steps_done < setting_up.DELIVERY:
            return {"way": "courier", "price": "0", "country": here.country}
        ways = DeliveryOption.objects.filter(code__in=setting_up.WAYS, is_active=True)
        option = ways.order_by("position").first()
        areas = list(DeliveryArea.objects.filter(option=option).order_by("postal_prefix"))
        price = Money(option.price if option else 0, here.currency).as_decimal()
        return {
            "way": option.code if option else "courier",
            "price": f"{price:f}",
            "country": areas[0].country if areas else "",
            "postal_prefixes": ", ".join(area.postal_prefix for area in areas),
        }

    def save(self, caller: Caller, now: datetime) -> None:
        setting_up.deliver(caller, **self.cleaned_data, now=now)


class TaxesForm(forms.Form):
    is_included = forms.BooleanField(
        label=gettext_lazy("My prices include the tax"), required=False
    )
    standard = RateField(label=gettext_lazy("Standard rate, in percent"))
    food = RateField(label=gettext_lazy("Dishes"))
    books = RateField(label=gettext_lazy("Books"))
    admission = RateField(label=gettext_lazy("Admission"))

    @staticmethod
    def now(request: HttpRequest) -> dict[str, Any]:
        country = shop.current().country
        rates = setting_up.suggested_rates(country)
        on_top = TaxRate.objects.filter(country=country, is_included=False).exists()
        percents = {name: f"{Decimal(rate) / 100:f}" for name, rate in rates.items()}
        return {**percents, "is_included": not on_top}

    def save(self, caller: Caller, now: datetime) -> None:
        rates = {name: self.cleaned_data[name] for name in TAX_CLASSES}
        setting_up.tax(caller, rates=rates, is_included=self.cleaned_data["is_included"], now=now)


def _kinds() -> places.Choices:
    carried = setting_up.deliverable()
    return [(kind, str(label)) for kind, label in Master.Kind.choices if kind in carried]


class ProductForm(forms.Form):
    name = _text(label=gettext_lazy("Name of the product"), max_length=160)
    kind = _choice(label=gettext_lazy("Kind"), choices=_kinds)
    price = AmountField(label=gettext_lazy("Price"))
    on_hand = forms.IntegerField(
        label=gettext_lazy("How many there are"),
        help_text=gettext_lazy("Empty if that is not counted."),
        min_value=0,
        max_value=LARGEST_STOCK,
        required=False,
        widget=forms.NumberInput(attrs=INPUT),
    )
    room = _text(label=gettext_lazy("Category"), max_length=120)

    @staticmethod
    def now(request: HttpRequest) -> dict[str, Any]:
        return {"room": _("All products")}

    def save(self, caller: Caller, now: datetime) -> None:
        setting_up.sell_first(caller, **self.cleaned_data, now=now)


FORMS: dict[int, Any] = {
    setting_up.NAME: NameForm,
    setting_up.LANGUAGES: LanguagesForm,
    setting_up.DELIVERY: DeliveryForm,
    setting_up.TAXES: TaxesForm,
    setting_up.PRODUCT: ProductForm,
}


def _titles() -> dict[int, str]:
    return {
        setting_up.NAME: _("Name and currency"),
        setting_up.LANGUAGES: _("Languages"),
        setting_up.DELIVERY: _("Delivery"),
        setting_up.TAXES: _("Taxes"),
        setting_up.PRODUCT: _("First product"),
    }


def _for_owners(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Staff who may say what the shop is; once it is open, they do so in its settings."""

    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if not may_set_up(request):
            raise PermissionDenied
        if shop.current().is_open:
            return redirect("admin:catalog_shopsettings_change", 1)
        return view(request, *arguments, **named)

    return staff_member_required(never_cache(guarded))


@_for_owners
def first_run(request: HttpRequest) -> HttpResponse:
    """Where it goes on: the first step that is not done."""
    return redirect("first_run_step", _next_step())


@_for_owners
@require_http_methods(["GET", "POST"])
def one_step(request: HttpRequest, step: int) -> HttpResponse:
    """One step; sent, it is kept, and the next one follows."""
    if step not in FORMS or step > _next_step():
        return redirect("first_run")
    kind = FORMS[step]
    is_last = step == setting_up.PRODUCT
    if request.method == "POST" and "without" in request.POST and is_last:
        return _open(request)
    form = kind(request.POST) if request.method == "POST" else kind(initial=kind.now(request))
    if request.method == "POST" and _save(form, request):
        return _open(request) if is_last else redirect("first_run_step", step + 1)
    return _page(request, step, form)


def _save(form: Any, request: HttpRequest) -> bool:
    """False for what cannot be kept; the form says why."""
    if not form.is_valid():
        return False
    try:
        form.save(caller_from_request(request), timezone.now())
    except Problem as problem:
        told = [error["detail"] for error in problem.errors] or [problem.detail]
        form.add_error(None, told)
        return False
    return True


def admin_home(request: HttpRequest) -> HttpResponse:
    """Django's, for all but who has a shop to set up and has not said `later`."""
    if "later" in request.GET:
        request.session[LATER] = True
    is_later = request.session.get(LATER)
    if not is_later and may_set_up(request) and not shop.current().is_open:
        return redirect("first_run")
    return admin.site.admin_view(admin.site.index)(request)


def _next_step() -> int:
    return min(shop.current().steps_done + 1, setting_up.PRODUCT)


def _open(request: HttpRequest) -> HttpResponse:
    setting_up.open_doors(caller_from_request(request), now=timezone.now())
    messages.success(request, _("Your shop is open."))
    return redirect("shop")


def _page(request: HttpRequest, number: int, form: forms.Form) -> HttpResponse:
    titles = _titles()
    return render(
        request,
        "first_run/step.html",
        {
            "section": "first_run",
            "number": number,
            "title": titles[number],
            "steps": [
                {"number": each, "title": title, "is_open": each <= _next_step()}
                for each, title in titles.items()
            ],
            "form": form,
            "is_last": number == setting_up.PRODUCT,
            "is_taxes": number == setting_up.TAXES,
            "rates": setting_up.suggested_rates(shop.current().country),
            "products": Master.objects.on_sale().count() if number == setting_up.PRODUCT else 0,
        },
        status=400 if form.errors else 200,
    )
