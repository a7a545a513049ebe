"""Products and categories for staff."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import BaseModelAdmin
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from parler.admin import TranslatableAdmin
from parler.utils.views import get_language_parameter
from unfold.admin import StackedInline, TabularInline
from unfold.decorators import action, display

from catalog import (
    categories,
    counts,
    history,
    masters,
    moderation,
    price_plans,
    prices,
    purchases,
    shelves,
    shop,
)
from catalog.drafts import BadProduct
from catalog.forms import (
    MOMENTS,
    CategoryForm,
    CodedForm,
    MasterForm,
    MediaForm,
    ModifierForm,
    ModifierFormSet,
    UsedStays,
    VariantForm,
    VariantFormSet,
)

# the wizard's pages are registered there
from catalog.imports.admin import ImportAdmin as ImportAdmin
from catalog.imports.admin import export_selected
from catalog.lines_field import LISTS, LinesField
from catalog.looking import AsWritten
from catalog.models import (
    Category,
    Master,
    Media,
    Modifier,
    ModifierGroup,
    OptionValue,
    ProductOption,
    Question,
    Review,
    StockItem,
    Variant,
)
from catalog.search import index
from catalog.shop_admin import ShopSettingsAdmin as ShopSettingsAdmin
from catalog.templatetags.money import money
from museo.access.callers import caller_from_request
from museo.access.lists import ModelAdmin
from museo.access.problems import Problem
from museo.directions import isolated
from notifications.log_admin import LogAdmin


class TypedJSON(BaseModelAdmin):
    """JSON columns that are typed as lines."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name in LISTS:
            options |= {"form_class": LinesField, "column": db_field.name}
        return super().formfield_for_dbfield(db_field, request, **options)


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

    # for those who may only look; who may change them has fields

    @display(description=gettext_lazy("price"))
    def price(self, variant: Variant) -> str:
        return shelves.shown(getattr(self._price(variant), "amount", None))

    @display(description=gettext_lazy("price before"))
    def list_price(self, variant: Variant) -> str:
        return shelves.shown(getattr(self._price(variant), "list_amount", None))

    @display(description=gettext_lazy("in stock"))
    def on_hand(self, variant: Variant) -> int:
        shelf = variant.stock_items.filter(location="main").first()
        return shelf.on_hand if shelf else 0

    def _price(self, variant: Variant) -> Any:
        held = prices.current([variant.pk], currency=shop.currency(), now=timezone.now())
        return held.get(variant.pk)


class OptionInline(TypedJSON, TabularInline):
    """What the variants differ in; the values are on the option's own page."""

    model = ProductOption
    form = CodedForm
    formset = UsedStays
    fields = ["name", "names", "code", "position", "values"]
    readonly_fields = ["values"]
    extra = 0

    @display(description=gettext_lazy("Values"))
    def values(self, option: ProductOption) -> SafeString | str:
        return _further(option, [value.label for value in option.values.order_by("position", "pk")])


class OptionValueInline(TypedJSON, TabularInline):
    model = OptionValue
    form = CodedForm
    formset = UsedStays
    fields = ["label", "labels", "code", "position"]
    extra = 0
    min_num = 1


def _further(part: ProductOption | ModifierGroup, names: Sequence[str]) -> SafeString | str:
    """What hangs on a part of a product, and the way to the page that changes it."""
    if not part.pk:
        return _("Once this is saved")
    return format_html(
        '{} <a class="underline" href="{}">{}</a>',
        ", ".join(names),
        reverse(f"admin:catalog_{part._meta.model_name}_change", args=[part.pk]),
        _("Change"),
    )


