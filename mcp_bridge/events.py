"""MCP Events (draft SEP-3415): `events/list`, `events/subscribe`, `events/unsubscribe`.

ChatGPT and others name a callback, and are told there of what happens without any open connection.
What is told, how it is signed and how often it is tried is the business of webhooks
(`notifications.callbacks`); here is only how the protocol asks for it. Both eras have it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, NoReturn

import mcp_types as types
from django.utils import timezone
from django.utils.translation import override
from mcp.server import Server
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, Field, StrictInt

from mcp_bridge import budgets, traces
from mcp_bridge.calls import caller_of
from mcp_bridge.event_kinds import KINDS, EventKind
from mcp_bridge.messages import require_first_page
from museo.access.callers import Caller
from museo.access.limits import TooOften
from museo.access.problems import Problem
from museo.access.rest import as_problem
from notifications import callbacks, following, subscribing
from notifications.callbacks import CallbackRefused, Granted, Since
from notifications.channels.event_wire import (
    CALLBACK,
    EXHAUSTED,
    FORBIDDEN,
    NOT_FOUND,
    UNSUPPORTED,
)
from notifications.envelope import timestamp
from notifications.live.hub import in_thread

Context = ServerRequestContext[Any, Any]
WEBHOOK = "webhook"
# beyond it a number of milliseconds means for ever
FOR_EVER = 10**12
REFUSALS = {401: FORBIDDEN, 403: FORBIDDEN, 404: NOT_FOUND}


class Place(BaseModel):
    mode: str = WEBHOOK
    url: str = Field(max_length=4000)


class SecretPlace(Place):
    secret: str = Field(max_length=200, repr=False)


class Event(types.RequestParams):
    name: str = Field(max_length=200)
    arguments: dict[str, Any] | None = None


class Subscribe(Event):
    delivery: SecretPlace
    cursor: str | None = Field(default=None, max_length=60)
    ttl_ms: StrictInt | None = Field(default=None, alias="ttlMs", gt=0)
    max_age_ms: StrictInt | None = Field(default=None, alias="maxAgeMs", ge=0)


class Unsubscribe(Event):
    delivery: Place


def serve(server: Server[Any]) -> None:
    """Answer the three methods, and say so to who asks what there is."""
    server.add_request_handler("events/list", types.PaginatedRequestParams, list_events)
    server.add_request_handler("events/subscribe", Subscribe, subscribe)
    server.add_request_handler("events/unsubscribe", Unsubscribe, unsubscribe)
    server.middleware.append(_announce)


async def _announce(ctx: Context, call_next: CallNext) -> HandlerResult:
    """The SDK leaves out capabilities that it does not know."""
    result = await call_next(ctx)
    if ctx.method in {"server/discover", "initialize"} and isinstance(result, dict):
        result.setdefault("capabilities", {})["events"] = {}
    return result


def _as_errors(
    answer: Callable[[Context, Any], Awaitable[dict[str, Any]]],
) -> Callable[[Context, Any], Awaitable[dict[str, Any]]]:
    """Counted, traced, and every refusal in the caller's language, by the draft's codes."""

    @wraps(answer)
    async def answering(ctx: Context, params: Any) -> dict[str, Any]:
        with override(caller_of(ctx.request).locale):
            try:
                await budgets.take_read(caller_of(ctx.request), now=timezone.now())
                told = await answer(ctx, params)
            except Exception as error:
                problem = as_problem(error)
                if problem is None:
                    raise
                await _trace(ctx, params, {}, problem.code)
                _refuse(problem)
            await _trace(ctx, params, told, "done")
        return told

    return answering


async def _trace(ctx: Context, params: Any, told: Mapping[str, Any], ended: str) -> None:
    """Of what writes; about the order if one was named, else the subscription."""
    if isinstance(params, Event) and ended != TooOften.code:
        about = [params.arguments or {}, told]
        leave = in_thread(traces.note)
        await leave(ctx.method, about, ended, caller_of(ctx.request), at=timezone.now())


def _refuse(problem: Problem) -> NoReturn:
    told: dict[str, Any] = {"code": problem.code, "errors": problem.errors, **problem.facts}
    code = REFUSALS.get(problem.status, types.INVALID_PARAMS)
    if isinstance(problem, CallbackRefused):
        code = CALLBACK
    if isinstance(problem, TooOften):
        code, told["limit"] = EXHAUSTED, "requests"
    if isinstance(problem, subscribing.TooManySubscriptions):
        code, told["limit"] = EXHAUSTED, "subscriptions"
    if code == NOT_FOUND:
        told["kind"] = "subscription" if problem.code == "unknown_subscription" else "argument"
    raise MCPError(code, problem.detail, told) from problem


@_as_errors
async def list_events(ctx: Context, params: types.PaginatedRequestParams) -> dict[str, Any]:
    """Those that the caller could subscribe to."""
    require_first_page(params)
    caller = caller_of(ctx.request)
    return {"events": [kind.definition() for kind in KINDS.values() if kind.is_open_to(caller)]}


@_as_errors
async def subscribe(ctx: Context, params: Subscribe) -> dict[str, Any]:
    """Tell the callback from now on, or go on telling it; the same asked twice is one."""
    kind, place, now = _kind(params), params.delivery, timezone.now()
    since = Since(following.parse_cursor(params.cursor or ""), _span(params.max_age_ms))
    caller = caller_of(ctx.request)

    def ask() -> callbacks.Asked:
        admitted, said = _said(kind, caller, params.arguments)
        wish = kind.wish(admitted, said)
        return callbacks.ask(admitted, wish, address=place.url, secret=place.secret, now=now)

    asked = await in_thread(ask)()
    if not asked.is_known:
        await callbacks.verify(asked, now=now)
    begin = in_thread(callbacks.begin)
    return _granted(await begin(asked, since=since, lasts=_lasts(params), now=timezone.now()))


@_as_errors
async def unsubscribe(ctx: Context, params: Unsubscribe) -> dict[str, Any]:
    """Tell the callback no more."""
    kind, caller = _kind(params), caller_of(ctx.request)

    def end() -> None:
        admitted, said = _said(kind, caller, params.arguments)
        address = params.delivery.url
        callbacks.end(admitted, event=kind.name, arguments=said, address=address)

    await in_thread(end)()
    return {}


def _kind(params: Subscribe | Unsubscribe) -> EventKind:
    """The event that is named, to be told in the one way that there is."""
    kind = KINDS.get(params.name)
    if kind is None:
        said = f"There is no such event: {params.name[:80]}. See events/list."
        raise MCPError(NOT_FOUND, said, {"kind": "event"})
    if params.delivery.mode != WEBHOOK:
        lacking = {"feature": "deliveryMode", "value": params.delivery.mode[:40]}
        raise MCPError(UNSUPPORTED, "Events are delivered by webhook.", lacking)
    return kind


def _said(
    kind: EventKind, caller: Caller, given: Mapping[str, Any] | None
) -> tuple[Caller, dict[str, Any]]:
    """The caller with their ticket, which is who they are and not what they ask for."""
    said = kind.read(given or {})
    return kind.admit(caller, said.pop("ticket", "")), said


def _span(milliseconds: int | None) -> timedelta | None:
    return None if milliseconds is None else timedelta(milliseconds=min(milliseconds, FOR_EVER))


def _lasts(params: Subscribe) -> timedelta:
    """Who names no time gets the usual one, and who wants no end the longest."""
    if "ttl_ms" not in params.model_fields_set:
        return callbacks.USUAL
    return _span(params.ttl_ms) or callbacks.LONGEST


def _granted(granted: Granted) -> dict[str, Any]:
    return {
        "id": granted.id,
        "refreshBefore": timestamp(granted.expires_at),
        "cursor": granted.cursor,
        "truncated": granted.is_truncated,
    }
