"""How each database is asked: for products by tokens, for words by parts of them.

PostgreSQL looks into its GIN indexes (a tsvector, pg_trgm), SQLite into FTS5 tables; what is asked
is the same. Nothing that a shopper typed but letters and digits gets here.
"""

# all of it is written here but for the parameters: nothing comes from outside
# ruff: noqa: S608
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from museo import sql, wire


@dataclass(frozen=True)
class Token:
    text: str
    # whether longer ones will do: "ipho" for "iphone"
    begins: bool = False


# of a database
Row = tuple[Any, ...]
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


def source_among(parameter: str, ids: str) -> tuple[str, str]:
    """The same of those that another query gives: they are few, and each is looked at by itself."""
    entries, matching = source(parameter)
    if _is_postgresql():
        fenced = f"SELECT * FROM catalog_searchentry WHERE master_id = ANY(ARRAY({ids})) OFFSET 0"
        return f"({fenced}) e", matching
    return entries, f"{matching} AND e.master_id IN ({ids})"


def expression(wanted: Wanted) -> str:
    if _is_postgresql():
        return " & ".join(f"({' | '.join(map(_lexeme, group))})" for group in wanted)
    return " AND ".join(f"({' OR '.join(map(_phrase, group))})" for group in wanted)


def without(expression: str, other: str) -> str:
    """What matches the one and not the other."""
    return f"({expression}) {'& !' if _is_postgresql() else 'NOT '}({other})"


def _lexeme(token: Token) -> str:
    return f"'{token.text}'{':*' if token.begins else ''}"


def _phrase(token: Token) -> str:
    return f'"{token.text}"{"*" if token.begins else ""}'


def moment(at: Any) -> Any:
    """A time as the database compares it."""
    return connection.ops.adapt_datetimefield_value(at)


def rows(statement: str, parameters: Any) -> list[Row]:
    """Planned for these parameters: how many rows they are true of decides how to look for them."""
    with connection.cursor() as cursor:
        if _is_postgresql():
            wire.read_moments_in_c(cursor)
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def planned(statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    """The same of a statement that PostgreSQL plans once, whatever the parameters are."""
    if not _is_postgresql():
        return rows(statement, parameters)
    marked, names = _marked(statement)
    return list(sql.ask_marked(marked, [parameters[name] for name in names]).fetchall())


@lru_cache(1024)
def _marked(statement: str) -> tuple[str, Sequence[str]]:
    """With PostgreSQL's own marks, and the names of what stands for them, in their order."""
    names = list(dict.fromkeys(PARAMETER.findall(statement)))
    return PARAMETER.sub(lambda mark: f"${names.index(mark[1]) + 1}", statement), names


PARAMETER = re.compile(r"%\((\w+)\)s")


def words_like(patterns: Iterable[str]) -> list[tuple[str, str]]:
    """Each LIKE pattern with the shortest words that fit it; three letters of it or more."""
    asked = list(dict.fromkeys(patterns))
    if not asked:
        return []
    if _is_postgresql():
        return planned(ALIKE, {"patterns": asked})
    one = f"""
        SELECT * FROM (
            SELECT %s AS pattern, word FROM catalog_searchword_fts
            WHERE word LIKE %s ORDER BY LENGTH(word), word LIMIT {MOST_ALIKE}
        ) AS alike
    """
    twice = [pattern for pattern in asked for _ in range(2)]
    return rows(" UNION ALL ".join([one] * len(asked)), twice)


ALIKE = f"""
    SELECT pattern, word FROM UNNEST(%(patterns)s::text[]) AS asked (pattern), LATERAL (
        SELECT word FROM catalog_searchword
        WHERE word LIKE pattern ORDER BY LENGTH(word), word LIMIT {MOST_ALIKE}
    ) AS alike
"""


def words_near(word: str, *, edits: int) -> list[str]:
    """Words of about this length that begin alike or share three letters on end."""
    shortest, longest = len(word) - edits, len(word) + edits
    parts = [word[start : start + 3] for start in range(len(word) - 2)]
    if _is_postgresql():
        patterns = [f"{word[:2]}%", *(f"%{part}%" for part in parts)]
        asked = {"patterns": patterns, "shortest": shortest, "longest": longest, "word": word}
        found = planned(NEAR, asked)
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


NEAR = f"""
    SELECT word FROM catalog_searchword
    WHERE word LIKE ANY(%(patterns)s::text[])
        AND LENGTH(word) BETWEEN %(shortest)s AND %(longest)s
    ORDER BY similarity(word, %(word)s) DESC, word LIMIT {MOST_NEAR}
"""


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"
