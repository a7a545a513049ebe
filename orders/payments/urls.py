"""The addresses of payments: pages and their part of /api/v1."""

from django.urls import URLPattern, path

from orders.payments import api as rest
from orders.payments import views

pages: list[URLPattern] = [
    path("pay/link/<str:link_token>", views.link, name="payment_link"),
    path("pay/<str:payment_id>", views.pay, name="pay"),
]
api: list[URLPattern] = [
    path("payment/providers", rest.payment_providers),
    path("payment/links", rest.payment_links),
    path("payment/links/<str:link_token>", rest.payment_link),
    path("payment/webhooks/<str:provider>", rest.payment_webhook),
    path("basket/payment-link", rest.basket_payment_link),
    path("admin/orders/<str:number>/mark-paid", rest.order_mark_paid),
]
