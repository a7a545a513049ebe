from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _

from museo import connecting, patience


class AccessConfig(AppConfig):
    name = "museo.access"
    label = "access"
    verbose_name = _("Access")

    def ready(self) -> None:
        # tasks carry the name of the call that asked for them
        from museo.access import calls  # noqa: F401

        connection_created.connect(patience.regain)
        connection_created.connect(connecting.end_with_thread)
