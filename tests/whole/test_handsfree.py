"""The hands-free demonstration: an order in a chat, and every step told without a question."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.shops import Shop, free_port

# the chat's words for each step; or, for one that the next has overtaken, the page's
STEPS = (
    r"🔔 Your order has been confirmed!|Your order has been confirmed\.",
    r"🔔 Your food is being prepared! 🍳|Your order is being prepared\.",
    r"🔔 Driver is on the way! 🚚|The courier has picked up your order and is on the way\.",
    r"🔔 Order delivered! Enjoy! 🍽️",
)


def test_a_chat_tells_every_step_and_is_asked_nothing(shop: Shop) -> None:
    said = StringIO()

    call_command("demo", handsfree=f"{shop.address}/mcp", stdout=said)

    text = said.getvalue()
    assert "You: Order me an iPhone 15, please." in text
    assert "✅ Order placed successfully!" in text
    assert "No need to ask - I'll keep you posted!" in text
    assert "updates 4, questions asked 0." in text
    assert text.count("You:") == 1
    assert re.search(".*".join(f"(?:{step})" for step in STEPS), text, re.DOTALL), text


def test_without_a_shop_it_says_what_to_do() -> None:
    with pytest.raises(CommandError, match=r"manage\.py mcp_doctor says why"):
        call_command("demo", handsfree=f"http://127.0.0.1:{free_port()}/mcp")
