"""The fields of a product as tools take them; which values are good, `catalog.drafts` says."""

from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, AwareDatetime, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from catalog.models import Master
from catalog.staff_api import LARGEST
from mcp_bridge.arguments import Fields

Number = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
# what every database can keep, whatever the time zone
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC)),
]


def _fact(value: Any) -> Any:
    is_kept = isinstance(value, str) or (
        isinstance(value, int | float) and isfinite(value) and abs(value) <= LARGEST
    )
    if not is_kept:
        raise PydanticCustomError("invalid", "Input should be a text, a number, true or false")
    return value


Fact = Annotated[
    Any, AfterValidator(_fact), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
ByLanguage = Annotated[dict[str, str], Field(description='By language: {"de": "…"}.')]


def _one_of(values: list[str]) -> Any:
    """Which they are is said; that it is one of them, is the service's rule."""
    return Field(json_schema_extra={"enum": [*values]})


class Money(Fields):
    """`amount` in minor units: 8400 is 84.00."""

    amount: Number
    currency: str


class Price(Fields):
    price: Money
    list_price: Annotated[Money | None, Field(description="What it cost before.")] = None
    sales_channel: str = "web"
    valid_from: Moment | None = None
    valid_to: Moment | None = None


class OptionValue(Fields):
    code: str
    label: str = ""
    labels: ByLanguage = {}


class Option(Fields):
    """What variants differ in, such as colour."""

    code: str
    name: str = ""
    names: ByLanguage = {}
    values: list[OptionValue] = []


class Variant(Fields):
    """What is sold. An `id` or a known `sku` is of one that is there, any other SKU makes one."""

    id: str = ""
    sku: str = ""
    gtin: str = ""
    is_active: bool = True
    track_stock: bool = True
    max_per_order: Number | None = None
    prep_seconds: Number | None = None
    options: Annotated[dict[str, str], Field(description='{"colour": "red"}')] = {}
    on_hand: Annotated[Number, Field(description="Of a new variant: how many there are.")] = 0
    remove: bool = False
    prices: list[Price] = []


class Texts(Fields):
    name: str = ""
    subtitle: str = ""
    description: str = ""


class ProductFields(Fields):
    """What is left out stays as it is."""

    kind: Annotated[str, _one_of(Master.Kind.values)] = Master.Kind.PHYSICAL
    slug: str = ""
    status: Annotated[str, _one_of(Master.Status.values)] = Master.Status.DRAFT
    tax_class: Annotated[str, _one_of(["", *Master.TaxClass.values])] = ""
    brand: str = ""
    category: Annotated[str, Field(description="The slug of a category.")] = ""
    tags: list[str] = []
    attributes: Annotated[dict[str, Fact], Field(description='{"Height": "32 cm"}')] = {}
    facts: Annotated[
        dict[str, dict[str, Fact]], Field(description="The attributes in other languages.")
    ] = {}
    published_at: Moment | None = None
    default_sku: str = ""
    translations: Annotated[
        dict[str, Texts], Field(description='Texts by language: {"en": {"name": "Blue bowl"}}.')
    ] = {}
    options: list[Option] = []
    variants: list[Variant] = []


class NewProduct(ProductFields):
    category: Annotated[str, Field(description="The slug of a category.")]
    translations: Annotated[
        dict[str, Texts], Field(description='Texts by language: {"en": {"name": "Blue bowl"}}.')
    ]
    variants: list[Variant]


class ChangedProduct(ProductFields):
    product: Annotated[str, Field(max_length=40, description="Its id, as list_products says it.")]
    revision: Annotated[
        int | None,
        Field(ge=1, le=2**31 - 1, description="The revision that you have seen; any without it."),
    ] = None


def plain(shown: Any) -> Any:
    """The same with moments as texts, as JSON has them."""
    return orjson.loads(orjson.dumps(shown, option=orjson.OPT_UTC_Z))
