"""A Museo far away, for a client here: what one says is passed on to the other, as it is.

A client starts the bridge on its own machine, where there is no shop and no database. The bridge
signs in with the keys of a service account and again before its token ends. Where the other side
has forgotten a session it opens another in its place, unseen; what was followed goes on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from http import HTTPStatus
from typing import Any

import httpx2
import mcp_types as types
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)
from mcp.shared.message import SessionMessage
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from mcp_bridge import messages
from mcp_bridge.messages import (
    API_ERROR,
    NOT_AUTHENTICATED,
    NOT_AVAILABLE,
    RATE_LIMITED,
    Incoming,
    Outgoing,
    Refused,
    unreadable,
)

logger = logging.getLogger(__name__)

CODES: dict[int, int] = {
    HTTPStatus.UNAUTHORIZED: NOT_AUTHENTICATED,
    HTTPStatus.TOO_MANY_REQUESTS: RATE_LIMITED,
    HTTPStatus.BAD_GATEWAY: NOT_AVAILABLE,
    HTTPStatus.SERVICE_UNAVAILABLE: NOT_AVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: NOT_AVAILABLE,
}
SESSION = "mcp-session-id"
# a stream that is open says something every 15 seconds
TIMEOUT = httpx2.Timeout(10, read=60)
# of a token's life, the part after which there is a new one
RENEWED_AFTER = 0.8
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 2
PING = {"jsonrpc": "2.0", "id": "museo-bridge", "method": "ping"}
Json = dict[str, Any]


class Trouble(Exception):
    """The other side cannot be asked, or refuses; `code` is that of a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class ForgottenSession(Trouble):
    """The other side does not know the session any more."""

    def __init__(self) -> None:
        super().__init__(NOT_AVAILABLE, "The shop has forgotten this session. Initialize again.")


