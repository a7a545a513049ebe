"""Who may what: by role, or by a scope that stands for it."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils import timezone

from museo.access import access_tokens, scopes
from museo.access.bearers import caller_from_bearer
from museo.access.callers import (
    ANONYMOUS_SCOPES,
    STAFF_SCOPES,
    USER_SCOPES,
    Caller,
    caller_for_user,
)
from museo.access.models import User
from museo.access.permissions import may
from tests.access.conftest import MakeAccount, grant

pytestmark = pytest.mark.django_db
CHANGE_ORDER = "orders.change_order"


def test_every_scope_that_somebody_is_given_is_known() -> None:
    assert not scopes.unknown(ANONYMOUS_SCOPES | USER_SCOPES | STAFF_SCOPES)
    assert set(scopes.SCOPES) >= {need for row in scopes.ROUTES for need in row[1:]} - {scopes.FREE}


def test_no_scope_stands_for_what_concerns_people_and_access() -> None:
    for permission in ("access.change_user", "access.change_serviceaccount", "auth.change_group"):
        assert not scopes.allow(scopes.SCOPES, permission)


@pytest.mark.parametrize(
    ("scope", "is_allowed"), [("orders:write", True), ("orders:read", False), ("admin", True)]
)
def test_a_program_may_what_its_scope_stands_for(
    account: MakeAccount, scope: str, is_allowed: bool
) -> None:
    token = grant(account(scope)).access_token
    caller = caller_from_bearer(token, access_tokens.rest_resource(), now=timezone.now())

    assert may(caller, "orders.view_order")
    assert may(caller, CHANGE_ORDER) is is_allowed


def test_staff_may_what_their_role_has_as_long_as_they_have_it() -> None:
    clerk = User.objects.create_user("clerk@museo.example", is_staff=True)
    caller = caller_for_user(clerk, locale="en")
    assert not may(caller, CHANGE_ORDER)

    clerk.groups.add(Group.objects.get(name="fulfillment"))
    assert may(caller, CHANGE_ORDER)

    User.objects.update(is_active=False)
    assert not may(caller, CHANGE_ORDER)


def test_an_owner_may_see_and_change_all_that_the_admin_has() -> None:
    owner = User.objects.create_user("owner@museo.example", is_staff=True)
    owner.groups.add(Group.objects.get(name="owner"))
    registry = admin.site._registry
    models = {*registry, *(inline.model for each in registry.values() for inline in each.inlines)}
    # who decides what groups may would decide about themselves
    names = {(model._meta.app_label, model._meta.model_name) for model in models - {Group}}
    needed = {f"{app}.{what}_{name}" for app, name in names for what in ("view", "change")}

    missing = needed - owner.get_all_permissions()

    assert not missing, (
        "Give these to the owner, and to the roles that they concern, by a migration: see "
        f"museo/access/roles.py and docs/access.md. {', '.join(sorted(missing))}"
    )


def test_who_only_says_to_have_a_scope_may_nothing() -> None:
    assert not may(Caller(scopes=frozenset(scopes.SCOPES)), CHANGE_ORDER)
    assert not may(Caller(is_staff=True, scopes=frozenset(scopes.SCOPES)), CHANGE_ORDER)
