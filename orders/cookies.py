"""What a browser keeps of orders: their tickets."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from museo.access.callers import TICKET_COOKIE, cookie_with_ticket

COOKIE_DAYS = 30


def to_order(request: HttpRequest, number: str, token: str) -> HttpResponse:
    """Lead to an order; its ticket moves into a cookie and out of the address."""
    response = redirect("order", number)
    kept = cookie_with_ticket(request.COOKIES.get(TICKET_COOKIE, ""), token)
    keep(response, TICKET_COOKIE, kept)
    response["Referrer-Policy"] = "no-referrer"
    return response


def keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=COOKIE_DAYS * 86_400,
        httponly=True,
        samesite="Lax",
        secure=settings.IS_PUBLIC,
    )
