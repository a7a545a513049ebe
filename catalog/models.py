"""What is sold: categories, masters (products), variants, prices, stock and pictures.

And what shoppers say of it: reviews and questions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _
from parler.managers import TranslatableManager, TranslatableQuerySet
from parler.models import TranslatableModel, TranslatedFields
from treebeard.mp_tree import MP_Node, MP_NodeManager, MP_NodeQuerySet

# modules of their own, whose tables are this app's
from catalog.editions import CatalogWrite as CatalogWrite
from catalog.editions import EditionNumber as EditionNumber
from catalog.imports.models import Import as Import
from catalog.imports.models import ImportRow as ImportRow
from catalog.search.models import SearchEntry as SearchEntry
from catalog.search.models import SearchName as SearchName
from catalog.search.models import SearchWord as SearchWord
from catalog.shop import OpeningHours as OpeningHours
from catalog.shop import ShopSettings as ShopSettings
from museo.access.tokens import public_id

# a price without a beginning
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


def master_id() -> str:
    return public_id("prd")


def variant_id() -> str:
    return public_id("var")


def review_id() -> str:
    return public_id("rev")


def question_id() -> str:
    return public_id("qst")


class CategoryQuerySet(TranslatableQuerySet, MP_NodeQuerySet):  # type: ignore[misc]
    def active(self) -> Self:
        return self.filter(is_active=True)  # type: ignore[no-any-return]


class CategoryManager(MP_NodeManager.from_queryset(CategoryQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> CategoryQuerySet:
        nodes: CategoryQuerySet = CategoryQuerySet(self.model, using=self._db).order_by("path")
        return nodes


class Category(MP_Node, TranslatableModel):  # type: ignore[misc]
    """A place in the tree of the shop; `room` is the colour of its walls."""

    class Room(models.TextChoices):
        CLAY = "clay", _("Clay")
        PRINT = "print", _("Print")
        LIGHT = "light", _("Light")
        CAFE = "cafe", _("Café")
        CLOTH = "cloth", _("Cloth")

    slug = models.SlugField(_("slug"), unique=True)
    room = models.CharField(_("room"), max_length=10, choices=Room, default=Room.CLAY)
    is_active = models.BooleanField(_("active"), default=True)
    translations = TranslatedFields(
        name=models.CharField(_("name"), max_length=120),
        description=models.TextField(_("description"), blank=True),
        meta={"unique_together": [("language_code", "master")]},
    )

    objects = CategoryManager()

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return str(self.safe_translation_getter("name", self.slug, any_language=True))


# thousandths of the mean rating; 0 without one
STARS = Case(
    When(
        rating_count__gt=0,
        then=Cast("rating_sum", models.BigIntegerField()) * 1000 / F("rating_count"),
    ),
    default=0,
    output_field=models.BigIntegerField(),
)


class MasterQuerySet(TranslatableQuerySet):  # type: ignore[misc]
    def on_sale(self) -> Self:
        """What shoppers see."""
        return self.filter(status=Master.Status.ACTIVE, deleted_at=None)  # type: ignore[no-any-return]

    def below(self, category: Category) -> Self:
        """In the category or anywhere under it."""
        return self.filter(primary_category__path__startswith=category.path)  # type: ignore[no-any-return]


class Master(TranslatableModel):  # type: ignore[misc]
    """A product; what can be bought are its variants, of which it has at least one."""

    class Kind(models.TextChoices):
        PHYSICAL = "physical", _("Physical")
        FOOD = "food", _("Food")
        DIGITAL = "digital", _("Digital")
        TICKET = "ticket", _("Ticket")

    class TaxClass(models.TextChoices):
        """What the tax rates of countries are told apart by."""

        STANDARD = "standard", _("Standard")
        FOOD = "food", _("Food")
        BOOKS = "books", _("Books")
        ADMISSION = "admission", _("Admission")
        EXEMPT = "exempt", _("Exempt")

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ACTIVE = "active", _("Active")
        ARCHIVED = "archived", _("Archived")

    public_id = models.CharField(max_length=30, unique=True, default=master_id, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.PHYSICAL)
    # empty: what is usual for its kind
    tax_class = models.CharField(_("tax class"), max_length=20, choices=TaxClass, blank=True)
    # db_index=False: of living ones a constraint's index knows it
    slug = models.SlugField(_("slug"), max_length=120, db_index=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    # soft delete: the row stays for the orders that name it
    deleted_at = models.DateTimeField(null=True, blank=True)
    brand = models.CharField(_("brand"), max_length=80, blank=True)
    primary_category = models.ForeignKey(
        Category, on_delete=models.PROTECT, related_name="masters", verbose_name=_("category")
    )
    default_variant = models.ForeignKey(
        "Variant", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    tags = models.JSONField(_("tags"), default=list, blank=True)
    # facts for the wall label: {"Material": "Stoneware"}
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    # by language: {"de": {"Material": "Steinzeug"}}; `attributes` are for all others
    facts = models.JSONField(_("attributes by language"), default=dict, blank=True)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    # raised by every edit; ETag and If-Match
    revision = models.PositiveIntegerField(default=1)
    # the stars of published reviews, and how many these are
    rating_sum = models.PositiveIntegerField(default=0, editable=False)
    rating_count = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    translations = TranslatedFields(
        name=models.CharField(_("name"), max_length=160),
        subtitle=models.CharField(_("subtitle"), max_length=200, blank=True),
        description=models.TextField(_("description"), blank=True),
    )

    objects = TranslatableManager.from_queryset(MasterQuerySet)()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.UniqueConstraint(
                fields=["slug"], condition=Q(deleted_at=None), name="one_living_master_per_slug"
            ),
            models.CheckConstraint(
                condition=Q(rating_sum__gte=F("rating_count"))
                & Q(rating_sum__lte=F("rating_count") * 5),
                name="rating_between_one_and_five",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-published_at", "-id"], name="master_newest"),
            models.Index(
                STARS.desc(),
                F("rating_count").desc(),
                F("id").desc(),
                condition=Q(deleted_at=None),
                name="master_best_rated",
            ),
            models.Index(
                F("primary_category"),
                STARS.desc(),
                F("rating_count").desc(),
                F("id").desc(),
                condition=Q(deleted_at=None),
                name="master_best_in_category",
            ),
        ]

    def __str__(self) -> str:
        return str(self.safe_translation_getter("name", self.slug, any_language=True))

    def is_on_sale(self) -> bool:
        """The same as the query's, of this row."""
        return self.status == self.Status.ACTIVE and self.deleted_at is None


