"""What the OpenAPI document says of the catalogue's calls."""

from catalog.api import QuestionBody, ReviewBody
from catalog.imports.api import Check, Upload
from catalog.imports.columns import LABELS
from catalog.imports.exports import CONTENT_TYPES
from catalog.imports.models import Import, ImportRow
from catalog.models import Category, Master, Review
from catalog.products import SORTS
from catalog.staff_api import CountsBody, MasterBody
from museo.access.operations import (
    IF_MATCH,
    IF_NONE_MATCH,
    KEY_IF_WANTED,
    PAGED,
    Operation,
    Operations,
    Parameter,
    does,
    reads,
)
from museo.access.shapes import (
    MONEY,
    address,
    anything,
    choice,
    each,
    listed,
    many,
    maybe,
    moment,
    more,
    nothing,
    number,
    of,
    optional,
    page,
    text,
    whole,
    yes,
)

MASTERS = "admin/products/masters"
TAG = {"ETag": "Of what was read; sent back in If-Match or If-None-Match."}

RATING = of("Rating", average=maybe(number(4.5)), count=whole(12))
PICTURE = of("Picture", url=text("/media/lamp.webp"), alt=text("A lamp with a green shade"))
CARD = of(
    "ProductCard",
    id=text("prd_7K4Q2M9XCB3D5F6G"),
    slug=text("sunrise-lamp"),
    name=text("Sunrise lamp"),
    subtitle=text("Brass and green glass"),
    price=MONEY,
    list_price=nothing(MONEY),
    in_stock=yes(),
    # of what its price is for; null where units are not counted
    available=maybe(whole(7)),
    image=text("/media/lamp.webp"),
    category=text("lamps"),
    room=choice(Category.Room.values, "light"),
    default_sku=text("SUNRISE-LAMP"),
)
VARIANT = of(
    "Variant",
    id=text("var_7K4Q2M9XCB3D5F6G"),
    sku=text("SUNRISE-LAMP"),
    options=each(text("Green"), "colour"),
    price=MONEY,
    list_price=nothing(MONEY),
    available=maybe(whole(7)),
    in_stock=yes(),
    max_per_order=nothing(whole(5)),
)
REVIEW = of(
    "Review",
    id=text("rev_7K4Q2M9XCB3D5F6G"),
    rating=whole(5, minimum=1, maximum=5),
    text=text("It shines."),
    signed=text("Maya"),
    is_verified=yes(),
    locale=text("en"),
    at=moment(),
)
QUESTION = of(
    "Question",
    id=text("qst_7K4Q2M9XCB3D5F6G"),
    question=text("Is the shade glass?"),
    answer=text("Yes, it is."),
    locale=text("en"),
    asked_at=moment(),
    answered_at=maybe(moment()),
)
PRODUCT = more(
    CARD,
    "Product",
    description=text("A lamp for a desk."),
    kind=choice(Master.Kind.values),
    brand=text("Museo"),
    attributes=each(anything("brass"), "material"),
    variants=many(VARIANT),
    options=many(
        of(
            "ProductOption",
            code=text("colour"),
            name=text("Colour"),
            values=many(of(code=text("green"), label=text("Green"))),
        )
    ),
    modifiers=many(
        of(
            "ModifierGroup",
            code=text("milk"),
            name=text("Milk"),
            minimum=whole(0, minimum=0),
            maximum=whole(1, minimum=1),
            choices=many(of("Modifier", code=text("oat"), name=text("Oat milk"), price=MONEY)),
        )
    ),
    media=many(PICTURE),
    rating=RATING,
    reviews=many(REVIEW),
    questions=many(QUESTION),
    revision=whole(3),
)
CATEGORY = of(
    "Category",
    slug=text("lamps"),
    name=text("Lamps"),
    room=choice(Category.Room.values, "light"),
    children=anything([]),
)
SAID = of(
    "Said",
    id=text("rev_7K4Q2M9XCB3D5F6G"),
    state=choice(Review.State.values),
)

