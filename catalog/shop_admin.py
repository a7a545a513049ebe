"""The shop's settings for its owners: one page, with the opening hours on it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from catalog import pictures, places, shop, shopkeeping
from catalog.models import OpeningHours, Price, ShopSettings
from museo.access.callers import caller_from_request
from museo.access.lists import ModelAdmin
from notifications.channels import email as mail
from notifications.channels.message import BadAddress
from notifications.log_admin import LogAdmin


def _require_reachable(address: str) -> None:
    try:
        mail.check(address)
    except BadAddress as error:
        raise ValidationError(error.detail) from error


class ContactField(forms.EmailField):
    """Where people write to; it may be left empty."""

    default_validators = [_require_reachable]

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label=capfirst(gettext_lazy("contact e-mail")),
            help_text=gettext_lazy(
                "Shown on receipts, in e-mails and at the foot of every page; answers to e-mails"
                " go there. Empty for none."
            ),
            max_length=254,
            required=False,
            **options,
        )


class ShopForm(forms.ModelForm):
    """`seen` is the revision that the editor saw: whoever saves second is told."""

    contact_email = ContactField(widget=UnfoldAdminEmailInputWidget)
    country = forms.ChoiceField(
        label=capfirst(gettext_lazy("country")),
        choices=places.countries,
        widget=UnfoldAdminSelectWidget,
    )
    currency = forms.ChoiceField(
        label=capfirst(gettext_lazy("currency")),
        choices=places.currencies,
        widget=UnfoldAdminSelectWidget,
    )
    languages = forms.MultipleChoiceField(
        label=capfirst(gettext_lazy("languages")),
        choices=places.languages,
        widget=forms.CheckboxSelectMultiple,
    )
    default_language = forms.ChoiceField(
        label=capfirst(gettext_lazy("default language")),
        choices=places.languages,
        widget=UnfoldAdminSelectWidget,
    )
    time_zone = forms.ChoiceField(
        label=capfirst(gettext_lazy("time zone")),
        choices=places.time_zones,
        widget=UnfoldAdminSelectWidget,
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    class Meta:
        model = ShopSettings
        fields = [
            "name",
            "logo",
            "legal_address",
            "contact_email",
            "country",
            "currency",
            "languages",
            "default_language",
            "time_zone",
            "is_paused",
            "pause_text",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = self.instance.revision

    def clean_logo(self) -> Any:
        logo = self.cleaned_data["logo"]
        if isinstance(logo, UploadedFile):
            pictures.check_logo(logo)
        return logo

    def clean_currency(self) -> str:
        return free_currency(self.cleaned_data["currency"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        check_languages(cleaned)
        return cleaned


def free_currency(currency: str) -> str:
    """The currency, if all prices there are can be in it; raise ValidationError."""
    others = Price.objects.exclude(currency=currency).filter(currency=shop.currency())
    if others.exists():
        raise ValidationError(
            _("There are prices in %(currency)s. A shop keeps its currency from its first price.")
            % {"currency": shop.currency()}
        )
    return currency


def check_languages(cleaned: dict[str, Any]) -> None:
    """Raise ValidationError unless the default language is one that is offered."""
    offered, default = cleaned.get("languages"), cleaned.get("default_language")
    if offered and default and default not in offered:
        raise ValidationError(
            {"default_language": _("Choose one of the languages that you offer.")}
        )


class OpeningHoursInline(TabularInline):
    model = OpeningHours
    fields = ["weekday", "opens_at", "closes_at"]
    ordering = ["weekday", "opens_at"]
    extra = 0


@admin.register(ShopSettings)
class ShopSettingsAdmin(LogAdmin, ModelAdmin):
    """There is one shop: the list leads to it, nothing is added and nothing goes."""

    form = ShopForm
    inlines = [OpeningHoursInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "logo",
                    "legal_address",
                    "contact_email",
                    "country",
                    "currency",
                ]
            },
        ),
        (gettext_lazy("Languages"), {"fields": ["languages", "default_language"]}),
        (gettext_lazy("Orders"), {"fields": ["is_paused", "pause_text", "time_zone", "seen"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ShopSettings | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not shop.current().is_open and self.has_change_permission(request):
            return redirect("first_run")
        return redirect("admin:catalog_shopsettings_change", 1)

    def save_model(self, request: HttpRequest, obj: ShopSettings, form: Any, change: bool) -> None:
        written = [name for name in ShopForm.Meta.fields if name in form.changed_data]
        shopkeeping.change(
            caller_from_request(request),
            {name: getattr(obj, name) for name in written},
            seen=form.cleaned_data["seen"],
            now=timezone.now(),
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        shop.heard()
