"""Seals anew with the newest key whatever is sealed, so that older keys can be thrown away.

What is sealed looks like it, wherever it stands: no list has to be kept of columns. Rows are gone
through in the order of their keys while the shop is open; one that is written meanwhile is left to
the next run.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import CharField, Model, TextField

from museo.access import encryption

# version and the first bytes of the time (https://github.com/fernet/spec)
SEALED = "gAAAAA"
# shorter columns have no room for it
SHORTEST = 100
BATCH = 500


def run() -> Iterator[tuple[str, int]]:
    """Each column that had something older, and how many rows of it are sealed anew."""
    for model in apps.get_models():
        for column in _columns(model):
            if count := _renew(model, column.attname):
                yield f"{model._meta.db_table}.{column.column}", count


def _columns(model: type[Model]) -> list[Any]:
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, TextField)
        or (isinstance(field, CharField) and (field.max_length or SHORTEST) >= SHORTEST)
    ]


def _renew(model: type[Model], name: str) -> int:
    sealed = model._base_manager.filter(**{f"{name}__startswith": SEALED}).order_by("pk")
    count, last = 0, None
    while True:
        following = sealed if last is None else sealed.filter(pk__gt=last)
        batch = list(following.values_list("pk", name)[:BATCH])
        if not batch:
            return count
        for pk, old in batch:
            if anew := encryption.renewed(old):
                count += model._base_manager.filter(**{"pk": pk, name: old}).update(**{name: anew})
        last = batch[-1][0]
