"""What the scopes mean, for the person who is asked."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from museo.access import scopes
from museo.access.callers import Caller

OF_PEOPLE = {
    scopes.SHOP_READ: gettext_noop("Look at products and search for them"),
    scopes.BASKET_WRITE: gettext_noop("Put things into your basket"),
    scopes.CHECKOUT_WRITE: gettext_noop("Order what is in your basket, when you confirm it"),
    scopes.ORDERS_READ: gettext_noop("See your orders, and tell you how they get on"),
    scopes.ORDERS_WRITE: gettext_noop("Cancel and change your orders"),
    scopes.EVENTS_READ: gettext_noop("Read the messages that you get from the shop"),
}
OF_STAFF = {
    **OF_PEOPLE,
    scopes.ORDERS_READ: gettext_noop("See the orders that you see as staff"),
    scopes.ORDERS_WRITE: gettext_noop("Move on, cancel and refund orders, as you may as staff"),
    scopes.EVENTS_READ: gettext_noop("Read what the shop tells its staff"),
    scopes.PRODUCTS_WRITE: gettext_noop("Change products, prices and stock"),
    scopes.NOTIFY_SEND: gettext_noop("Send messages to customers and staff"),
    scopes.ADMIN: gettext_noop("See the figures of the shop, and change its settings"),
}


def say(scope: str, caller: Caller) -> str:
    words = OF_STAFF if caller.is_staff else OF_PEOPLE
    return _(words[scope]) if scope in words else scope