class Account:
    """Who we are there: a token, which is renewed before it ends; a guest without keys."""

    def __init__(
        self, http: httpx2.AsyncClient, shop: str, *, key: str, secret: str, token: str
    ) -> None:
        self._http = http
        self._shop = shop
        self._keys = {"api_key": key, "api_secret": secret}
        self._token = token
        self._has_keys = bool(key)
        self._renewed_at = 0.0
        self._signing_in = asyncio.Lock()
        self._is_signed_in = asyncio.Event()

    async def headers(self) -> dict[str, str]:
        """What to say who we are; raise Trouble."""
        async with self._signing_in:
            if self._has_keys and self._now() >= self._renewed_at:
                await self._sign_in()
        return {"authorization": f"Bearer {self._token}"} if self._token else {}

    def forget(self, headers: dict[str, str]) -> bool:
        """That token is not valid any more; whether there can be another."""
        if self._has_keys and headers.get("authorization") == f"Bearer {self._token}":
            self._renewed_at = 0.0
        return self._has_keys

    async def renewed(self) -> None:
        """Return when a token has ended for the most part and there is another."""
        await self._is_signed_in.wait()
        while True:
            before = self._token
            await asyncio.sleep(max(FIRST_PAUSE_SECONDS, self._renewed_at - self._now()))
            await self.headers()
            if self._token != before:
                return

    async def _sign_in(self) -> None:
        address = f"{self._shop}/api/v1/auth/token"
        async with _asked(self._http.stream("POST", address, json=self._keys)) as response:
            granted = _object(await response.aread())
        if "access_token" not in granted:
            raise Trouble(API_ERROR, f"There is no Museo at {self._shop}: it gives no tokens.")
        self._token = granted["access_token"]
        self._renewed_at = self._now() + granted.get("expires_in", 60) * RENEWED_AFTER
        self._is_signed_in.set()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class Bridge:
    """One client here and its session there."""

    def __init__(
        self, http: httpx2.AsyncClient, address: str, account: Account, outgoing: Outgoing
    ) -> None:
        self._http = http
        self._address = address
        self._account = account
        self._outgoing = outgoing
        # before 2026-07-28
        self._session = ""
        self._version = ""
        self._opening: Json = {}
        self._opening_again = asyncio.Lock()
        # what is being asked, by the client's id of it
        self._asked: dict[types.RequestId, asyncio.Task[None]] = {}

    async def serve(self, incoming: Incoming) -> None:
        """Pass everything on until the client has said all."""
        try:
            await self._pass_on(incoming)
        finally:
            await self._end()

    async def _pass_on(self, incoming: Incoming) -> None:
        async with asyncio.TaskGroup() as tasks:
            background = {"signing in": tasks.create_task(self._stay_signed_in())}
            async for each in incoming:
                if isinstance(each, Exception):
                    await self._outgoing.send(SessionMessage(unreadable(each).answer))
                    continue
                message = _json(each.message)
                method = message.get("method")
                if method == "initialize":
                    await self._ask(message)
                elif method and "id" in message:
                    self._begin(tasks.create_task(self._ask(message)), message["id"])
                elif not self._cancels(message):
                    await self._tell(message)
                if method == "notifications/initialized" and "listening" not in background:
                    background["listening"] = tasks.create_task(self._listen())
            for task in (*background.values(), *self._asked.values()):
                task.cancel()

    # from here to there

    def _begin(self, asking: asyncio.Task[None], id: types.RequestId) -> None:
        self._asked[id] = asking
        asking.add_done_callback(lambda _task: self._asked.pop(id, None))

    def _cancels(self, message: Json) -> bool:
        """Since 2026-07-28 who wants an answer no longer leaves; nothing is said."""
        if self._session or message.get("method") != "notifications/cancelled":
            return False
        asking = self._asked.get((message.get("params") or {}).get("requestId", ""))
        if asking is not None:
            asking.cancel()
        return True

    async def _ask(self, message: Json) -> None:
        try:
            await self._post(message)
        except Trouble as trouble:
            answer = Refused(message["id"], trouble.code, str(trouble), trouble.data).answer
            await self._outgoing.send(SessionMessage(answer))

    async def _tell(self, message: Json) -> None:
        """A notification or an answer; nobody waits to hear that it did not arrive."""
        try:
            await self._post(message)
        except Trouble as trouble:
            logger.warning("not passed on", extra={"reason": str(trouble)})

    async def _post(self, message: Json) -> None:
        session = self._session
        try:
            await self._post_once(message)
        except ForgottenSession:
            await self._open_again(session)
            await self._post_once(message)

    async def _post_once(self, message: Json) -> None:
        async with self._request("POST", message) as response:
            if message.get("method") == "initialize":
                self._session = response.headers.get(SESSION, "")
                self._opening = message
            if "method" in message and "id" in message:
                await self._relay(response, message)

    async def _relay(self, response: httpx2.Response, asked: Json) -> None:
        """Tell the client all that comes, to the answer."""
        async for told in _messages(response):
            is_answer = "method" not in told and told.get("id") == asked["id"]
            if is_answer and asked["method"] == "initialize":
                self._version = str(told.get("result", {}).get("protocolVersion", ""))
            await self._say(told)
            if is_answer:
                return
        raise Trouble(NOT_AVAILABLE, "The shop has gone before it answered. Look how things are.")

    async def _open_again(self, forgotten: str) -> None:
        """Another session in the place of one, with what that followed."""
        async with self._opening_again:
            if self._session != forgotten:
                return
            async with self._request("POST", self._opening) as response:
                async for _answer in _messages(response):
                    break
                self._session = response.headers.get(SESSION, "")
            begun = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            async with self._request("POST", begun):
                logger.info("opened another session")

    async def _end(self) -> None:
        if self._session:
            with suppress(Trouble, TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS), self._request("DELETE"):
                    logger.info("ended the session")

    # from there to here

    async def _listen(self) -> None:
        """Tell the client what the session's own stream says, as long as the client is there."""
        pause = FIRST_PAUSE_SECONDS
        while session := self._session:
            try:
                async with self._request("GET") as response:
                    pause = FIRST_PAUSE_SECONDS
                    async for told in _messages(response):
                        await self._say(told)
            except ForgottenSession:
                with suppress(Trouble):
                    await self._open_again(session)
            except Trouble as trouble:
                logger.warning("no updates", extra={"reason": str(trouble)})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _stay_signed_in(self) -> None:
        """What a session follows is followed as long as the newest token that it has shown."""
        while True:
            try:
                await self._account.renewed()
                if self._session:
                    async with self._request("POST", PING):
                        logger.debug("signed in again")
            except Trouble as trouble:
                logger.warning("not signed in", extra={"reason": str(trouble)})
                await asyncio.sleep(LONGEST_PAUSE_SECONDS)

    async def _say(self, told: Json) -> None:
        said = messages.message(json.dumps(told))
        if isinstance(said, SessionMessage):
            await self._outgoing.send(said)

    # a request

    @asynccontextmanager
    async def _request(
        self, method: str, message: Json | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """Ask, by another token if this one is refused; raise Trouble."""
        async with AsyncExitStack() as stack:
            who = await self._account.headers()
            try:
                response = await stack.enter_async_context(self._asked_as(who, method, message))
            except Trouble as trouble:
                if trouble.code != NOT_AUTHENTICATED or not self._account.forget(who):
                    raise
                who = await self._account.headers()
                response = await stack.enter_async_context(self._asked_as(who, method, message))
            yield response

    def _asked_as(
        self, who: dict[str, str], method: str, message: Json | None
    ) -> AbstractAsyncContextManager[httpx2.Response]:
        headers = {**self._headers(message or {}), **who}
        return _asked(
            self._http.stream(method, self._address, headers=headers, content=_body(message))
        )

    def _headers(self, message: Json) -> dict[str, str]:
        headers = {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }
        params = message.get("params") or {}
        meta = params.get("_meta")
        version = meta.get(types.PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None
        if version and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            headers |= {MCP_PROTOCOL_VERSION_HEADER: version, MCP_METHOD_HEADER: message["method"]}
            name = params.get(NAME_BEARING_METHODS.get(message["method"], ""))
            return {**headers, MCP_NAME_HEADER: encode_header_value(name)} if name else headers
        if self._session:
            headers[SESSION] = self._session
        if self._version and message.get("method") != "initialize":
            headers[MCP_PROTOCOL_VERSION_HEADER] = self._version
        return headers


@asynccontextmanager
async def _asked(
    stream: AbstractAsyncContextManager[httpx2.Response],
) -> AsyncIterator[httpx2.Response]:
    """The answer, if it is a good one; raise Trouble."""
    try:
        async with stream as response:
            if response.is_success:
                yield response
            else:
                raise _refusal(response, await response.aread())
    except httpx2.RequestError as problem:
        detail = f"The shop cannot be reached ({type(problem).__name__}). Try again in a minute."
        raise Trouble(NOT_AVAILABLE, detail) from problem


def _refusal(response: httpx2.Response, body: bytes) -> Exception:
    if response.status_code == HTTPStatus.NOT_FOUND and SESSION in response.request.headers:
        return ForgottenSession()
    said = _object(body)
    if isinstance(error := said.get("error"), dict) and "code" in error:
        return Trouble(error["code"], str(error.get("message", "")), error.get("data"))
    code = CODES.get(response.status_code, API_ERROR)
    detail = said.get("detail") or f"The shop answered {response.status_code}."
    return Trouble(code, str(detail))


async def _messages(response: httpx2.Response) -> AsyncIterator[Json]:
    """What an answer says, as one piece of JSON or as a stream."""
    kind = response.headers.get("content-type", "")
    if kind.startswith("text/event-stream"):
        async for event in httpx2.EventSource(response, max_event_size=None):
            if event.data:
                yield _object(event.data)
    elif kind.startswith("application/json"):
        yield _object(await response.aread())


def _object(text: str | bytes) -> Json:
    """Empty for what is no JSON object."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _body(message: Json | None) -> bytes | None:
    return None if message is None else json.dumps(message).encode()


def _json(message: types.JSONRPCMessage) -> Json:
    return message.model_dump(by_alias=True, mode="json", exclude_unset=True)


async def serve(
    incoming: Incoming,
    outgoing: Outgoing,
    *,
    shop: str,
    toolset: str = "",
    key: str = "",
    secret: str = "",
    token: str = "",
) -> None:
    """Pass on to the shop at an address (`https://shop.example`), to the end."""
    address = f"{shop}/mcp/{toolset}" if toolset else f"{shop}/mcp"
    async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
        account = Account(http, shop, key=key, secret=secret, token=token)
        try:
            await Bridge(http, address, account, outgoing).serve(incoming)
        finally:
            await outgoing.aclose()
