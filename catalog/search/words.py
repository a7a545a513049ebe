"""Text as the search compares it: folded, cut into words, words without their endings.

Case, accents and Arabic vowel signs do not count, alef is alef in whatever form, and every digit is
an ASCII one. The same is done to what is indexed and to what is asked.
"""

import re
import unicodedata

# of a word; nobody types more, and PostgreSQL takes no more than 2 kB
LONGEST_WORD = 40
# of a word without its ending
SHORTEST_STEM = 3

ALIKE = {
    "ø": "o",
    "æ": "ae",
    "œ": "oe",
    "đ": "d",
    "ł": "l",
    # i without its dot
    "\u0131": "i",
    # Arabic: alef wasla; alef maksura and the Persian yeh; teh marbuta; the Persian kaf
    "\u0671": "\u0627",
    "\u0649": "\u064a",
    "\u06cc": "\u064a",
    "\u0629": "\u0647",
    "\u06a9": "\u0643",
    # the stroke that stretches a word
    "\u0640": "",
}
# accents, vowel signs, and what only says in which direction to write
SILENT = {"Mn", "Me", "Cf"}
WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """The text without case and accents: "Café" is "cafe"."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def split(text: str) -> list[str]:
    """The folded words of a text, in their order; what stands between them is dropped."""
    return [word[:LONGEST_WORD] for word in WORD.findall(fold(text))]


class _Folded(dict[int, str]):
    """Each character as it is folded, found out once."""

    def __missing__(self, code: int) -> str:
        letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        self[code] = "".join(_plain(letter) for letter in letters)
        return self[code]


def _plain(letter: str) -> str:
    if unicodedata.category(letter) in SILENT:
        return ""
    digit = unicodedata.decimal(letter, None)
    return ALIKE.get(letter, letter) if digit is None else str(digit)


_FOLDED = _Folded()


def stem(word: str, *, beginnings: tuple[str, ...], endings: tuple[tuple[str, str], ...]) -> str:
    """The word without the first beginning and ending that fit; those are tried in their order.

    Words with digits are names of models and stay as they are.
    """
    if not word.isalpha():
        return word
    for beginning in beginnings:
        if word.startswith(beginning) and len(word) - len(beginning) >= SHORTEST_STEM:
            word = word.removeprefix(beginning)
            break
    for ending, instead in endings:
        if word.endswith(ending) and len(word) - len(ending) + len(instead) >= SHORTEST_STEM:
            return word.removesuffix(ending) + instead
    return word


def edits(word: str, other: str) -> int:
    """How many letters more, less or else, or changed with the next one, make one the other."""
    while word and other and word[0] == other[0]:
        word, other = word[1:], other[1:]
    while word and other and word[-1] == other[-1]:
        word, other = word[:-1], other[:-1]
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        here = [row]
        for column, its in enumerate(other, 1):
            cost = min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != its))
            if row > 1 and column > 1 and letter == other[column - 2] and its == word[row - 2]:
                cost = min(cost, before[column - 2] + 1)
            here.append(cost)
        before, above = above, here
    return above[-1]
