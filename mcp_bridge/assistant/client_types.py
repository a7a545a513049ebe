"""Where an answer is read: what each kind of client can show."""

from __future__ import annotations

import re
from dataclasses import dataclass

BOLD = re.compile(r"\*\*(.+?)\*\*")
# pictures, the marks that make a sign one, and the space behind them
EMOJI = re.compile("[\u2300-\u23ff\u2600-\u27bf\U0001f000-\U0001faff]\ufe0f?\u200d? ?")


@dataclass(frozen=True)
class ClientType:
    """`bold` is how it writes what is important; empty for not at all.

    `has_cards`: it draws what there is to show, so words need not repeat it. `has_buttons`: a yes
    is pressed, never typed.
    """

    name: str
    bold: str = ""
    has_emoji: bool = False
    has_cards: bool = False
    has_buttons: bool = False

    def dressed(self, text: str) -> str:
        """A text of a chat, with `**bold**` and emoji, as this client shows it."""
        text = BOLD.sub(lambda found: f"{self.bold}{found[1]}{self.bold}", text)
        return text if self.has_emoji else EMOJI.sub("", text)


WEB = ClientType("web-storefront", has_cards=True, has_buttons=True)
ALL = {
    each.name: each
    for each in (
        WEB,
        ClientType("web-admin", has_cards=True, has_buttons=True),
        ClientType("whatsapp", bold="*", has_emoji=True),
        ClientType("instagram", has_emoji=True),
        ClientType("sms"),
        ClientType("mobile", has_emoji=True, has_cards=True, has_buttons=True),
        ClientType("cli"),
    )
}


def of(name: str) -> ClientType:
    """That of a name; the web's for one that nobody knows."""
    return ALL.get(name, WEB)