class PartAdmin(TypedJSON, LogAdmin, ModelAdmin):
    """A part of a product that has rows of its own; reached from its product, and told with it."""

    # what the product's trail calls it
    part: str

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        masters.update(
            caller_from_request(request),
            form.instance.master.public_id,
            {},
            revision=None,
            now=timezone.now(),
            also=[f"{self.part}.{form.instance.code}"],
        )

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the product, whose variants and dishes can now have what was changed."""
        return redirect("admin:catalog_master_change", obj.master_id)


@admin.register(ProductOption)
class ProductOptionAdmin(PartAdmin):
    """The values of one option."""

    part = "options"
    inlines = [OptionValueInline]
    fields = ["name", "names", "code", "position"]


class ModifierGroupInline(TypedJSON, TabularInline):
    """What is chosen with a dish; the choices are on the group's own page."""

    model = ModifierGroup
    form = CodedForm
    fields = ["name", "names", "code", "minimum", "maximum", "position", "choices"]
    readonly_fields = ["choices"]
    extra = 0

    @display(description=gettext_lazy("Choices"))
    def choices(self, group: ModifierGroup) -> SafeString | str:
        return _further(group, [each.name for each in group.modifiers.order_by("position", "pk")])


class ModifierInline(TypedJSON, AsWritten, TabularInline):
    model = Modifier
    shown: ClassVar = {"price": "shown_price"}
    fields = ["name", "names", "code", "price", "is_active", "position"]
    form = ModifierForm
    formset = ModifierFormSet
    extra = 0

    @display(description=gettext_lazy("price"))
    def shown_price(self, modifier: Modifier) -> str:
        return shelves.shown(modifier.price)


@admin.register(ModifierGroup)
class ModifierGroupAdmin(PartAdmin):
    """The choices of one group."""

    part = "modifiers"
    inlines = [ModifierInline]
    fields = ["name", "names", "code", "minimum", "maximum", "position"]


class MediaInline(TypedJSON, TabularInline):
    model = Media
    form = MediaForm
    extra = 0


class SpokenAdmin(TranslatableAdmin):
    """Names of several languages: the page opens with the shop's own, in which they are needed."""

    def _language(self, request: HttpRequest, obj: Any = None) -> str:
        own = shop.current().default_language
        return str(get_language_parameter(request, self.query_language_key, default=own))


