"""People for staff: who may sign in, and what they may do."""

from collections.abc import Iterable
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from museo.access import second_factor
from museo.access.lists import ModelAdmin
from museo.access.models import Trail, User

admin.site.unregister(Group)
# they show tokens and make clients; people end connections by themselves
for _model in apps.get_app_config("oauth2_provider").get_models():
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """What a group may do is decided by superusers: its members would decide about themselves."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Trail)
class TrailAdmin(ModelAdmin):
    """Who did what; nobody changes that."""

    ordering = ["-pk"]
    list_display = ["at", "who", "app", "conversation", "what", "target", "outcome", "fields"]
    list_display_links = None
    search_fields = [f"{name}__exact" for name in ("target", "who", "app", "conversation", "what")]
    # the trail is long, and nobody needs to know how long
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Trail | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Trail | None = None) -> bool:
        return False


def _or_the_shops(choices: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("", "---------"), *choices]


class PersonForm(UserChangeForm):
    """A language that is spoken and a time zone that there is, or those of the shop."""

    locale = forms.ChoiceField(
        label=capfirst(_("language")),
        choices=lambda: _or_the_shops(
            (code, str(get_language_info(code)["name_local"])) for code, _name in settings.LANGUAGES
        ),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    time_zone = forms.ChoiceField(
        label=capfirst(_("time zone")),
        choices=lambda: _or_the_shops((zone, zone) for zone in sorted(available_timezones())),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ["email"]
    list_display = [
        "email",
        "first_name",
        "last_name",
        "is_staff",
        "is_active",
        "has_second_factor",
    ]
    list_select_related = ["second_factor"]
    search_fields = ["email__iexact", "first_name", "last_name"]
    powers = ["is_staff", "is_superuser", "groups", "user_permissions"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "locale", "time_zone"]}),
        (
            _("May do"),
            {"fields": ["is_active", *powers]},
        ),
    ]
    add_fieldsets = [
        (
            None,
            {"classes": ["wide"], "fields": ["email", "usable_password", "password1", "password2"]},
        )
    ]

    @display(description=_("second factor"), boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return second_factor.of(user) is not None

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Staff are edited by superusers only: whoever sets a password can sign in with it."""
        users: QuerySet[User] = super().get_queryset(request)
        return users if request.user.is_superuser else users.filter(is_staff=False)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Powers are given by superusers only."""
        return [] if request.user.is_superuser else self.powers
