"""Servers that webhooks are sent to: they answer as a test says, and keep what they got."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True)
class Got:
    """One request, its names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


# what a receiver does with a request: bytes to answer, or all of it by itself
Behave = Callable[["Got", asyncio.StreamWriter], Awaitable[bytes | None]]


@dataclass
class Receiver:
    """A server in a thread of its own; `most_open` is how many requests it had at once."""

    behave: Behave
    port: int = 0
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while got := await _read(reader):
                self.got.append(got)
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                try:
                    said = await self.behave(got, writer)
                finally:
                    self.open -= 1
                if said is None:
                    break
                writer.write(said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            # whoever called has gone, which is what some tests are about
            return
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Got | None:
    # whoever greets with TLS is let go
    if await reader.read(1) != b"P":
        return None
    head = b"P" + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Got(first.split(" ")[1], headers, body)


async def accept(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
    return OK


def always(said: bytes) -> Behave:
    async def behave(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
        return said

    return behave


async def in_drops(_got: Got, writer: asyncio.StreamWriter) -> bytes:
    """The head of an answer, a byte at a time."""
    for byte in OK:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)
    return b""


async def ten_megabytes(_got: Got, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 10000000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x" * 10_000)
        await writer.drain()
    return b""


async def reset(_got: Got, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@contextmanager
def receiving(
    behave: Behave = accept, *, tls: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Receiver]:
    """A receiver that runs until the block ends."""
    receiver = Receiver(behave)
    started, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, ssl=tls)
        receiver.port = server.sockets[0].getsockname()[1]
        started.set()
        await over.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # the transports close in the next turns of the loop
        for _ in range(3):
            await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=[run()], daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield receiver
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(10)


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's, for that name, signed by itself and kept in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
