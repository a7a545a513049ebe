"""The shop in its five languages: direction, amounts, plurals, errors, the switch."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import ngettext, override

from catalog.templatetags.money import money
from museo.access.models import User

LANGUAGES = [code for code, _name in settings.LANGUAGES]


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_its_language_and_direction_and_offers_the_others(
    client: Client, language: str
) -> None:
    page = text(client.get("/", headers={"Accept-Language": f"xx, {language};q=0.8"}))

    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}"' in page
    assert re.findall(r'name="language" value="(\w+)" lang="\1"', page) == LANGUAGES
    assert re.findall(r'value="(\w+)" lang="\1" aria-current', page) == [language]


@pytest.mark.django_db
def test_the_switch_outlasts_what_the_browser_prefers(client: Client) -> None:
    client.post("/language", {"language": "ar", "next": "/"})

    page = text(client.get("/", headers={"Accept-Language": "de"}))

    assert "الآن في المتجر" in page


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "€1,234.50"),
        ("de", "1.234,50\xa0€"),
        ("fr", "1\u202f234,50\xa0€"),
        ("es", "1.234,50\xa0€"),
        # the digits that everything else on the page has, order numbers and times
        ("ar", "\u200f1,234.50\xa0€"),
    ],
)
def test_amounts_are_written_as_the_language_writes_them(language: str, said: str) -> None:
    with override(language):
        assert money({"amount": 123450, "currency": "EUR"}) == said


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (0, "بقي 0"),
        (1, "بقيت قطعة واحدة (1)"),
        (2, "بقيت قطعتان (2)"),
        (3, "بقيت 3 قطع"),
        (11, "بقيت 11 قطعة"),
        (100, "بقيت 100 قطعة"),
        (103, "بقيت 103 قطع"),
    ],
)
def test_arabic_counts_in_six_ways(left: int, said: str) -> None:
    with override("ar"):
        assert ngettext("%(left)s left", "%(left)s left", left) % {"left": left} == said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "detail"),
    [
        ("es-MX", "No existe ese producto. Búsquelo por su nombre."),
        ("ar-EG, de;q=0.5", "لا يوجد منتج كهذا. ابحث عنه بالاسم."),
        ("xx", "There is no such product. Search for it by name."),
    ],
)
def test_an_error_speaks_the_callers_language(client: Client, accepted: str, detail: str) -> None:
    address = "/api/v1/catalog/products/none"

    answer = client.get(address, headers={"Accept-Language": accepted})

    assert (answer.status_code, answer.json()["detail"]) == (404, detail)


@pytest.mark.django_db
def test_the_admin_reads_from_the_right_and_offers_the_languages(client: Client) -> None:
    client.force_login(User.objects.create_superuser(email="staff@example.org", password="pw"))
    client.post("/language", {"language": "ar", "next": "/"})

    page = text(client.get("/admin/"))

    assert 'lang="ar" dir="rtl"' in page
    assert all(f'value="{language}"' in page for language in LANGUAGES)
