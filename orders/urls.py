"""The addresses of this app: its pages and its part of /api/v1."""

from django.urls import URLPattern, path

from orders import (
    account_views,
    board_views,
    follower_views,
    order_api,
    order_views,
    shop_pages,
    views,
    webhook_api,
)
from orders import api as rest
from orders.payments import urls as payments

pages: list[URLPattern] = [
    *payments.pages,
    path("basket", views.basket, name="basket"),
    path("basket/add", views.basket_add, name="basket_add"),
    path("basket/coupon", views.basket_coupon, name="basket_coupon"),
    path("basket/lines/<int:line_id>", views.basket_line, name="basket_line"),
    path("checkout", views.checkout_page, name="checkout"),
    path("orders", views.order_list, name="orders"),
    path("orders/<str:number>", views.order_page, name="order"),
    path("orders/<str:number>/cancel", views.order_cancel, name="order_cancel"),
    path("orders/<str:number>/reorder", views.order_reorder, name="order_reorder"),
    path("orders/<str:number>/amend", order_views.order_amend, name="order_amend"),
    path("orders/<str:number>/return", order_views.order_return, name="order_return"),
    path("orders/<str:number>/notify", follower_views.tell, name="order_notify"),
    path("orders/<str:number>/share", follower_views.share, name="order_share"),
    path("orders/<str:number>/receipt", order_views.receipt, name="receipt"),
    path("t/<str:token>", views.ticket, name="ticket"),
    path("login/link", account_views.ask_for_link, name="ask_for_link"),
    path("login/link/<str:token>", account_views.open_link, name="open_link"),
    path("account", account_views.account, name="account"),
    path("account/password", account_views.password, name="password"),
    path("account/data", account_views.data, name="data"),
    path("about", shop_pages.about, name="about"),
    path("delivery", shop_pages.ways, name="delivery"),
    path("returns", shop_pages.returns, name="returns"),
    path("privacy", shop_pages.privacy, name="privacy"),
    path("contact", shop_pages.contact, name="contact"),
]
# below /admin/, but no part of Django's admin
staff: list[URLPattern] = [
    path("admin/board", board_views.page, name="board"),
    path("admin/board/changes", board_views.changes, name="board_changes"),
    path("admin/board/figures", board_views.told, name="board_figures"),
    path("admin/board/<str:number>", board_views.one, name="board_order"),
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
    path("orders", order_api.order_list),
    path("orders/checkout", rest.place_order),
    path("orders/<str:number>", order_api.order_detail),
    path("orders/<str:number>/track", rest.order_track),
    path("orders/<str:number>/cancel", rest.order_cancel),
    path("orders/<str:number>/reorder", rest.order_reorder),
    path("orders/<str:number>/returns", order_api.order_returns),
    path("orders/<str:number>/webhook", webhook_api.order_webhook),
    path("admin/stats", order_api.shop_stats),
    path("admin/orders/<str:number>/hold", order_api.order_hold),
    path("admin/orders/<str:number>/eta", order_api.order_eta),
    path("admin/orders/<str:number>/fail", order_api.order_fail),
    path("admin/orders/<str:number>/retry", order_api.order_retry),
    path("admin/orders/<str:number>/notes", order_api.order_notes),
    path("admin/orders/<str:number>/ticket", order_api.order_ticket),
    path("admin/orders/<str:number>/returns/<str:return_id>", order_api.return_decision),
    path("admin/orders/<str:number>/advance", rest.order_advance),
    path("admin/orders/<str:number>/refund", rest.order_refund),
    *payments.api,
]
