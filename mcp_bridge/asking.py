"""A person is asked before an agent buys, cancels or deletes: one question, put in three ways.

* Since 2026-07-28 the client is answered that input is required. It asks, and calls again with
  what the person said and with a sealed state.
* Before, the session shows a form while the call waits.
* Where the client can ask nobody, the caller shows the question and calls again with the `confirm`
  of the answer; unless it is about money and the shop wants a person to pay by a link.

Whichever way: what is agreed to is one `confirmations.Agreement`, and its token is the `confirm`
that the tool is called with in the end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import mcp_types as types
from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from mcp.server.context import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from mcp_bridge import confirmations, texts
from mcp_bridge.registry import Answer, Question
from museo.access.problems import Problem
from notifications.envelope import timestamp

Context = ServerRequestContext[Any, Any]
# what the form's one field is called, and the question in a client's answer
AGREE = "agree"
QUESTION = "question"


class PersonDeclined(Problem):
    """They said no."""

    status = 409
    code = "person_declined"


class NobodyAnswered(Problem):
    """The question was closed, not understood, or nobody came in time."""

    status = 409
    code = "person_not_answered"


class PersonNeeded(Problem):
    """The caller can ask nobody, and may not spend money without."""

    status = 403
    code = "person_needed"


@dataclass(frozen=True)
class Asked:
    """The client is to ask, and to call again with the token sealed in its state."""

    question: Question
    token: str

    def result(self) -> types.InputRequiredResult:
        form = types.ElicitRequestFormParams(
            message=self.question.text, requested_schema=_form(self.question)
        )
        return types.InputRequiredResult(
            input_requests={QUESTION: types.ElicitRequest(params=form)}, request_state=self.token
        )


class Askable(Protocol):
    """Whoever can be asked for a yes, in whatever way."""

    @property
    def can_be_asked(self) -> bool: ...

    @property
    def has_answered(self) -> bool: ...

    def agreed(self) -> str:
        """The token of what they have said yes to."""
        ...

    async def ask(
        self,
        question: Question,
        go_on: Callable[[str], Awaitable[Answer]],
        *,
        now: datetime,
    ) -> Answer | Asked: ...


@dataclass(frozen=True)
class Person:
    """Whoever sits before the client of one call, as far as they can be asked something."""

    session: ServerSession
    request_id: types.RequestId | None
    # since 2026-07-28: what was asked before, and what the client says to it
    token: str
    said: object

    @property
    def can_be_asked(self) -> bool:
        """By a form, that is; a client that says nothing of forms or addresses shows forms."""
        capabilities = self.session.client_capabilities
        shown = capabilities.elicitation if capabilities else None
        if shown is None or (shown.form is None and shown.url is not None):
            return False
        return self._is_modern or self.session.can_send_request

    @property
    def has_answered(self) -> bool:
        return bool(self.token) and self.said is not None

    @property
    def _is_modern(self) -> bool:
        return self.session.protocol_version in MODERN_PROTOCOL_VERSIONS

    def agreed(self) -> str:
        """The token of what they have said yes to; raise PersonDeclined, NobodyAnswered."""
        _require_yes(self.said)
        return self.token

    async def ask(
        self,
        question: Question,
        go_on: Callable[[str], Awaitable[Answer]],
        *,
        now: datetime,
    ) -> Answer | Asked:
        """`go_on` with the token if they say yes at once; see the module."""
        if not self.can_be_asked:
            return _in_two_calls(question, now)
        token = confirmations.ask(question.agreement, now=now)
        if self._is_modern:
            return Asked(question, token)
        _require_yes(await self._show(question))
        return await go_on(token)

    async def _show(self, question: Question) -> object:
        try:
            async with asyncio.timeout(confirmations.LIFETIME.total_seconds()):
                return await self.session.elicit_form(
                    question.text, _form(question), related_request_id=self.request_id
                )
        except (MCPError, TimeoutError, ValidationError):
            return None


def person(ctx: Context, params: types.CallToolRequestParams) -> Person:
    said = (params.input_responses or {}).get(QUESTION)
    return Person(ctx.session, ctx.request_id, params.request_state or "", said)


def boundary(whose: Callable[[Context], str], *, audience: str) -> RequestStateBoundary:
    """Seals the state that a client keeps for us, alike in all processes.

    It holds for `whose` call it was, that tool and those arguments.
    """
    keys = [
        salted_hmac("mcp.request-state", "", secret=key, algorithm="sha256").digest()
        for key in dict.fromkeys([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
    ]
    security = RequestStateSecurity(
        keys=keys, ttl=confirmations.LIFETIME.total_seconds(), bind_principal=whose
    )
    return RequestStateBoundary(security, default_audience=audience)


def _form(question: Question) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {AGREE: {"type": "boolean", "title": question.yes, "default": False}},
        "required": [AGREE],
    }


def _require_yes(said: object) -> None:
    if not isinstance(said, types.ElicitResult) or said.action == "cancel":
        raise NobodyAnswered(
            _("The person has not answered. Nothing was changed. Ask them what they want.")
        )
    if said.action != "accept" or (said.content or {}).get(AGREE) is not True:
        raise PersonDeclined(
            _("The person said no. Nothing was changed. Do not try again unless they ask for it.")
        )


def _in_two_calls(question: Question, now: datetime) -> Answer:
    agreement = question.agreement
    if question.spends and settings.MUSEO_AGENT_CHECKOUT != "confirm":
        raise PersonNeeded(
            _(
                "This shop sells to a person, and your client cannot ask one. Call "
                "get_payment_link with the same basket_token and let them pay there."
            )
        )
    confirm = {
        "confirm": confirmations.ask(agreement, now=now),
        "expires_at": timestamp(now + confirmations.LIFETIME),
    }
    text = "\n".join([question.text, "", texts.ask_the_person(agreement.tool)])
    return Answer({**question.data, **confirm}, text, about=agreement.about)
