"""Why a file cannot be imported, or one of its rows: codes in the database, words by language."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog import drafts, purchases
from museo.access.problems import Problem
from museo.directions import isolated

NOT_CARRIED = "not_carried"
# by code; the facts are filled in
OF_FILES: dict[str, str | Promise] = {
    "too_large": _("The file is larger than %(most)s MB. Split it."),
    "empty": _("The file has no rows. Its first row names the columns."),
    "format_unknown": _("This is no CSV, XLSX or JSON file. Save it in one of these formats."),
    "old_xls": _(
        "This is an old Excel file (.xls), or one with a password. Save it as XLSX, without one."
    ),
    "encoding_unknown": _(
        "The text cannot be read as %(encoding)s (at byte %(byte)s). Save the file as UTF-8."
    ),
    "not_a_text": _("The file is no text: it has null characters. Save it as CSV with UTF-8."),
    "too_many_rows": _("The file has more than %(most)s rows. Split it."),
    "too_many_columns": _("The file has more than %(most)s columns. Remove some."),
    "cell_too_long": _("Row %(row)s has a cell of more than %(most)s characters. Shorten it."),
    "not_csv": _(
        "Row %(row)s cannot be read as CSV. Look for a quotation mark that is not closed."
    ),
    "not_json": _(
        "This is not valid JSON (row %(row)s). Send a list of objects, or one object in each line."
    ),
    "not_xlsx": _("This XLSX file is damaged. Open it in a spreadsheet program and save it again."),
    "unpacks_too_large": _(
        "Unpacked, this XLSX file would be far too large. Copy the rows into a new file."
    ),
    "mapping_invalid": _("This mapping cannot be used: %(what)s"),
    "interrupted": _("Something unforeseen went wrong. The shop's log says more."),
}
OF_ROWS: dict[str, str | Promise] = {
    "required": _("Give a value: a new product needs it."),
    "sku_missing": _("Give the SKU."),
    "sku_invalid": drafts.NO_SKU,
    "sku_twice": _("Row %(row)s has the same SKU. It counts, this one does not."),
    "sku_of_another": _("The SKU belongs to the product %(product)s."),
    "sku_deleted": _("The SKU belongs to a deleted product. Restore that first."),
    "too_long": _("Write at most %(most)s characters."),
    "unreadable": _("Remove the characters that are none, such as null."),
    "more_cells": _("The row has more cells than there are columns."),
    "product_invalid": _("Write a name of letters and digits, such as blue-bowl."),
    "product_taken": _(
        "There is a product %(product)s already. Name the one that this belongs to."
    ),
    "price_invalid": _("Write a price such as 84.00."),
    "price_currency": _(
        "The price is in %(written)s, not in %(currency)s. Give it a column of its own."
    ),
    "price_differs": _(
        "Another column says another price in %(currency)s. Leave one of the two cells empty."
    ),
    "price_negative": _("A price is 0 or more."),
    "price_fraction": _("%(currency)s has at most %(digits)s decimals."),
    "price_too_high": _("A price is at most %(most)s."),
    "list_price_low": _("The price before cannot be lower than the price."),
    "price_missing": _("Give the price that belongs to the price before."),
    "currency_unknown": _("There is no such currency. Write a code such as EUR."),
    "category_unknown": _("There is no such category. Add it first, or write another one."),
    "category_ambiguous": _("Several categories are called this. Write the whole path."),
    "number_invalid": _("Write a whole number, such as 12."),
    "number_range": _("Write a number from %(least)s to %(most)s."),
    "formula": _("This is a formula. Put its value in its place."),
    "yes_no_invalid": _("Write yes or no."),
    "choice_invalid": _("Write one of: %(choices)s."),
    "object_invalid": _('Write names and values: {"Colour": "Blue"} or Colour=Blue; Size=M.'),
    "options_many": _("A product has at most %(most)s options."),
    "variants_many": _("A product has at most %(most)s variants."),
    "options_twin": _("The variant %(sku)s has the same options."),
    "picture_invalid": _("Write addresses that begin with https:// or /media/."),
    "pictures_many": _("A product has at most %(most)s pictures."),
    "differs_from_row": _("Row %(row)s says something else about the same product."),
    "still_promised": _("Checkouts hold %(promised)s of it. Count at least so many."),
    # no refusal: staff can do something about it
    NOT_CARRIED: purchases.NOT_CARRIED,
}
WHY_KEPT = _("It was changed since, so it stays.")


class CannotImport(Problem):
    """The file cannot be used; `code` says why, `facts` fill the words."""

    status = 422

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(words(OF_FILES, {"code": code, **facts}), **facts)
        self.code = code
        if code == "too_large":
            self.status = 413

    def kept(self) -> dict[str, Any]:
        """What the database keeps, to be said again in any language."""
        return {"code": self.code, **self.facts}


class RowRefused(Exception):
    """A cell cannot be used; the field is known to the reader of cells."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.reason = {"code": code, **facts}


def words(texts: Mapping[str, str | Promise], kept: Mapping[str, Any]) -> str:
    """The sentence for a kept code, in the language at hand."""
    return str(texts[kept["code"]]) % {name: _told(fact) for name, fact in kept.items()}


def _told(fact: Any) -> Any:
    return isolated(fact) if isinstance(fact, str) else fact
