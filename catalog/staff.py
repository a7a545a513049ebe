"""Who may work on the catalogue."""

from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import NotAllowed, NotSignedIn


def require(caller: Caller, permission: str) -> None:
    """Raise NotSignedIn or NotAllowed unless the caller has the right."""
    if may(caller, permission):
        return
    if not caller.who:
        raise NotSignedIn(_("Only staff may do this. Sign in, or send a token."))
    raise NotAllowed(_("Only staff with the right to do so can work on products."))
