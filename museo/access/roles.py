"""The roles of staff: groups with permissions, which a migration makes and gives.

`docs/access.md` has the table. A model that comes later brings its permissions along in a migration
of its own: `migrations.RunPython(roles.give({"catalogue": ["catalog.change_review"]}))`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

OWNER = "owner"
CATALOGUE = "catalogue"
FULFILLMENT = "fulfillment"
SUPPORT = "support"
ROLES = (OWNER, CATALOGUE, FULFILLMENT, SUPPORT)


def give(permissions: Mapping[str, Sequence[str]]) -> Callable[[Any, Any], None]:
    """What a migration runs to give each role permissions such as `orders.change_order`."""

    def run(apps: Any, schema_editor: Any) -> None:
        for role, names in permissions.items():
            group, _made = apps.get_model("auth", "Group").objects.get_or_create(name=role)
            group.permissions.add(*(_permission(apps, name) for name in names))

    return run


def crud(app: str, *models: str) -> list[str]:
    """All that can be done with these models."""
    return [
        f"{app}.{what}_{model}" for model in models for what in ("view", "add", "change", "delete")
    ]


def view(app: str, *models: str) -> list[str]:
    return [f"{app}.view_{model}" for model in models]


def _permission(apps: Any, name: str) -> Any:
    """Django makes them after all migrations only; what is there already it leaves alone."""
    app, _dot, codename = name.partition(".")
    what, _underscore, model = codename.partition("_")
    kind, _made = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=app, model=model
    )
    words = apps.get_model(app, model)._meta.verbose_name_raw
    permission, _made = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": f"Can {what} {words}"}
    )
    return permission