@admin.register(Category)
class CategoryAdmin(LogAdmin, SpokenAdmin, ModelAdmin):
    """Names, colours, whether it is shown, and where in the tree it hangs."""

    form = CategoryForm
    list_display = ["indented", "slug", "room", "is_active"]
    ordering = ["path"]

    fields = ["parent", "name", "description", "slug", "room", "is_active"]

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        if change:
            categories.move(obj, below=form.cleaned_data["parent"])
            # the place in the tree is not the form's to save
            moved = Category.objects.get(pk=obj.pk)
            obj.path, obj.depth, obj.numchild = moved.path, moved.depth, moved.numchild
        else:
            categories.plant(obj, below=form.cleaned_data["parent"])
        super().save_model(request, obj, form, change)
        index.refresh_category(obj, now=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("translations")

    @display(description=gettext_lazy("below"))
    def parent(self, category: Category) -> str:
        """For those who may only look; who may change it has a field."""
        return str(categories.parent_of(category) or "-")

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


class StockFilter(admin.SimpleListFilter):
    """By what can be had of all variants together; what is not counted is never low."""

    title = gettext_lazy("stock")
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("low", _("Low stock")), ("out", _("Sold out"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Master]) -> QuerySet[Master]:
        limits = {"low": Q(left__range=(1, shelves.LOW)), "out": Q(left__lte=0)}
        return queryset.filter(limits.get(self.value() or "", Q()))


class PictureFilter(admin.SimpleListFilter):
    title = gettext_lazy("picture")
    parameter_name = "picture"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", _("No picture"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Master]) -> QuerySet[Master]:
        return queryset.filter(media=None) if self.value() == "none" else queryset


@admin.register(Master)
class MasterAdmin(TypedJSON, LogAdmin, SpokenAdmin, ModelAdmin):
    """A product with its variants, prices, stock and pictures on one page."""

    form = MasterForm
    formfield_overrides = MOMENTS
    inlines = [OptionInline, VariantInline, ModifierGroupInline, MediaInline]
    list_display = ["thumb", "name", "category", "lowest_price", "free", "status", "published_at"]
    list_display_links = ["thumb", "name"]
    list_filter = [
        "status",
        "kind",
        ("primary_category", CategoryFilter),
        StockFilter,
        PictureFilter,
        LivingFilter,
    ]
    search_fields = ["translations__name", "slug", "variants__sku"]
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["restore", export_selected]
    actions_detail = ["plan_prices"]
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
        lowest = (
            prices.holding(timezone.now())
            .filter(
                variant__master=OuterRef("pk"),
                currency=shop.currency(),
                sales_channel=prices.WEB,
            )
            .order_by("amount")
        )
        left = (
            StockItem.objects.filter(
                variant__master=OuterRef("pk"),
                variant__is_active=True,
                variant__track_stock=True,
            )
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
        """Nothing yet: the product is written with its variants, by the service."""

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], change: bool
    ) -> None:
        parts = {formset.model: formset for formset in formsets}
        try:
            if change:
                self._change(request, form, parts)
            else:
                self._add(request, form, parts)
        except BadProduct as refused:
            # what the forms did not see coming is said in one message
            said = " ".join(error["detail"] for error in refused.errors)
            raise Problem(said or refused.detail) from refused
        parts[Media].save()
        _warn(request, form.instance)

    def _add(self, request: HttpRequest, form: Any, parts: Mapping[Any, Any]) -> None:
        caller, now = caller_from_request(request), timezone.now()
        fields = {
            **form.fields_of(form.cleaned_data),
            "variants": parts[Variant].fields_of(),
        }
        made = masters.create(caller, fields, now=now)
        # the form's own instance stands for the row from here on: inlines hang on it
        form.instance.pk, form.instance.public_id = made.pk, made.public_id
        form.instance._state.adding = False
        parts[ProductOption].save()
        parts[ModifierGroup].save()

    def _change(self, request: HttpRequest, form: Any, parts: Mapping[Any, Any]) -> None:
        """Stock first, for its rows are locked before those of variants are."""
        caller, now = caller_from_request(request), timezone.now()
        if counted := parts[Variant].counts():
            counts.write(caller, counted, now=now)
        parts[ProductOption].save()
        parts[ModifierGroup].save()
        fields = {
            **form.fields_of(form.cleaned_data),
            "variants": parts[Variant].fields_of(),
        }
        if not fields["variants"]:
            del fields["variants"]
        others = (
            ("options", parts[ProductOption]),
            ("modifiers", parts[ModifierGroup]),
            ("media", parts[Media]),
        )
        masters.update(
            caller,
            form.instance.public_id,
            fields,
            revision=form.cleaned_data["revision"],
            now=now,
            also=[name for name, formset in others if formset.has_changed()],
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nothing goes with a product, for its row stays."""
        names = [str(master) for master in objs]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Master) -> None:
        """The row stays for the orders that name it."""
        caller, now = caller_from_request(request), timezone.now()
        masters.delete(caller, obj.public_id, revision=None, now=now)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Master]) -> None:
        for master in queryset.order_by("pk"):
            self.delete_model(request, master)

    @admin.action(description=gettext_lazy("Restore"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Master]) -> None:
        """Bring deleted products back, unless another one has taken the address."""
        caller, now = caller_from_request(request), timezone.now()
        for key, slug in queryset.order_by("pk").values_list("public_id", "slug"):
            if Master.objects.filter(slug=slug, deleted_at=None).exists():
                messages.error(request, masters.taken_said() % {"slug": slug})
            else:
                back = masters.restore(caller, key, revision=None, now=now)
                messages.success(request, _("%(name)s is back.") % {"name": isolated(back)})
                _warn(request, back)

    @action(description=price_plans.TITLE, permissions=["change"])
    def plan_prices(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What it costs from a time on, or for one."""
        master = self.get_object(request, object_id)
        if master is None:
            raise Http404
        return price_plans.view(self, request, master)

    # who did what

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return history.view(self, request, object_id)

    def construct_change_message(self, *arguments: Any, **options: Any) -> list[Any]:
        """The service leaves the trail, and knows better what has changed."""
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service leaves the trail."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """The service leaves the trail."""

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


def _warn(request: HttpRequest, master: Master) -> None:
    for said in purchases.warnings(master, purchases.not_carried()):
        messages.warning(request, said)


admin.site.register(Variant, shelves.ShelfAdmin)
admin.site.register(Review, moderation.ReviewAdmin)
admin.site.register(Question, moderation.QuestionAdmin)
