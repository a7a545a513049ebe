"""People and service accounts, whose streams end with their access; and what was told to whom."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from museo.access import people
from museo.access.admin import UserAdmin
from museo.access.callers import caller_from_request, who_is
from museo.access.lists import ModelAdmin
from museo.access.models import ServiceAccount, User
from notifications import access_changes, log
from notifications import delivery_admin as delivery_admin
from notifications import inbound_admin as inbound_admin
from notifications import statistics_admin as statistics_admin
from notifications import subscription_admin as subscription_admin
from notifications.log_admin import LogAdmin

admin.site.unregister(User)


@admin.register(User)
class PeopleAdmin(LogAdmin, UserAdmin):
    """People; what is taken from somebody ends their streams at once."""

    actions = ["reset_second_factor"]

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description=gettext_lazy("Turn the second factor off"), permissions=["reset"])
    def reset_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """For who has lost their app and their codes; one's own is turned off with a code."""
        who, now = caller_from_request(request).who, timezone.now()
        others = [user for user in users if who_is(user.pk) != who]
        ended = [
            user for user in others if access_changes.turn_off_second_factor(user, who=who, now=now)
        ]
        for user in ended:
            self.log_change(request, user, _("Second factor turned off."))
        said = ngettext(
            "Second factor turned off for %(count)s person.",
            "Second factor turned off for %(count)s people.",
            len(ended),
        )
        messages.success(request, said % {"count": len(ended)})

    def in_change(self, request: HttpRequest, view: Callable[..., Any], *arguments: Any) -> Any:
        """Whatever is taken from people, somebody owns the shop afterwards."""
        keeping = people.keeping_an_owner()(view) if request.method == "POST" else view
        return super().in_change(request, keeping, *arguments)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Django's opens a transaction of its own, within which a change could not begin."""
        return self.in_change(request, super().add_view, request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and {"is_active", *self.powers} & set(form.changed_data):
            self._end_streams(obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self._see_off(request, [obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._see_off(request, queryset)
        super().delete_queryset(request, queryset)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Whoever was signed in with the old one is so no longer."""
        return self.in_change(request, self._change_password, request, id, form_url)

    def _change_password(self, request: HttpRequest, id: str, form_url: str) -> Any:
        answer = super().user_change_password(request, id, form_url)
        if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
            self._end_streams(User.objects.get(pk=id))
        return answer

    def _see_off(self, request: HttpRequest, users: Iterable[User]) -> None:
        now = timezone.now()
        left = [access_changes.see_off(log.current(), user, now=now) for user in users]
        if revoked := sum(len(each.programs) for each in left):
            _tell_revoked(request, revoked)

    def _end_streams(self, user: User) -> None:
        access_changes.revoke(log.current(), at=timezone.now(), who=who_is(user.pk))


@admin.register(ServiceAccount)
class ServiceAccountAdmin(LogAdmin, ModelAdmin):
    """Programs that may call; `manage.py service_account` makes them and shows their keys."""

    ordering = ["name"]
    list_display = [
        "name",
        "key_prefix",
        "shown_scopes",
        "created_by",
        "last_used_at",
        "revoked_at",
    ]
    list_select_related = ["created_by"]
    search_fields = ["name", "key_prefix"]
    actions = ["revoke"]
    fields = readonly_fields = (
        "name",
        "key_prefix",
        "shown_scopes",
        "created_by",
        "created_at",
        "last_used_at",
        "revoked_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: ServiceAccount | None = None
    ) -> bool:
        return False

    @display(description=gettext_lazy("scopes"))
    def shown_scopes(self, account: ServiceAccount) -> str:
        return ", ".join(account.scopes)

    @admin.action(description=gettext_lazy("Revoke for good"), permissions=["change"])
    def revoke(self, request: HttpRequest, accounts: QuerySet[ServiceAccount]) -> None:
        """They sign in no more; what they have open ends."""
        now = timezone.now()
        ended = sum(access_changes.revoke_account(each, now=now) for each in accounts)
        _tell_revoked(request, ended)


def _tell_revoked(request: HttpRequest, count: int) -> None:
    said = ngettext(
        "%(count)s service account revoked.", "%(count)s service accounts revoked.", count
    )
    messages.success(request, said % {"count": count})