SHELF = of(
    "Shelf", sku=text("SUNRISE-LAMP"), on_hand=whole(10), reserved=whole(3), available=whole(7)
)
SHEET = of(
    "Master",
    id=text("prd_7K4Q2M9XCB3D5F6G"),
    revision=whole(3),
    kind=choice(Master.Kind.values),
    slug=text("sunrise-lamp"),
    status=choice(Master.Status.values, "active"),
    tax_class=choice(["", *Master.TaxClass.values], "standard"),
    brand=text("Museo"),
    category=text("lamps"),
    tags=many(text("brass")),
    attributes=each(anything("brass"), "material"),
    facts=each(each(anything("Messing"), "material"), "de"),
    published_at=maybe(moment()),
    default_sku=text("SUNRISE-LAMP"),
    translations=each(of(name=text("Sunrise lamp"), subtitle=text(""), description=text("")), "en"),
    options=many(
        of(
            "MasterOption",
            code=text("colour"),
            name=text("Colour"),
            names=each(text("Farbe"), "de"),
            values=many(
                of(code=text("green"), label=text("Green"), labels=each(text("Grün"), "de"))
            ),
        )
    ),
    modifier_groups=many(
        of(
            "MasterModifierGroup",
            code=text("milk"),
            name=text("Milk"),
            names=each(text("Milch"), "de"),
            minimum=whole(0, minimum=0),
            maximum=whole(1, minimum=1),
            modifiers=many(
                of(
                    "MasterModifier",
                    code=text("oat"),
                    name=text("Oat milk"),
                    names=each(text("Hafermilch"), "de"),
                    price=MONEY,
                    is_active=yes(),
                )
            ),
        )
    ),
    variants=many(
        of(
            "MasterVariant",
            id=text("var_7K4Q2M9XCB3D5F6G"),
            sku=text("SUNRISE-LAMP"),
            gtin=text(""),
            is_active=yes(),
            track_stock=yes(),
            max_per_order=nothing(whole(5)),
            prep_seconds=nothing(whole(300)),
            options=each(text("green"), "colour"),
            prices=many(
                of(
                    "MasterPrice",
                    price=MONEY,
                    list_price=nothing(MONEY),
                    sales_channel=text("web"),
                    valid_from=nothing(moment()),
                    valid_to=nothing(moment()),
                )
            ),
            stock=SHELF,
        )
    ),
    media=many(
        of(
            url=text("/media/lamp.webp"),
            alt=text("A lamp with a green shade"),
            alts=each(text("Eine Lampe"), "de"),
        )
    ),
    rating=RATING,
    created_at=moment(),
    updated_at=moment(),
    deleted_at=nothing(moment()),
    warnings=many(text("No way of delivery takes what is of this kind: Food. Nobody can buy it.")),
)
NEW_MASTER = {
    "category": "lamps",
    "status": "active",
    "translations": {"en": {"name": "Banker's lamp"}},
    "variants": [{"sku": "LAMP", "prices": [{"price": {"amount": 8400, "currency": "EUR"}}]}],
}

IMPORT = of(
    "Import",
    id=text("imp_7K4Q2M9XCB3D5F6G"),
    import_id=text("imp_7K4Q2M9XCB3D5F6G"),
    state=choice(Import.State.values, "checked"),
    is_read=yes(),
    total=whole(120),
    done=whole(120),
    created=whole(20),
    changed=whole(90),
    unchanged=whole(8),
    refused=whole(2),
    undone=whole(0),
    kept=whole(0),
    progress=number(100),
    file_name=text("products.csv"),
    columns=many(of(name=text("Preis"), field=text("price"))),
    fields=many(choice(LABELS)),
    failure=text(""),
    created_at=moment(),
    finished_at=nothing(moment()),
    topic=text("import.imp_7K4Q2M9XCB3D5F6G"),
    events_url=text("/api/v1/events?topics=import.imp_7K4Q2M9XCB3D5F6G"),
)
IMPORT_ROW = of(
    "ImportRow",
    row=whole(2),
    sku=text("SUNRISE-LAMP"),
    outcome=choice(ImportRow.Outcome.values, "change"),
    changes=many(of(field=text("name"), old=anything("Lamp"), new=anything("Sunrise lamp"))),
    reasons=many(of(field=text("price"), code=text("invalid"), detail=text("This is no amount."))),
    was_undone=yes(example=False),
)
FILE = text("sku,name\r\nLAMP,Sunrise lamp\r\n")

COUNTED = of("FacetValue", value=text("Museo"), count=whole(4))
FOUND = of(
    "Found",
    results=many(CARD),
    interpretation=of(
        "Interpretation",
        query=text("red lamps under 90"),
        locale=text("en"),
        words=many(text("lamps")),
        category=maybe(text("lamps")),
        price_min=nothing(whole(1000)),
        price_max=maybe(whole(9000)),
        currency=text("EUR"),
        colour=maybe(text("red")),
        in_stock=yes(example=False),
        sort=nothing(text("price")),
        quantity=nothing(whole(2)),
        corrected=each(text("lamps"), "lmaps"),
        text=text("“lamps”, red, up to €90.00"),
    ),
    suggestions=many(text("lamps")),
    # none for what has no words
    facets=of(
        "Facets",
        category=optional(many(of(value=text("lamps"), label=text("Lamps"), count=whole(4)))),
        price=optional(many(of(min=nothing(whole(0)), max=maybe(whole(5000)), count=whole(2)))),
        in_stock=optional(whole(4)),
        brand=optional(many(COUNTED)),
        kind=optional(many(COUNTED)),
    ),
    next=nothing(address("https://shop.example/api/v1/…")),
)
SUGGESTION = of(
    "Suggestion",
    kind=choice(["product", "category", "words"]),
    text=text("Sunrise lamp"),
    slug=text("sunrise-lamp"),
)

LISTING = (
    Parameter("q", text("lamp"), "Words to look for, in any case and with any accents."),
    Parameter("category", text("lamps"), "The slug of a category; what is below it counts."),
    Parameter("price_min", whole(1000, minimum=0), "In minor units."),
    Parameter("price_max", whole(9000, minimum=0), "In minor units."),
    Parameter("in_stock", yes(), "Only what can be had now."),
    Parameter("brand", text("Museo"), "Only of this brand."),
    Parameter("kind", choice(Master.Kind.values), "Only of this kind."),
    Parameter("colour", text("red"), "Only in this colour."),
    Parameter("plain", yes(), "Takes the words as they stand."),
    Parameter("sort", choice(SORTS), "Without it: the best match, or the newest."),
    *PAGED,
)

