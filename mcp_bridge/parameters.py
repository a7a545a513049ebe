"""Arguments that several tools take."""

from typing import Annotated

from pydantic import Field

from catalog import products

Locale = Annotated[str, Field(max_length=35, description="A language code such as en or de-AT.")]
BasketToken = Annotated[
    str,
    Field(max_length=100, description="The basket_token of an earlier answer; none at first."),
]
OrderId = Annotated[str, Field(max_length=40, description="The order's number, ORD-….")]
Ticket = Annotated[
    str, Field(max_length=100, description="A guest's ticket, as place_order returned it.")
]
Confirm = Annotated[
    str, Field(max_length=2000, description="From the first call, after the person agreed.")
]
Limit = Annotated[int, Field(ge=1, le=products.LARGEST_PAGE)]
PageCursor = Annotated[
    str, Field(max_length=500, description="`next` of the last page of the same list.")
]
