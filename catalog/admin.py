"""Products and categories for staff."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from parler.admin import TranslatableAdmin
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import display

from catalog.forms import (
    EDITED_MEANWHILE,
    JSON_TYPES,
    VALUES,
    CategoryForm,
    MasterForm,
    TypedJSONField,
    UsedStays,
    VariantForm,
    VariantFormSet,
)

# the wizard's pages are registered there
from catalog.imports.admin import ImportAdmin as ImportAdmin
from catalog.imports.admin import export_selected
from catalog.models import (
    Category,
    Master,
    Media,
    OptionValue,
    Price,
    ProductOption,
    StockItem,
    Variant,
)
from catalog.search import index
from catalog.templatetags.money import money
from museo.access.problems import Problem
from notifications.admin import LogAdmin


class EditedMeanwhile(Problem):
    status = 409
    code = "edited_meanwhile"


class VariantInline(StackedInline):
    model = Variant
    form = VariantForm
    formset = VariantFormSet
    extra = 0
    min_num = 1
    readonly_fields = ["reserved"]

    @display(description=gettext_lazy("reserved"))
    def reserved(self, variant: Variant) -> int:
        """Units promised to checkouts; nobody types them."""
        rows = StockItem.objects.filter(variant=variant.pk)
        return rows.aggregate(units=Sum("reserved"))["units"] or 0


class TypedJSON:
    """JSON columns that are typed as text and are of one kind each."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name in JSON_TYPES:
            kinds = {"holds": JSON_TYPES[db_field.name], "of": VALUES.get(db_field.name)}
            options |= {"form_class": TypedJSONField, **kinds}
        field: Any = super().formfield_for_dbfield(db_field, request, **options)  # type: ignore[misc]
        return field


class OptionInline(TypedJSON, TabularInline):
    """What the variants differ in; the values are on the option's own page."""

    model = ProductOption
    formset = UsedStays
    extra = 0
    prepopulated_fields = {"code": ["name"]}
    show_change_link = True


class OptionValueInline(TypedJSON, TabularInline):
    model = OptionValue
    formset = UsedStays
    extra = 0
    min_num = 1
    prepopulated_fields = {"code": ["label"]}


