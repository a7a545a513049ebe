from importlib import import_module

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def import_models(self) -> None:
        """The search's tables lie beside the search."""
        super().import_models()
        import_module("catalog.search.models")

    def ready(self) -> None:
        from catalog.imports import following
        from notifications import topics

        topics.register(following.PREFIX, may_read=following.may_read, snapshot=following.snapshot)
