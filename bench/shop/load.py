"""The client in C: sends prepared requests over some connections and times each answer."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from bench.live import kitchen

SOURCE = Path(__file__).with_name("load.c")
RECORD = struct.Struct("<IIQII")
LAST = 0xFFFFFFFF


@dataclass(frozen=True)
class Answer:
    """`index` is that of the request; status 0 means that none came."""

    index: int
    status: int
    nanoseconds: int
    size: int
    head: bytes = field(default=b"", repr=False)
    body: bytes = field(default=b"", repr=False)

    def headers(self, name: str) -> list[str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        named = (line.partition(":") for line in lines)
        return [value.strip() for found, _, value in named if found.lower() == name.lower()]


@dataclass(frozen=True)
class Load:
    """All answers of a run; `own_cpu` is the part of one core that the client itself used."""

    answers: Sequence[Answer]
    seconds: float
    own_cpu: float
    # of the server and its database, in seconds
    their_cpu: float = 0.0

    def figures(self) -> dict[str, float]:
        took = sorted(answer.nanoseconds / 1e6 for answer in self.answers)
        cuts = quantiles(took, n=100, method="inclusive") if len(took) > 1 else took * 99
        return {
            "per_second": round(len(took) / self.seconds, 1),
            "p50_ms": round(cuts[49], 3),
            "p99_ms": round(cuts[98], 3),
            "cpu_ms": round(self.their_cpu * 1000 / len(took), 3),
            "client": round(self.own_cpu, 3),
        }


def build(folder: Path) -> Path:
    """The program, compiled anew when its source is newer."""
    program = folder / "load"
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        strict = ["-O2", "-Wall", "-Wextra", "-pthread"]
        subprocess.run([kitchen.compiler(), *strict, "-o", program, SOURCE], check=True)
    return program


def send(
    program: Path,
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    cycles: bool = False,
    keeps: bool = False,
) -> Load:
    """Each request once, in order, or again and again until the time is over."""
    mode = ("cycle" if cycles else "once") + ("+keep" if keeps else "")
    done = subprocess.run(
        [program, str(port), str(connections), str(seconds), mode],
        input=b"".join(struct.pack("<I", len(request)) + request for request in requests),
        stdout=subprocess.PIPE,
        check=True,
    )
    return read(done.stdout, keeps=keeps)


def read(told: bytes, *, keeps: bool) -> Load:
    """What the program wrote."""
    *answers, (last, _head, _body) = _records(told, keeps)
    index, _status, nanoseconds, user, system = last
    if index != LAST:
        raise ValueError("The client's last record is missing.")
    seconds = nanoseconds / 1e9
    return Load(
        [
            Answer(index, status, took, size, head, unchunked(head, body))
            for (index, status, took, _length, size), head, body in answers
        ],
        seconds=seconds,
        own_cpu=(user + system) / 1e6 / seconds,
    )


def _records(
    told: bytes, keeps: bool
) -> Iterator[tuple[tuple[int, int, int, int, int], bytes, bytes]]:
    at = 0
    while at < len(told):
        index, status, took, head, body = RECORD.unpack_from(told, at)
        at += RECORD.size
        middle, end = (at + head, at + head + body) if keeps and index != LAST else (at, at)
        yield (index, status, took, head, body), told[at:middle], told[middle:end]
        at = end


def unchunked(head: bytes, body: bytes) -> bytes:
    """The body without the lengths of its chunks, if it has any."""
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    whole, rest = b"", body
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        size = int(length.split(b";")[0], 16)
        if not size:
            break
        whole, rest = whole + rest[:size], rest[size + 2 :]
    return whole


def request(
    method: str,
    path: str,
    *,
    port: int,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> bytes:
    """As it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
