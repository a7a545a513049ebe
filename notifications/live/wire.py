"""The short way out: bytes that are the same for all clients, straight to uvicorn's transports.

ASGI's `send` frames each message for each client anew, which costs as much as the rest of Museo's
part in a delivery. Here a packet is framed once for all. Only a connection that is open and takes
bytes at once is written to like this; everything else, and every other server, is for `send`.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

# write these bytes; False: nothing was written, `send` must
Write = Callable[[bytes], bool]


def chunk(body: bytes) -> bytes:
    """A chunk of a body (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)


def text_frame(text: bytes) -> bytes:
    """A WebSocket message of one frame (RFC 6455, section 5.2)."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def short_way(send: Any) -> Write | None:
    """Past this `send`, if it is uvicorn's own."""
    connection = getattr(send, "__self__", None)
    if type(connection) is RequestResponseCycle:
        return _Chunks(connection).write
    if type(connection) is WebSocketsSansIOProtocol:
        return _Frames(connection).write
    return None


class _Chunks:
    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def write(self, chunk: bytes) -> bool:
        cycle = self._cycle
        if cycle.flow.write_paused or cycle.disconnected or not cycle.chunked_encoding:
            return False
        cycle.transport.write(chunk)
        return True


class _Frames:
    __slots__ = ("_protocol",)

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol

    def write(self, frame: bytes) -> bool:
        protocol = self._protocol
        connection = protocol.conn
        if connection.extensions or connection.state is not OPEN or protocol.disconnected:
            return False
        if protocol.close_sent or not protocol.writable.is_set():
            return False
        protocol.transport.write(frame)
        return True
