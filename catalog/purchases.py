"""Who has bought what: asked of the app above, which has the orders."""

from collections.abc import Callable

# a user's id and a master's id: whether an order of theirs had it
HasBought = Callable[[int, int], bool]
_answerers: list[HasBought] = []


def register(answerer: HasBought) -> None:
    """For `AppConfig.ready()` of the app that sells."""
    _answerers.append(answerer)


def has_bought(user_id: int, master_id: int) -> bool:
    return any(answer(user_id, master_id) for answer in _answerers)
