"""The addresses of this app: its pages and its part of /api/v1."""

from django.urls import URLPattern, path

from orders import api as rest
from orders import views

pages: list[URLPattern] = [
    path("basket", views.basket, name="basket"),
    path("basket/add", views.basket_add, name="basket_add"),
    path("basket/coupon", views.basket_coupon, name="basket_coupon"),
    path("basket/lines/<int:line_id>", views.basket_line, name="basket_line"),
    path("checkout", views.checkout_page, name="checkout"),
    path("pay/<str:payment_id>", views.pay, name="pay"),
    path("orders", views.order_list, name="orders"),
    path("orders/<str:number>", views.order_page, name="order"),
    path("orders/<str:number>/cancel", views.order_cancel, name="order_cancel"),
    path("orders/<str:number>/reorder", views.order_reorder, name="order_reorder"),
    path("t/<str:token>", views.ticket, name="ticket"),
]
api: list[URLPattern] = [
    path("basket", rest.basket),
    path("basket/merge", rest.basket_merge),
    path("basket/items", rest.basket_items),
    path("basket/items/<int:line_id>", rest.basket_item),
    path("basket/coupons", rest.basket_coupons),
    path("basket/delivery-options", rest.delivery_options),
    path("checkouts", rest.checkout_list),
    path("checkouts/<str:checkout_id>", rest.checkout_detail),
    path("checkouts/<str:checkout_id>/complete", rest.checkout_complete),
    path("checkouts/<str:checkout_id>/cancel", rest.checkout_cancel),
    path("payment/providers", rest.payment_providers),
    path("orders", rest.order_list),
    path("orders/checkout", rest.place_order),
    path("orders/<str:number>", rest.order_detail),
    path("orders/<str:number>/track", rest.order_track),
    path("orders/<str:number>/cancel", rest.order_cancel),
    path("orders/<str:number>/reorder", rest.order_reorder),
    path("admin/orders/<str:number>/advance", rest.order_advance),
    path("admin/orders/<str:number>/refund", rest.order_refund),
]
