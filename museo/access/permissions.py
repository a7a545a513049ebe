"""What somebody was given the right to do, asked of the database at the moment of doing it."""

from django.utils.translation import gettext as _

from museo.access import scopes
from museo.access.callers import Caller
from museo.access.models import ServiceAccount, User
from museo.access.problems import NotAllowed


def require_scope(caller: Caller, scope: str) -> None:
    """Raise NotAllowed without it."""
    if scope not in caller.scopes:
        raise NotAllowed(_("You need the scope %(scope)s for this.") % {"scope": scope})


def may(caller: Caller, permission: str) -> bool:
    """Whether the caller has the permission, such as `orders.change_order`.

    Staff have it by their role, a service account by a scope that stands for it.
    """
    if not scopes.allow(caller.scopes, permission):
        return False
    if caller.token is not None:
        return ServiceAccount.objects.opened_by(caller.token).exists()
    if caller.user_id is None or not caller.is_staff:
        return False
    user = User.objects.filter(pk=caller.user_id, is_active=True, is_staff=True).first()
    return user is not None and user.has_perm(permission)
