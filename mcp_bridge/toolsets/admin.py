"""What staff do: products and orders, by the rules of REST and the admin."""

from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import Field
from rest_framework.serializers import Serializer

from catalog import masters, sheets
from catalog.imports import api as imports
from catalog.imports import services as importing
from catalog.models import Master
from mcp_bridge import confirmations, files, shapes, texts
from mcp_bridge.calls import Call
from mcp_bridge.confirmations import Agreement
from mcp_bridge.parameters import Confirm, Limit, OrderId, PageCursor
from mcp_bridge.products import ChangedProduct, NewProduct, plain
from mcp_bridge.quotations import SHEET_TEXTS
from mcp_bridge.registry import ADDS, CHANGES, ENDS, READS, Answer, Question, tool
from museo.directions import isolated
from orders import lifecycle, lists, order_api, services, tracking
from orders.models import Order

ProductId = Annotated[str, Field(max_length=40, description="Its id, as list_products says it.")]
Revision = Annotated[
    int | None,
    Field(ge=1, le=2**31 - 1, description="The revision that you have seen; any without it."),
]


@tool(
    title="Create a product",
    scope="products:write",
    result=shapes.Sheet,
    annotations=ADDS,
    is_for_staff=True,
    quotes=SHEET_TEXTS,
    fields=NewProduct,
)
def create_product(call: Call, **fields: Any) -> Answer:
    """Put a product with its texts, variants, prices and stock into the catalogue.

    It is a draft until its status is `active`. Prices are in minor units.
    """
    return _sheet(masters.create(call.caller, fields, now=call.now), _("✅ %(name)s is made."))


@tool(
    title="Change a product",
    scope="products:write",
    result=shapes.Sheet,
    annotations=CHANGES,
    is_for_staff=True,
    quotes=SHEET_TEXTS,
    fields=ChangedProduct,
)
def update_product(call: Call, product: str, **fields: Any) -> Answer:
    """Change what you name of a product and nothing else; a variant is found by its id or SKU."""
    revision = fields.pop("revision", None)
    changed = masters.update(call.caller, product, fields, revision=revision, now=call.now)
    return _sheet(changed, _("✅ %(name)s is changed."))


@tool(
    title="Delete a product",
    scope="products:write",
    result=shapes.DeletedProduct,
    annotations=ENDS,
    is_for_staff=True,
    quotes=SHEET_TEXTS,
)
def delete_product(
    call: Call, product: ProductId, revision: Revision = None, confirm: Confirm = ""
) -> Answer | Question:
    """Take a product out of the shop, once a person has agreed; the admin can restore it.

    Call it without confirm. Your client asks the person if it can. If not, nothing is deleted yet:
    show what it answers to the person, and if they agree, call again with the same arguments and
    that confirm.
    """
    masters.require(call.caller, "delete")
    found = masters.find(product)
    if found.deleted_at is None:
        offered = Agreement(
            tool="delete_product",
            caller=call.caller.identity,
            about=found.public_id,
            version=revision or found.revision,
        )
        if not confirm:
            about = {name: sheets.whole(found)[name] for name in ("id", "revision", "slug")}
            asked = texts.please_confirm_deletion(texts.name_of(found))
            return Question(offered, asked, _("Take it out of the shop"), about)
        confirmations.require(confirm, offered, now=call.now)
        found = masters.delete(call.caller, product, revision=offered.version, now=call.now)
    return _sheet(found, _("🗑️ %(name)s is out of the shop."))


