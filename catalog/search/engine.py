"""How each database is asked: for products by tokens, for words by parts of them.

PostgreSQL looks into its GIN indexes (a tsvector, pg_trgm), SQLite into FTS5 tables; what is asked
is the same. Nothing that a shopper typed but letters and digits gets here.
"""

# all of it is written here but for the parameters: nothing comes from outside
# ruff: noqa: S608
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from museo import wire


@dataclass(frozen=True)
class Token:
    text: str
    # whether longer ones will do: "ipho" for "iphone"
    begins: bool = False


# all of the groups, of each any token
Wanted = Sequence[Sequence[Token]]
# words holding another, or near one that was typed wrong
MOST_ALIKE = 20
MOST_NEAR = 200


def source(parameter: str) -> tuple[str, str]:
    """Where entries `e` come from, and the condition that they match `expression(…)`."""
    if _is_postgresql():
        return "catalog_searchentry e", f"e.words @@ %({parameter})s::tsquery"
    return (
        "catalog_searchentry_fts JOIN catalog_searchentry e"
        " ON e.master_id = catalog_searchentry_fts.rowid",
        f"catalog_searchentry_fts MATCH %({parameter})s",
    )


def expression(wanted: Wanted) -> str:
    if _is_postgresql():
        return " & ".join(f"({' | '.join(map(_lexeme, group))})" for group in wanted)
    return " AND ".join(f"({' OR '.join(map(_phrase, group))})" for group in wanted)


def _lexeme(token: Token) -> str:
    return f"'{token.text}'{':*' if token.begins else ''}"


def _phrase(token: Token) -> str:
    return f'"{token.text}"{"*" if token.begins else ""}'


def moment(at: Any) -> Any:
    """A time as the database compares it."""
    return connection.ops.adapt_datetimefield_value(at)


def rows(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if _is_postgresql():
            wire.read_moments_in_c(cursor)
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def words_like(patterns: Iterable[str]) -> list[tuple[str, str]]:
    """Each LIKE pattern with the shortest words that fit it; three letters of it or more."""
    table = "catalog_searchword" if _is_postgresql() else "catalog_searchword_fts"
    one = f"""
        SELECT * FROM (
            SELECT %s AS pattern, word FROM {table}
            WHERE word LIKE %s ORDER BY LENGTH(word), word LIMIT {MOST_ALIKE}
        ) AS alike
    """
    asked = list(dict.fromkeys(patterns))
    if not asked:
        return []
    twice = [pattern for pattern in asked for _ in range(2)]
    return rows(" UNION ALL ".join([one] * len(asked)), twice)


def words_near(word: str, *, edits: int) -> list[str]:
    """Words of about this length that begin alike or share three letters on end."""
    shortest, longest = len(word) - edits, len(word) + edits
    parts = [word[start : start + 3] for start in range(len(word) - 2)]
    if _is_postgresql():
        found = rows(
            f"""
            SELECT word FROM catalog_searchword
            WHERE word LIKE ANY(%s) AND LENGTH(word) BETWEEN %s AND %s
            ORDER BY similarity(word, %s) DESC, word LIMIT {MOST_NEAR}
            """,
            [[f"{word[:2]}%", *(f"%{part}%" for part in parts)], shortest, longest, word],
        )
    else:
        found = rows(
            f"""
            SELECT word FROM catalog_searchword
            WHERE word >= %s AND word < %s AND LENGTH(word) BETWEEN %s AND %s
            UNION
            SELECT word FROM (
                SELECT word FROM catalog_searchword_fts
                WHERE catalog_searchword_fts MATCH %s AND LENGTH(word) BETWEEN %s AND %s
                ORDER BY rank LIMIT {MOST_NEAR}
            )
            """,
            [
                word[:2],
                word[:1] + chr(ord(word[1]) + 1),
                shortest,
                longest,
                " OR ".join(f'"{part}"' for part in parts),
                shortest,
                longest,
            ],
        )
    return [near for (near,) in found]


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"
