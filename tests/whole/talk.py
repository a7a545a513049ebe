"""A page with a conversation, and what is said in it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.whole.browser import Shopper

# of the API, as the page's script asks it
MESSAGE = """async (id) => (await fetch(`/api/v1/assistant/messages/${id}`)).json()"""


class Talk:
    """A page with a conversation."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.shopper = Shopper(page, address)
        self.shopper.watch()

    @property
    def turns(self) -> Any:
        return self.page.locator("[data-turn]")

    @property
    def last(self) -> Any:
        return self.turns.last

    def say(self, words: str) -> Any:
        """The turn, once it is answered."""
        before = self.turns.count()
        self.page.fill("#ask-message", words)
        self.page.keyboard.press("Enter")
        return self.answered(before)

    def press(self, name: str) -> Any:
        before = self.turns.count()
        self.last.get_by_role("button", name=name).click()
        return self.answered(before)

    def answered(self, before: int) -> Any:
        expect(self.turns).to_have_count(before + 1)
        expect(self.page.locator("[data-turn][data-open]")).to_have_count(0)
        return self.last

    def is_in_view(self) -> bool:
        """Whether the last turn's end stands above the place where one says something."""
        turn, composer = self.last.bounding_box(), self.page.locator(".composer").bounding_box()
        assert turn
        assert composer
        return bool(turn["y"] + turn["height"] <= composer["y"])

    def told(self) -> dict[str, Any]:
        """What the API says of the last message."""
        found: dict[str, Any] = self.page.evaluate(MESSAGE, self.last.get_attribute("data-turn"))
        return found
