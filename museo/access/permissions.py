"""What staff were given the right to do, asked of the database at the moment of doing it."""

from museo.access.callers import Caller
from museo.access.models import User


def may(caller: Caller, permission: str) -> bool:
    """Whether the caller is staff with the permission, such as `orders.change_order`."""
    if caller.user_id is None or not caller.is_staff:
        return False
    user = User.objects.filter(pk=caller.user_id, is_active=True, is_staff=True).first()
    return user is not None and user.has_perm(permission)
