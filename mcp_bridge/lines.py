"""Standard input, line by line, in a way that a signal can end.

A thread of its own reads; the event loop never waits for it, and it does not keep the process.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator

PIECE = 64 * 1024
# as much as a body may have
LONGEST = 4 * 1024 * 1024


async def lines(source: int) -> AsyncIterator[str]:
    """The lines of a file descriptor that are not empty, to its end; a too long one is cut off."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    # the reader stays few pieces ahead
    room = threading.Semaphore(16)

    def read() -> None:
        piece = b"x"
        while piece:
            room.acquire()
            try:
                piece = os.read(source, PIECE)
            except OSError:
                piece = b""
            try:
                loop.call_soon_threadsafe(pieces.put_nowait, piece)
            except RuntimeError:
                return  # the loop has ended

    threading.Thread(target=read, name="stdin", daemon=True).start()
    rest = bytearray()
    while piece := await pieces.get():
        room.release()
        *ended, last = piece.split(b"\n")
        for end in ended:
            rest += end
            if line := _text(rest):
                yield line
            rest = bytearray()
        rest += last
        # more of it is not kept
        del rest[LONGEST + 1 :]
    if line := _text(rest):
        yield line


def _text(line: bytearray) -> str:
    return line[: LONGEST + 1].decode(errors="replace").strip()
