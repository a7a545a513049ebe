"""The tree of categories: where each hangs, and that it hangs together."""

from secrets import token_hex
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from catalog.models import Category
from museo.access.problems import Problem
from notifications import log


class Circular(Problem):
    """A category cannot hang below itself."""

    status = 409
    code = "circular_category"


def free_slug(name: str) -> str:
    """An address for a category of this name that no other has."""
    slug = slugify(name)[:40].strip("-") or f"room-{token_hex(2)}"
    return f"{slug}-{token_hex(2)}" if Category.objects.filter(slug=slug).exists() else slug


def plant(category: Category, *, below: Category | None) -> None:
    """Write a new category into the tree, as the last below another or as a room of its own."""
    with log.change():
        _hold_the_tree()
        if below:
            Category.objects.add_child(Category.objects.get(pk=below.pk), instance=category)
        else:
            Category.objects.add_root(instance=category)


def move(category: Category, *, below: Category | None) -> bool:
    """Hang a category and all below it elsewhere; False if it hangs there. Raise Circular."""
    with log.change():
        _hold_the_tree()
        here = Category.objects.get(pk=category.pk)
        if _pk(parent_of(here)) == _pk(below):
            return False
        if below is None:
            last_room = Category.objects.filter(depth=1).order_by("path").last()
            Category.objects.move(here, last_room, "last-sibling")
        else:
            parent = Category.objects.get(pk=below.pk)
            if is_circular(here, parent):
                raise Circular(circular_said())
            Category.objects.move(here, parent, "last-child")
    return True


def parent_of(category: Category) -> Category | None:
    """What it hangs below; None for a room of its own, and for one that is not planted yet."""
    return Category.objects.get_parent(category) if category.pk else None


def is_circular(category: Category, parent: Category) -> bool:
    """Whether the parent is the category itself or somewhere below it."""
    return bool(parent.path.startswith(category.path))


def circular_said() -> str:
    return _("A category cannot be below itself. Choose another place.")


def _pk(category: Any) -> int | None:
    return category.pk if category else None


def _hold_the_tree() -> None:
    """A move rewrites the paths of whole branches: whoever plants or moves another waits."""
    list(Category.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
