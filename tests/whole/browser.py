"""A shopper in a real browser: what a page does, and everything that went wrong on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from tests.orders.conftest import PURCHASE

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
WHERE = {
    "name": "Maya Okafor",
    "email": "maya@example.org",
    "line1": "Museum Street 1",
    "postal_code": "00130",
    "city": "Helsinki",
}
OFFLINE = "ERR_INTERNET_DISCONNECTED"


@dataclass
class Shopper:
    """A page of a browser of its own; `trouble` lists errors and requests to other hosts."""

    page: Page
    address: str
    trouble: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", self._heed)
        self.page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith(self.address) else self.trouble.append(asked.url)
            ),
        )

    def _heed(self, told: ConsoleMessage) -> None:
        """Whatever a page asks for while it is offline, the browser says that it could not."""
        if told.type == "error" and OFFLINE not in told.text:
            self.trouble.append(told.text)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def fill_basket(self, slug: str = "iphone-15") -> None:
        self.go(f"/p/{slug}")
        self.page.get_by_role("button", name="Add to basket").click()
        self.page.wait_for_url("**/basket")

    def fill_checkout(self, *, payment: str = "ok") -> None:
        self.page.get_by_role("link", name="Go to checkout").click()
        self.page.wait_for_url("**/checkout")
        for name, value in WHERE.items():
            self.page.fill(f"#{name}", value)
        self.page.check(f"input[name=payment][value={payment}]")

    def pay(self) -> None:
        self.page.get_by_role("button", name="Pay ").click()

    def buy(self, slug: str = "iphone-15") -> str:
        """Buy one and land on the tracking page; return the order's number."""
        self.fill_basket(slug)
        self.fill_checkout()
        self.pay()
        self.page.wait_for_url("**/orders/ORD-*")
        return self.page.url.rpartition("/")[2]

    def has_bought(self, sku: str) -> str:
        """Open the tracking page of an order that another program placed; return its number."""
        rest, ask = f"{self.address}/api/v1", self.page.request
        basket = ask.post(f"{rest}/basket/items", data={"sku": sku, "quantity": 1}).json()
        keys = {"X-Basket-Token": basket["token"], "Idempotency-Key": str(uuid4())}
        placed = ask.post(f"{rest}/orders/checkout", data=PURCHASE, headers=keys).json()
        self.go(f"/t/{placed['ticket']}")
        return str(placed["number"])


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


def without_motion(opened: Browser) -> Browser:
    """Its windows are those of readers who like little motion, unless a test says otherwise.

    What moves for beauty is drawn sixty times a second, in software. No flag of the browser changes
    that: Playwright tells every window what its reader likes.
    """
    calmly = partial(opened.new_context, reduced_motion="reduce")
    opened.new_context = calmly  # type: ignore[method-assign]  # for all who open one
    return opened


def once(answer: Callable[[Route], None]) -> Callable[[Route], None]:
    """Answers the first request; those after it go on.

    Playwright's own `times=1` then holds no request any more, and may forget one that it held.
    """
    first = iter((answer,))
    return lambda route: next(first, Route.continue_)(route)
