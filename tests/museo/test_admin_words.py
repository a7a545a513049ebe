"""The admin speaks all languages: what it calls fields, columns, rows and actions."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.http import HttpRequest
from django.test import Client
from django.utils.translation import override

from museo.access.models import User

pytestmark = pytest.mark.django_db
# what is called so everywhere; forms do not show the last ones, nor the first word of an auth form
AS_THEY_ARE = {"SKU", "GTIN", "URL"}
HIDDEN = {"revision", "seen", "usable_password", "id", "master", "option", "group", "DELETE"}
# pages of their own show these
OWN_PAGES = {"Import", "Tally"}


def _words() -> Iterator[tuple[str, str]]:
    request = HttpRequest()
    request.user = User(is_superuser=True)
    for model, page in admin.site._registry.items():
        if model.__name__ in OWN_PAGES:
            continue
        name = model.__name__
        yield name, str(model._meta.verbose_name_plural)
        for column in (*page.get_list_display(request), *page.get_readonly_fields(request)):
            yield f"{name}.{column}", str(label_for_field(column, model, page))
        forms = [(name, page.get_form(request))]
        for inline in page.get_inline_instances(request):
            yield inline.model.__name__, str(inline.opts.verbose_name_plural)
            forms.append((inline.model.__name__, inline.get_formset(request).form))
        for owner, form in forms:
            for key, field in form.base_fields.items():
                if key not in HIDDEN:
                    yield f"{owner}.{key}", str(field.label or key)
        for key, description in page.get_action_choices(request, []):
            yield f"{name}.{key}", str(description)


def test_every_name_in_the_admin_is_translated() -> None:
    with override("ar"):
        latin = {where: word for where, word in _words() if word.isascii() and word.strip("-_ ")}

    assert {where: word for where, word in latin.items() if word not in AS_THEY_ARE} == {}


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", ["Suchen", "Alle Zeilen auswählen"]), ("ar", ["ابحث", "حدّد كل الصفوف"])],
)
def test_the_theme_speaks_the_readers_language(
    client: Client, language: str, words: list[str]
) -> None:
    client.force_login(User.objects.create_superuser("boss@museo.example"))

    page = client.get("/admin/access/user/", headers={"Accept-Language": language})

    for word in words:
        assert word in page.content.decode()
