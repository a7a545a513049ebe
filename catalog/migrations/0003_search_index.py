"""What finds tokens and parts of words: GIN and trigrams on PostgreSQL, FTS5 tables on SQLite.

The FTS5 tables hold no text of their own; triggers let them follow theirs. A later migration that
makes one of these tables anew on SQLite must make the triggers anew.
"""

from django.db import migrations

from museo.statements import Statements

POSTGRESQL = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    # entries wait in a list before they are sorted in; a short one, since every search reads it
    """
    CREATE INDEX catalog_searchentry_words ON catalog_searchentry
    USING gin (words) WITH (gin_pending_list_limit = 256)
    """,
    """
    CREATE INDEX catalog_searchword_trigrams ON catalog_searchword
    USING gin (word gin_trgm_ops) WITH (gin_pending_list_limit = 256)
    """,
]
POSTGRESQL_BACK = [
    "DROP INDEX catalog_searchword_trigrams",
    "DROP INDEX catalog_searchentry_words",
]

FOLLOWING = {
    # table: (column, key, tokenizer)
    "catalog_searchentry": ("words", "master_id", "unicode61 remove_diacritics 0 tokenchars ''#=@_~''"),
    "catalog_searchword": ("word", "id", "trigram"),
}


def followed(table, column, key, tokenizer):
    """An FTS5 table and the triggers that let it follow `table`."""
    index = f"{table}_fts"
    add = f"INSERT INTO {index} (rowid, {column}) VALUES (new.{key}, new.{column});"
    drop = (
        f"INSERT INTO {index} ({index}, rowid, {column})"
        f" VALUES ('delete', old.{key}, old.{column});"
    )
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5({column}, content='{table}',"
        f" content_rowid='{key}', tokenize='{tokenizer}')",
        f"CREATE TRIGGER {table}_added AFTER INSERT ON {table} BEGIN {add} END",
        f"CREATE TRIGGER {table}_dropped AFTER DELETE ON {table} BEGIN {drop} END",
        f"CREATE TRIGGER {table}_changed AFTER UPDATE ON {table} BEGIN {drop} {add} END",
    ]


SQLITE = [
    statement
    for table, (column, key, tokenizer) in FOLLOWING.items()
    for statement in followed(table, column, key, tokenizer)
]
SQLITE_BACK = [
    statement
    for table in FOLLOWING
    for statement in (
        *(f"DROP TRIGGER {table}_{done}" for done in ("added", "dropped", "changed")),
        f"DROP TABLE {table}_fts",
    )
]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_stock_movements_are_append_only")]
    operations = [
        Statements(
            postgresql=POSTGRESQL,
            sqlite=SQLITE,
            postgresql_back=POSTGRESQL_BACK,
            sqlite_back=SQLITE_BACK,
        )
    ]