OPERATIONS: Operations = {
    "GET catalog/products": reads("List products on sale", page(CARD), *LISTING),
    "GET catalog/products/{key}": Operation(
        "Read a product by id, slug or SKU",
        {200: PRODUCT, 304: None},
        parameters=[IF_NONE_MATCH],
        headers=TAG,
    ),
    "GET catalog/products/{key}/questions": reads(
        "List answered questions about a product", page(QUESTION), *PAGED
    ),
    "POST catalog/products/{key}/questions": does(
        "Ask a question about a product",
        SAID,
        status=201,
        body=QuestionBody,
        example={"question": "Is the shade glass?"},
    ),
    "GET catalog/products/{key}/reviews": reads("List reviews of a product", page(REVIEW), *PAGED),
    "POST catalog/products/{key}/reviews": does(
        "Review a product, once for each customer",
        SAID,
        status=201,
        body=ReviewBody,
        example={"rating": 5, "text": "It shines.", "signed": "Maya"},
    ),
    "GET catalog/categories": reads("Read the tree of categories", listed(CATEGORY)),
    "GET search": reads("Find products by words", FOUND, *LISTING),
    "GET search/suggest": reads(
        "Complete the words so far",
        of(suggestions=many(SUGGESTION)),
        Parameter("q", text("lam"), "The words so far."),
    ),
    f"GET {MASTERS}": reads(
        "List all products, drafts too",
        page(SHEET),
        Parameter("status", choice(Master.Status.values), "Only those."),
        Parameter("deleted", yes(), "Those that were deleted instead."),
        Parameter("sku", text("SUNRISE-LAMP"), "The one that has this SKU."),
        *PAGED,
    ),
    f"POST {MASTERS}": does(
        "Make a product", SHEET, status=201, body=MasterBody, example=NEW_MASTER, headers=TAG
    ),
    f"GET {MASTERS}/{{product_id}}": Operation(
        "Read a product as staff",
        {200: SHEET},
        headers=TAG,
    ),
    f"PUT {MASTERS}/{{product_id}}": does(
        "Replace a product", SHEET, IF_MATCH, body=MasterBody, example=NEW_MASTER, headers=TAG
    ),
    f"PATCH {MASTERS}/{{product_id}}": does(
        "Change what is named of a product",
        SHEET,
        IF_MATCH,
        body=MasterBody,
        example={"status": "archived"},
        headers=TAG,
    ),
    f"DELETE {MASTERS}/{{product_id}}": does(
        "Take a product out of the shop; it can be restored", SHEET, IF_MATCH, headers=TAG
    ),
    f"POST {MASTERS}/{{product_id}}/restore": does(
        "Bring a deleted product back", SHEET, IF_MATCH, headers=TAG
    ),
    "GET admin/stock": reads("List the stock by SKU", page(SHELF), *PAGED),
    "PUT admin/stock": does(
        "Count stock, all or nothing",
        listed(SHELF),
        KEY_IF_WANTED,
        body=CountsBody,
        example={"items": [{"sku": "SUNRISE-LAMP", "on_hand": 10}]},
    ),
    "GET admin/imports": reads("List imports", page(IMPORT), *PAGED),
    "POST admin/imports": does(
        "Upload a file of products and begin with it",
        IMPORT,
        status=202,
        body=Upload,
        body_type="multipart/form-data",
        example={"file": "sku,name\r\nLAMP,Lamp\r\n", "dry_run": True},
        headers={"Location": "Where the import is read."},
    ),
    "GET admin/imports/{public_id}": reads("Read how an import stands", IMPORT),
    "GET admin/imports/{public_id}/rows": reads(
        "List what becomes of each row of an import",
        page(IMPORT_ROW),
        Parameter("outcome", choice(ImportRow.Outcome.values), "Only those."),
        *PAGED,
    ),
    "GET admin/imports/{public_id}/refused": Operation(
        "Download the refused rows with their reasons", {200: {"text/csv": FILE}}
    ),
    "POST admin/imports/{public_id}/check": does(
        "Try an import once more, with another meaning of its columns",
        IMPORT,
        status=202,
        body=Check,
        example={"mapping": {"Preis": "price"}},
    ),
    "POST admin/imports/{public_id}/run": does("Import what was checked", IMPORT, status=202),
    "POST admin/imports/{public_id}/cancel": does("Stop an import", IMPORT),
    "POST admin/imports/{public_id}/undo": does(
        "Take back what an import has changed", IMPORT, status=202
    ),
    "GET admin/exports": Operation(
        "Download all products",
        {200: {kind.partition(";")[0]: FILE for kind in CONTENT_TYPES.values()}},
        parameters=[Parameter("type", choice(CONTENT_TYPES), "The kind of file, CSV without.")],
    ),
}