@tool(
    title="Create products from a file",
    scope="products:write",
    result=shapes.Import,
    annotations=ADDS,
    is_for_staff=True,
    quotes=("columns", "failure"),
)
def create_from_file(
    call: Call,
    file: Annotated[
        str,
        Field(
            max_length=files.LONGEST,
            description="CSV, XLSX or JSON as base64; larger files: POST /api/v1/admin/imports.",
        ),
    ] = "",
    file_name: Annotated[str, Field(max_length=200)] = "",
    import_id: Annotated[
        str, Field(max_length=40, description="Instead of a file: one that was uploaded before.")
    ] = "",
    mapping: Annotated[
        dict[str, str] | None,
        Field(
            description='The fields of columns where they are guessed wrongly: {"Preis": "price"}.'
        ),
    ] = None,
    dry_run: Annotated[bool, Field(description="Only say what would be done.")] = False,
) -> Answer:
    """Make or change many products by a file, or say what that would do.

    It works on in the background: its `topic` tells of its progress. After a dry run call again
    with its import_id and without dry_run.
    """
    if import_id:
        found = files.go_on(call.caller, import_id, mapping=mapping, dry_run=dry_run, now=call.now)
    else:
        found = importing.start(
            call.caller,
            [files.decoded(file)],
            file_name=file_name,
            mapping=mapping,
            dry_run=dry_run,
            now=call.now,
        )
    return Answer(plain(imports.shown(found)), texts.importing(found))


@tool(
    title="List products",
    scope="products:write",
    result=shapes.Sheets,
    annotations=READS,
    is_for_staff=True,
    quotes=("results",),
)
def list_products(
    call: Call,
    status: Literal["", "draft", "active", "archived"] = "",
    deleted: Annotated[bool, Field(description="Those that were deleted, instead.")] = False,
    sku: Annotated[str, Field(max_length=64)] = "",
    limit: Limit = 20,
    cursor: PageCursor = "",
) -> dict[str, Any]:
    """All products as staff see them, newest first: drafts too, with revision, prices and stock."""
    page = sheets.listing(
        call.caller, status=status, is_deleted=deleted, sku=sku, limit=limit, cursor=cursor
    )
    return {"results": plain(page.results), "next": page.next_cursor or None}


@tool(
    title="List orders",
    scope="orders:write",
    result=shapes.OrderPage,
    annotations=READS,
    is_for_staff=True,
)
def list_orders(
    call: Call,
    status: Annotated[str, Field(json_schema_extra={"enum": ["", *lifecycle.STATUSES]})] = "",
    payment_status: Annotated[
        str, Field(json_schema_extra={"enum": ["", *Order.PaymentStatus.values]})
    ] = "",
    late: bool | None = None,
    held: bool | None = None,
    placed_after: Annotated[str, Field(max_length=40, description="2026-11-20T00:00:00Z.")] = "",
    placed_before: Annotated[str, Field(max_length=40)] = "",
    limit: Limit = 20,
    cursor: PageCursor = "",
) -> dict[str, Any]:
    """The orders of the shop, newest first: all, or those that are late, held, unpaid …"""
    given = {
        "status": status,
        "payment_status": payment_status,
        "late": late,
        "held": held,
        "placed_after": placed_after,
        "placed_before": placed_before,
    }
    wanted = {name: value for name, value in given.items() if value not in ("", None)}
    filters: Serializer[Any] = order_api.Filters(data=wanted)
    filters.is_valid(raise_exception=True)
    orders, further = lists.page(call.caller, filters.validated_data, limit=limit, cursor=cursor)
    return {"results": [tracking.brief(order) for order in orders], "next": further or None}


@tool(
    title="Advance an order",
    scope="orders:write",
    result=shapes.Track,
    annotations=CHANGES,
    is_for_staff=True,
)
def advance_order(
    call: Call,
    order_id: OrderId,
    to: Annotated[str, Field(max_length=20, description="Its next status, such as preparing.")],
) -> Answer:
    """Move an order to its next status; everybody who follows it is told."""
    order = services.advance(call.caller, order_id, to=to, now=call.now)
    stand = tracking.track(order, locale=call.locale, now=call.now)
    return Answer(stand, texts.advanced(stand))


def _sheet(master: Master, said: str) -> Answer:
    sheet = sheets.whole(master)
    lines = [
        said % {"name": isolated(texts.name_of(master))},
        *(f"⚠️ {each}" for each in sheet["warnings"]),
    ]
    return Answer(plain(sheet), "\n".join(lines))
