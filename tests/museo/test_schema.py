"""Migrations make what models promise: Django compares them with models, never with tables."""

import pytest
from django.apps import apps
from django.db import connection

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def test_every_constraint_and_index_of_a_model_is_in_the_database() -> None:
    promised, made = set(), set()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            options = model._meta
            promised |= {rule.name for rule in (*options.constraints, *options.indexes)}
            made |= set(connection.introspection.get_constraints(cursor, options.db_table))

    assert promised - made == set()
