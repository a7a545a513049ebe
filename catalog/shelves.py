"""The admin's page of many prices and shelves at once."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from catalog import counts, masters, prices, shop
from catalog.forms import CountForm, ShelfForm, ShelfFormSet
from catalog.models import Master, StockItem, Variant
from catalog.templatetags.money import money
from museo.access.callers import caller_from_request
from museo.access.lists import ModelAdmin
from notifications.log_admin import LogAdmin

# so few that staff should know
LOW = 5
ON_A_PAGE = 100


class FreeFilter(admin.SimpleListFilter):
    title = gettext_lazy("stock")
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("low", _("Low stock")), ("out", _("Sold out"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Variant]) -> QuerySet[Variant]:
        limits = {"low": Q(left__range=(1, LOW)), "out": Q(left__lte=0) | Q(left=None)}
        limit = limits.get(self.value() or "")
        return queryset.filter(limit, track_stock=True) if limit else queryset


class PricelessFilter(admin.SimpleListFilter):
    title = gettext_lazy("price")
    parameter_name = "price"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", _("No price now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Variant]) -> QuerySet[Variant]:
        return queryset.filter(Q(amount=None)) if self.value() == "none" else queryset


class StatusFilter(admin.SimpleListFilter):
    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Master.Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Variant]) -> QuerySet[Variant]:
        return queryset.filter(master__status=self.value()) if self.value() else queryset


class ShelfAdmin(LogAdmin, ModelAdmin):
    """Prices and stock of many variants on one page; the variants themselves are edited elsewhere.

    What is typed counts as the difference to what the page showed, so sales meanwhile stay sold.
    """

    list_display = [
        "sku",
        "product",
        "options",
        "price",
        "list_price",
        "on_hand",
        "promised",
        "is_active",
    ]
    list_display_links = None
    list_editable = ["is_active"]
    list_filter = [FreeFilter, PricelessFilter, StatusFilter, "is_active"]
    list_per_page = ON_A_PAGE
    search_fields = ["sku", "master__slug", "master__translations__name"]
    ordering = ["sku"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Variant | None = None) -> bool:
        """Whoever may count what is in stock does so here, too."""
        counts_only: bool = request.user.has_perm("catalog.change_stockitem")
        return counts_only or super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Variant | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        price = prices.holding(timezone.now()).filter(
            variant=OuterRef("pk"),
            currency=shop.currency(),
            sales_channel=prices.WEB,
        )
        newest = price.order_by("-valid_from")
        shelf = StockItem.objects.filter(variant=OuterRef("pk"), location="main")
        free = shelf.annotate(free=F("on_hand") + F("backorder_limit") - F("reserved"))
        return (
            super()
            .get_queryset(request)
            .filter(master__deleted_at=None)
            .select_related("master")
            .prefetch_related("master__translations", "option_values")
            .annotate(
                amount=Subquery(newest.values("amount")[:1]),
                list_amount=Subquery(newest.values("list_amount")[:1]),
                units=Subquery(shelf.values("on_hand")[:1]),
                held=Subquery(shelf.values("reserved")[:1]),
                left=Subquery(free.values("free")[:1]),
            )
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A variant is edited on the page of its product."""
        variant = self.get_object(request, str(object_id))
        if variant is None:
            raise Http404
        return redirect("admin:catalog_master_change", variant.master_id)

    def get_changelist_form(self, request: HttpRequest, **options: Any) -> Any:
        sets_prices = super().has_change_permission(request)
        return ShelfForm if sets_prices else CountForm

    def get_changelist_formset(self, request: HttpRequest, **options: Any) -> Any:
        return super().get_changelist_formset(request, formset=ShelfFormSet, **options)

    def save_model(self, request: HttpRequest, obj: Variant, form: Any, change: bool) -> None:
        """With the first row, the stock of all: it is locked before any product is."""
        caller, now = caller_from_request(request), timezone.now()
        changed = form.page.take_changed()
        if counted := [count for row in changed if (count := row.count())]:
            counts.write(caller, counted, now=now)
        masters.hold([row.instance.master_id for row in changed if row.is_more_than_counted])
        if form.is_more_than_counted:
            fields = {"variants": [form.fields_of()]}
            masters.update(caller, obj.master.public_id, fields, revision=None, now=now)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The row is all there is."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The services leave the trail."""

    @display(description=gettext_lazy("product"))
    def product(self, variant: Variant) -> str:
        return str(variant.master)

    @display(description=gettext_lazy("options"))
    def options(self, variant: Variant) -> str:
        return ", ".join(value.label for value in variant.option_values.all())

    @display(description=gettext_lazy("price"), ordering="amount")
    def price(self, variant: Any) -> str:
        return shown(variant.amount)

    @display(description=gettext_lazy("price before"))
    def list_price(self, variant: Any) -> str:
        return shown(variant.list_amount)

    @display(description=gettext_lazy("in stock"), ordering="units")
    def on_hand(self, variant: Any) -> str:
        return str(variant.units or 0)

    @display(description=gettext_lazy("reserved"))
    def promised(self, variant: Any) -> str:
        return str(variant.held or 0)


def shown(amount: int | None) -> str:
    """An amount in the shop's currency, as staff read it."""
    return "-" if amount is None else money({"amount": amount, "currency": shop.currency()})
