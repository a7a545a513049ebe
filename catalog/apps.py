from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        from catalog import events
        from catalog.imports import following
        from notifications import topics

        topics.register(events.PREFIX, may_read=events.may_read, snapshot=events.snapshot)
        topics.register(following.PREFIX, may_read=following.may_read, snapshot=following.snapshot)
