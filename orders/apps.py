from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from catalog import purchases as asked
        from notifications import erasure, topics
        from orders import answers, forgetting, places, purchases, tracking
        from orders.payments import events

        topics.register(
            tracking.PREFIX,
            may_read=tracking.may_read,
            snapshot=tracking.snapshot,
            page=tracking.page,
            hold=tracking.hold,
        )
        topics.register(
            events.PREFIX, may_read=events.may_read, snapshot=events.snapshot, page=events.page
        )
        topics.register(
            answers.PREFIX, may_read=answers.may_read, snapshot=answers.snapshot, page=answers.page
        )
        asked.register(purchases)
        erasure.register(places.erase)
        erasure.register(forgetting.erase)
        post_migrate.connect(_lay_out_plans, sender=self)


def _lay_out_plans(**told: Any) -> None:
    """A shop begins with plans as it does with permissions: once there are tables for them."""
    from orders import plans

    # a flush does not say which models there are: all
    plans.lay_out(told.get("apps", apps))
