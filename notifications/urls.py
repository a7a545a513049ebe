"""The addresses of this app: its pages and its part of /api/v1.

`museo.asgi` routes the streams of the same names.
"""

from django.urls import URLPattern, path

from notifications import (
    access_api,
    address_views,
    inbox_api,
    preference_api,
    unsubscribing,
    views,
    worker,
)
from notifications import api as rest
from notifications import subscription_api as subscriptions
from notifications.channels import api as channels

pages: list[URLPattern] = [
    path("notifications", views.inbox_page, name="inbox"),
    path("account/notifications", views.preference_page, name="preferences"),
    path("account/addresses", address_views.add, name="address_add"),
    path(
        "account/addresses/<str:address_id>/confirm", address_views.confirm, name="address_confirm"
    ),
    path("account/addresses/<str:address_id>/remove", address_views.remove, name="address_remove"),
    path("service-worker.js", worker.service_worker, name="service_worker"),
    path(f"{unsubscribing.PATH}/<str:signed>", views.stop, name="stop"),
]
api: list[URLPattern] = [
    path("auth/token", access_api.token),
    path("auth/refresh", access_api.refresh),
    path("auth/revoke", access_api.revoke),
    path("channels/twilio/status", channels.twilio_status),
    path("channels/twilio/messages", channels.twilio_messages),
    path("channels/meta", channels.meta_webhook),
    path("channels/mail/tracking", channels.mail_tracking),
    path("channels/mail/inbound", channels.mail_inbound),
    path("events", rest.events),
    path("events/tickets", rest.stream_ticket),
    path("notifications", inbox_api.notification_list),
    path("notifications/ack", rest.acknowledge),
    path("orders/<str:number>/events", rest.order_events),
    path("preferences", preference_api.preference_detail),
    path("subscriptions", subscriptions.subscription_list),
    path("subscriptions/moved", subscriptions.moved),
    path("subscriptions/<str:subscription_id>", subscriptions.subscription_detail),
    path("subscriptions/<str:subscription_id>/pause", subscriptions.pause),
    path("subscriptions/<str:subscription_id>/resume", subscriptions.resume),
    path("subscriptions/<str:subscription_id>/confirm", subscriptions.confirm),
    path("subscriptions/<str:subscription_id>/test", subscriptions.test),
    path("subscriptions/<str:subscription_id>/replay", subscriptions.replay),
    path("deliveries", subscriptions.delivery_list),
    path("deliveries/<str:delivery_id>/resend", subscriptions.resend),
]