@admin.register(ProductOption)
class ProductOptionAdmin(TypedJSON, LogAdmin, ModelAdmin):
    """The values of one option; reached from its product."""

    inlines = [OptionValueInline]
    fields = ["name", "names", "code", "position"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ProductOption | None = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The product is found by its options."""
        super().save_related(request, form, formsets, change)
        index.refresh([form.instance.master_id], now=timezone.now())

    def response_change(self, request: HttpRequest, obj: ProductOption) -> HttpResponse:
        """Back to the product, whose variants can now have the values."""
        return redirect("admin:catalog_master_change", obj.master_id)


class MediaInline(TypedJSON, TabularInline):
    model = Media
    extra = 0


@admin.register(Category)
class CategoryAdmin(TranslatableAdmin, ModelAdmin):
    """Names, colours, whether it is shown. A category keeps its place in the tree."""

    form = CategoryForm
    list_display = ["indented", "slug", "room", "is_active"]
    ordering = ["path"]

    def get_fields(self, request: HttpRequest, obj: Category | None = None) -> list[str]:
        fields = ["name", "description", "slug", "room", "is_active"]
        return fields if obj else ["parent", *fields]

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        if not change:
            parent = form.cleaned_data["parent"]
            if parent:
                Category.objects.add_child(parent, instance=obj)
            else:
                Category.objects.add_root(instance=obj)
        super().save_model(request, obj, form, change)
        index.refresh_category(obj, now=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("translations")

    @display(description=gettext_lazy("name"))
    def indented(self, category: Category) -> str:
        return f"{chr(0x2003) * (category.depth - 1)}{category}"


class CategoryFilter(admin.RelatedFieldListFilter):
    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[str, Any]]:
        return [(str(category.pk), str(category)) for category in _named_categories()]


def _named_categories() -> Any:
    """All categories with their names, in two queries."""
    return Category.objects.prefetch_related("translations")


class LivingFilter(admin.SimpleListFilter):
    title = gettext_lazy("deleted")
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Deleted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Master]) -> QuerySet[Master]:
        return queryset.filter(deleted_at__isnull=self.value() != "yes")


@admin.register(Master)
class MasterAdmin(TypedJSON, LogAdmin, TranslatableAdmin, ModelAdmin):
    """A product with its variants, prices, stock and pictures on one page."""

    form = MasterForm
    inlines = [OptionInline, VariantInline, MediaInline]
    list_display = ["thumb", "name", "category", "lowest_price", "free", "status", "published_at"]
    list_display_links = ["thumb", "name"]
    list_filter = ["status", "kind", ("primary_category", CategoryFilter), LivingFilter]
    search_fields = ["translations__name", "slug", "variants__sku"]
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["restore", export_selected]
    fields = [
        "name",
        "subtitle",
        "description",
        "slug",
        "status",
        "kind",
        "tax_class",
        "primary_category",
        "brand",
        "published_at",
        "attributes",
        "facts",
        "tags",
        "revision",
    ]

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Master | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj else {"slug": ("name",)}

    def get_queryset(self, request: HttpRequest) -> Any:
        lowest = Price.objects.filter(variant__master=OuterRef("pk")).order_by("amount")
        left = (
            StockItem.objects.filter(variant__master=OuterRef("pk"), variant__is_active=True)
            .order_by()
            .values("variant__master")
            .annotate(left=Sum(F("on_hand") - F("reserved")))
        )
        return (
            super()
            .get_queryset(request)
            .select_related("primary_category")
            .prefetch_related("translations", "primary_category__translations", "media")
            .annotate(
                lowest=Subquery(lowest.values("amount")[:1]),
                currency=Subquery(lowest.values("currency")[:1]),
                left=Subquery(left.values("left")[:1]),
            )
        )

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "primary_category":
            options["queryset"] = _named_categories()
        return super().formfield_for_foreignkey(db_field, request, **options)

    # saving

    def save_model(self, request: HttpRequest, obj: Master, form: Any, change: bool) -> None:
        """Raise the revision that the editor saw; nothing is kept if somebody was faster."""
        if change:
            seen = Master.objects.filter(pk=obj.pk, revision=form.cleaned_data["revision"])
            if not seen.update(revision=F("revision") + 1):
                raise EditedMeanwhile(str(EDITED_MEANWHILE))
            obj.revision = form.cleaned_data["revision"] + 1
        if obj.status == Master.Status.ACTIVE and obj.published_at is None:
            obj.published_at = timezone.now()
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is Variant:
            for row in formset.forms:
                if row.instance.pk and row.has_changed() and not row.cleaned_data.get("DELETE"):
                    row.keep(by=str(request.user))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        index.refresh([form.instance.pk], now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Master) -> None:
        """The row stays for the orders that name it."""
        self.delete_queryset(request, Master.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Master]) -> None:
        ids, now = list(queryset.values_list("pk", flat=True)), timezone.now()
        Master.objects.filter(pk__in=ids, deleted_at=None).update(deleted_at=now)
        index.refresh(ids, now=now)

    @admin.action(description=gettext_lazy("Restore"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Master]) -> None:
        """Bring deleted products back, unless another one has taken the address."""
        for master in Master.objects.filter(pk__in=queryset.values_list("pk", flat=True)):
            taken = Master.objects.filter(slug=master.slug, deleted_at=None).exists()
            if taken:
                messages.error(
                    request,
                    _("%(slug)s: another product has this address now.") % {"slug": master.slug},
                )
            else:
                Master.objects.filter(pk=master.pk).update(deleted_at=None)
                index.refresh([master.pk], now=timezone.now())

    # the list

    @display(description="")
    def thumb(self, master: Master) -> SafeString | str:
        pictures = sorted(master.media.all(), key=lambda media: media.position)
        if not pictures:
            return "-"
        return format_html(
            '<img src="{}" alt="" width="40" height="50" style="background:#2b3c63">',
            pictures[0].address,
        )

    @display(description=gettext_lazy("name"))
    def name(self, master: Master) -> str:
        return str(master)

    @display(description=gettext_lazy("category"))
    def category(self, master: Master) -> str:
        return str(master.primary_category)

    @display(description=gettext_lazy("price from"), ordering="lowest")
    def lowest_price(self, master: Any) -> str:
        if master.lowest is None:
            return "-"
        return money({"amount": master.lowest, "currency": master.currency})

    @display(description=gettext_lazy("free"), ordering="left")
    def free(self, master: Any) -> str:
        return "-" if master.left is None else str(master.left)
