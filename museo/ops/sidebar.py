"""What stands beside the admin's pages: the house's own first, then what the person may see."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

Group = Mapping[str, Any]


def navigation(request: HttpRequest) -> list[Group]:
    """Groups of links, as the theme takes them."""
    own = [
        _item(_("Live orders"), reverse("board"), "bolt", request, "orders.view_order"),
        _item(_("Health"), reverse("health"), "vital_signs", request, SEES_HEALTH),
        _item(_("Assistant"), reverse("admin_assistant"), "forum", request, ""),
    ]
    return [
        {"title": _("Now"), "items": [item for item in own if item["may"]]},
        *(_of_app(app) for app in admin.site.get_app_list(request)),
    ]


SEES_HEALTH = "notifications.view_subscription"


def _item(
    title: str, link: str, icon: str, request: HttpRequest, permission: str
) -> dict[str, Any]:
    return {
        "title": title,
        "link": link,
        "icon": icon,
        "active": False,
        "may": not permission or request.user.has_perm(permission),
    }


def _of_app(app: Mapping[str, Any]) -> Group:
    models = [model for model in app["models"] if model["admin_url"]]
    return {
        "title": app["name"],
        "items": [{"title": model["name"], "link": model["admin_url"]} for model in models],
    }
