"""Django behind ASGI: a request is one piece of work for one of a few threads.

Django's own handler goes from the loop to a thread and back for every hook of every middleware, and
starts a thread for each request; our views and middlewares are synchronous, so that this brings
nothing. The chain here is the one that a WSGI server has.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from io import SEEK_END
from typing import IO, Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers import asgi, base
from django.urls import set_script_prefix

from museo import connecting
from museo.edge import Message, Scope, Send

# as many as the pool of connections has; they are started as they are needed
THREADS = connecting.MOST


class Pages(asgi.ASGIHandler):
    """Everything that Django answers. A stream is made while it is sent, part by part."""

    def __init__(self) -> None:
        base.BaseHandler.__init__(self)
        self.load_middleware()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        loop = asyncio.get_running_loop()

        def send_from_thread(message: Message) -> None:
            asyncio.run_coroutine_threadsafe(_sent(send, message), loop).result()

        work = copy_context().run
        rest = await loop.run_in_executor(
            self._threads, work, self._answer, scope, body, send_from_thread
        )
        for message in rest:
            await send(message)

    def create_request(self, scope: Mapping[str, Any], body_file: IO[bytes]) -> Any:
        """A body that comes in pieces says no length, and would be taken for none."""
        request, refusal = super().create_request(scope, body_file)
        if request is not None and "CONTENT_LENGTH" not in request.META:
            body_file.seek(0, SEEK_END)
            request.META["CONTENT_LENGTH"] = str(body_file.tell())
            body_file.seek(0)
        return request, refusal

    def _answer(
        self, scope: Scope, body: IO[bytes], send: Callable[[Message], None]
    ) -> Iterable[Message]:
        """What is left to send; a stream has been sent when this returns."""
        with closing(body):
            set_script_prefix(asgi.get_script_prefix(scope))
            signals.request_started.send(sender=type(self), scope=scope)
            request, refusal = self.create_request(scope, body)
            response: Any = refusal if request is None else self.get_response(request)
            # whom Django's signal of the end comes from
            response._handler_class = type(self)
            with closing(response):
                if not response.streaming:
                    return list(_messages(response, [response.content]))
                for message in _messages(response, response):
                    send(message)
        return []


def _messages(response: Any, parts: Iterable[bytes]) -> Iterator[Message]:
    headers = [(name.encode(), value.encode("latin1")) for name, value in response.items()]
    headers += [
        (b"Set-Cookie", cookie.OutputString().encode()) for cookie in response.cookies.values()
    ]
    yield {"type": "http.response.start", "status": response.status_code, "headers": headers}
    for part in parts:
        yield {"type": "http.response.body", "body": part, "more_body": True}
    yield {"type": "http.response.body"}


async def _sent(send: Send, message: Message) -> None:
    await send(message)