def tax_class_of(kind: str, own: str) -> str:
    """A master's tax class by its kind, if it has none of its own."""
    classes = Master.TaxClass
    usual = {Master.Kind.FOOD: classes.FOOD, Master.Kind.TICKET: classes.ADMISSION}
    return str(own or usual.get(Master.Kind(kind), classes.STANDARD))


class ProductOption(models.Model):
    """What the variants of a master differ in: colour, storage."""

    # db_index=False: a constraint's index begins with it
    master = models.ForeignKey(
        Master, on_delete=models.CASCADE, related_name="options", db_index=False
    )
    code = models.SlugField(_("code"), max_length=40, db_index=False)
    name = models.CharField(_("name"), max_length=60)
    # by language: {"de": "Farbe"}; `name` is for all others
    names = models.JSONField(_("names by language"), default=dict, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("product option")
        verbose_name_plural = _("product options")
        constraints = [
            models.UniqueConstraint(fields=["master", "code"], name="one_option_per_master_code")
        ]

    def __str__(self) -> str:
        return self.name

    def is_used(self) -> bool:
        return Variant.objects.filter(option_values__option=self).exists()


class OptionValue(models.Model):
    option = models.ForeignKey(
        ProductOption, on_delete=models.CASCADE, related_name="values", db_index=False
    )
    code = models.SlugField(_("code"), max_length=40, db_index=False)
    label = models.CharField(_("label"), max_length=60)
    labels = models.JSONField(_("labels by language"), default=dict, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("option value")
        verbose_name_plural = _("option values")
        constraints = [
            models.UniqueConstraint(fields=["option", "code"], name="one_value_per_option_code")
        ]

    def __str__(self) -> str:
        return self.label

    def is_used(self) -> bool:
        return self.variants.exists()


class Variant(models.Model):
    """What is sold; it has the SKU, the price and the stock."""

    public_id = models.CharField(max_length=30, unique=True, default=variant_id, editable=False)
    master = models.ForeignKey(
        Master, on_delete=models.CASCADE, related_name="variants", db_index=False
    )
    sku = models.CharField(_("SKU"), max_length=64, unique=True)
    gtin = models.CharField(_("GTIN"), max_length=14, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("active"), default=True)
    track_stock = models.BooleanField(_("stock is counted"), default=True)
    max_per_order = models.PositiveIntegerField(_("at most in an order"), null=True, blank=True)
    # how long the kitchen takes
    prep_seconds = models.PositiveIntegerField(_("seconds of preparation"), null=True, blank=True)
    option_values = models.ManyToManyField(
        OptionValue, blank=True, related_name="variants", verbose_name=_("option values")
    )
    # its option values' ids, sorted: no two variants of a master may be alike
    option_key = models.CharField(max_length=120, blank=True, editable=False)

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        constraints = [
            models.UniqueConstraint(fields=["master", "option_key"], name="one_variant_per_options")
        ]

    def __str__(self) -> str:
        return self.sku


class ModifierGroup(models.Model):
    """What may be chosen with a dish: the size of a coffee, what comes on top."""

    master = models.ForeignKey(
        Master, on_delete=models.CASCADE, related_name="modifier_groups", db_index=False
    )
    code = models.SlugField(_("code"), max_length=40, db_index=False)
    name = models.CharField(_("name"), max_length=60)
    names = models.JSONField(_("names by language"), default=dict, blank=True)
    # how many of its modifiers one must and may choose
    minimum = models.PositiveSmallIntegerField(_("at least"), default=0)
    maximum = models.PositiveSmallIntegerField(_("at most"), default=1)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("modifier group")
        verbose_name_plural = _("modifier groups")
        constraints = [
            models.UniqueConstraint(
                fields=["master", "code"], name="one_modifier_group_per_master_code"
            ),
            models.CheckConstraint(
                condition=Q(minimum__lte=F("maximum")),
                name="modifier_minimum_not_above_maximum",
                violation_error_message=_("More must be chosen than may be. Raise the maximum."),
            ),
            models.CheckConstraint(
                condition=Q(maximum__gte=1),
                name="modifier_group_lets_choose",
                violation_error_message=_("Let people choose at least one."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Modifier(models.Model):
    """One of a group's choices; baskets and orders name it by its code."""

    # its group's, so that a code stands for one modifier of a product
    master = models.ForeignKey(
        Master, on_delete=models.CASCADE, related_name="modifiers", db_index=False, editable=False
    )
    group = models.ForeignKey(ModifierGroup, on_delete=models.CASCADE, related_name="modifiers")
    code = models.SlugField(_("code"), max_length=40, db_index=False)
    name = models.CharField(_("name"), max_length=60)
    names = models.JSONField(_("names by language"), default=dict, blank=True)
    # on top of the variant's price, in the shop's currency
    price = models.BigIntegerField(_("price in minor units"), default=0)
    is_active = models.BooleanField(_("can be chosen"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("modifier")
        verbose_name_plural = _("modifiers")
        constraints = [
            models.UniqueConstraint(fields=["master", "code"], name="one_modifier_per_master_code"),
            models.CheckConstraint(condition=Q(price__gte=0), name="modifier_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """What a variant costs in a currency, in minor units."""

    variant = models.ForeignKey(
        Variant, on_delete=models.CASCADE, related_name="prices", db_index=False
    )
    currency = models.CharField(max_length=3, default="EUR")
    sales_channel = models.CharField(max_length=20, default="web")
    amount = models.BigIntegerField(_("price in minor units"))
    # what it cost before, to be shown struck through
    list_amount = models.BigIntegerField(_("list price in minor units"), null=True, blank=True)
    valid_from = models.DateTimeField(default=ALWAYS)
    valid_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["variant", "currency", "sales_channel", "valid_from"],
                name="one_price_per_variant_and_time",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_not_negative"),
            models.CheckConstraint(
                condition=Q(list_amount=None) | Q(list_amount__gte=F("amount")),
                name="list_price_not_below_price",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="price_ends_after_its_start",
            ),
        ]
        # when the next one begins or ends
        indexes = [
            models.Index(fields=["valid_from"], name="price_begins"),
            models.Index(
                fields=["valid_to"], condition=Q(valid_to__isnull=False), name="price_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class StockItem(models.Model):
    """How many of a variant lie at a location, and how many of those are promised."""

    variant = models.ForeignKey(
        Variant, on_delete=models.CASCADE, related_name="stock_items", db_index=False
    )
    location = models.CharField(max_length=20, default="main")
    # below zero by what was sold on backorder
    on_hand = models.IntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)
    backorder_limit = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["variant", "location"], name="one_stock_item_per_variant_and_location"
            ),
            models.CheckConstraint(
                condition=Q(on_hand__gte=0 - F("backorder_limit")), name="stock_not_negative"
            ),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_not_negative"),
            models.CheckConstraint(
                condition=Q(reserved__lte=F("on_hand") + F("backorder_limit")),
                name="reserved_not_above_stock",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant_id} at {self.location}"


class StockReservation(models.Model):
    """Units promised to a checkout until a deadline; they count as `reserved` while held."""

    class State(models.TextChoices):
        HELD = "held"
        COMMITTED = "committed"
        RELEASED = "released"

    stock_item = models.ForeignKey(StockItem, on_delete=models.CASCADE, related_name="reservations")
    # the public id of the checkout
    holder = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.HELD)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stock_item", "holder"],
                condition=Q(state="held"),
                name="one_held_reservation_per_holder",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="reservation_of_something"),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="held"), name="reservation_deadline"
            ),
            models.Index(fields=["holder"], name="reservation_holder"),
        ]


class StockMovement(models.Model):
    """Why the stock is what it is: a stock item's movements add up to its `on_hand`.

    A trigger lets nobody change one; that none is missing is what the audit looks at.
    """

    class Kind(models.TextChoices):
        RECEIVE = "receive"
        SALE = "sale"
        RETURN = "return"
        ADJUST = "adjust"

    stock_item = models.ForeignKey(StockItem, on_delete=models.CASCADE, related_name="movements")
    delta = models.IntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    # an order's number, or who adjusted
    reference = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(delta=0), name="stock_movement_moves_something")
        ]


class Media(models.Model):
    """A picture of a master: a file of ours, or one that lies elsewhere."""

    master = models.ForeignKey(
        Master, on_delete=models.CASCADE, related_name="media", db_index=False
    )
    file = models.FileField(_("file"), upload_to="catalog/", blank=True)
    url = models.CharField(
        _("address elsewhere"), max_length=500, blank=True, validators=[URLValidator(["https"])]
    )
    alt = models.CharField(_("alternative text"), max_length=200, blank=True)
    alts = models.JSONField(_("texts by language"), default=dict, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        constraints = [
            models.UniqueConstraint(
                fields=["master", "position"], name="one_picture_per_master_and_position"
            ),
            models.CheckConstraint(
                condition=Q(file="", url__gt="") | Q(file__gt="", url=""),
                name="picture_is_here_or_elsewhere",
                violation_error_message=_("Choose a file, or write an address; not both."),
            ),
        ]

    def __str__(self) -> str:
        return self.url or str(self.file)

    @property
    def address(self) -> str:
        return self.url or self.file.url


class Review(models.Model):
    """What a customer says of a product, once; shown when staff have published it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        PUBLISHED = "published", _("Published")
        REFUSED = "refused", _("Refused")

    public_id = models.CharField(max_length=30, unique=True, default=review_id, editable=False)
    master = models.ForeignKey(Master, on_delete=models.CASCADE, related_name="reviews")
    # None once the account is gone
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="reviews",
        verbose_name=_("Customer"),
    )
    # how the customer wants to be called; empty is "a customer"
    signed = models.CharField(_("signed"), max_length=60, blank=True)
    rating = models.PositiveSmallIntegerField(_("rating"))
    text = models.TextField(_("text"), blank=True)
    locale = models.CharField(_("language"), max_length=10)
    # an order of theirs had the product
    is_verified = models.BooleanField(_("bought here"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        constraints = [
            models.UniqueConstraint(
                fields=["master", "customer"], name="one_review_per_customer_and_master"
            ),
            models.CheckConstraint(
                condition=Q(rating__gte=1) & Q(rating__lte=5), name="review_of_one_to_five_stars"
            ),
        ]
        indexes = [models.Index(fields=["master", "state", "-id"], name="review_of_master")]

    def __str__(self) -> str:
        return self.public_id


class Question(models.Model):
    """What a shopper asks about a product; shown with its answer when staff have published it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        PUBLISHED = "published", _("Published")
        REFUSED = "refused", _("Refused")

    public_id = models.CharField(max_length=30, unique=True, default=question_id, editable=False)
    master = models.ForeignKey(Master, on_delete=models.CASCADE, related_name="questions")
    # None: a guest asked, or the account is gone
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("Customer"),
    )
    question = models.TextField(_("question"))
    answer = models.TextField(_("answer"), blank=True)
    locale = models.CharField(_("language"), max_length=10)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField(_("asked"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="published") | ~Q(answer=""),
                name="published_question_answered",
                violation_error_message=_(
                    "Write an answer first: a question is shown together with it."
                ),
            )
        ]
        indexes = [models.Index(fields=["master", "state", "-id"], name="question_of_master")]

    def __str__(self) -> str:
        return self.public_id
