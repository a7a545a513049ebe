"""Names inside sentences: one that reads the other way than the sentence keeps its own order.

Pages have `<bdi>` for that. Where there is only text - messages, letters, chats, what is read
aloud - two characters that nobody sees say the same (UAX #9, section 2.4).
"""

from unicodedata import bidirectional

from django.utils.translation import get_language_bidi

# marks that turn the direction of what follows them, as a price
TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
# to the left, to the right: what letters say of themselves
LEFTWARDS, RIGHTWARDS = frozenset({"R", "AL"}), frozenset({"L"})
BEGIN, END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def isolated(name: object) -> str:
    """The name for a sentence in the active language; without marks if all of it reads that way."""
    text, others = str(name), RIGHTWARDS if get_language_bidi() else LEFTWARDS
    # most names
    if others is LEFTWARDS and text.isascii():
        return text
    text = text.translate(TURNS)
    if not any(bidirectional(letter) in others for letter in text):
        return text
    return f"{BEGIN}{text}{END}"
