from django.apps import AppConfig
from django.db import models
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        from catalog import events, reviews, shop
        from catalog.imports import following
        from museo.among import Among
        from notifications import erasure, house, topics

        for field in (models.Field, models.ForeignKey):
            field.register_lookup(Among)
        house.register(shop.as_house)
        erasure.register(reviews.erase)
        topics.register(events.PREFIX, may_read=events.may_read, snapshot=events.snapshot)
        topics.register(following.PREFIX, may_read=following.may_read, snapshot=following.snapshot)
