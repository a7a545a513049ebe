"""`python -m bench.assistant [--quick]`: prints a table; see README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
from websockets.asyncio.client import connect

from bench.live import kitchen, measuring
from bench.shop.sites import NO_LIMIT
from tests import services
from tests.processes import eventually, is_healthy
from tests.shops import free_port

ROOT = Path(__file__).parents[2]
SAYINGS = ("Do you have red mugs?", "Add the Aalto mug to my basket", "What is in my basket?")
QUIET = ("--no-access-log", "--no-server-header", "--log-level", "warning")


@dataclass(frozen=True)
class Sizes:
    """`pause` is how long a person rests after an answer, in seconds; None for not at all."""

    conversations: int = 50
    messages: int = 12
    pauses: tuple[float, ...] = (2.0, 1.0, 0.0)
    rounds: int = 3


QUICK = Sizes(conversations=5, messages=4, pauses=(0.2,), rounds=1)


@dataclass
class Heard:
    """Seconds from saying something."""

    first_step: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work: one small round")
    sizes = QUICK if parser.parse_args().quick else Sizes()
    with _shop() as (address, web, database):
        # whoever comes first waits until all is loaded
        asyncio.run(_round(address, 1, 3, 0.0))
        asyncio.run(_round(address, sizes.conversations, 2, 0.0))
        rows = [_row(sizes, pause, address, web, database) for pause in sizes.pauses]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {measuring.machine()}, load {measuring.load()}\n")
    names = ("rest", "messages / s", "first step p50 / p95 ms", "answer p50 / p95 ms")
    print(f"| {' | '.join(names)} | CPU ms / message: process, database |")
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def _row(
    sizes: Sizes, pause: float, address: str, web: psutil.Process, database: psutil.Process
) -> list[str]:
    """Medians of the rounds."""
    found = []
    for _number in range(sizes.rounds):
        before, began = (_cpu(web), _cpu(database)), time.monotonic()
        heard = asyncio.run(_round(address, sizes.conversations, sizes.messages, pause))
        seconds, count = time.monotonic() - began, len(heard.answer)
        found.append(
            (
                count / seconds,
                _at(heard.first_step, 0.5),
                _at(heard.first_step, 0.95),
                _at(heard.answer, 0.5),
                _at(heard.answer, 0.95),
                1000 * (_cpu(web) - before[0]) / count,
                1000 * (_cpu(database) - before[1]) / count,
            )
        )
    rate, first, late_first, answer, late, process, of_database = (
        statistics.median(column) for column in zip(*found, strict=True)
    )
    return [
        f"{pause:g} s",
        f"{rate:.0f}",
        f"{first:.0f} / {late_first:.0f}",
        f"{answer:.0f} / {late:.0f}",
        f"{process:.1f}, {of_database:.1f}",
    ]


def _at(seconds: list[float], part: float) -> float:
    """Milliseconds that this part of them does not exceed."""
    return 1000 * sorted(seconds)[min(len(seconds) - 1, int(part * len(seconds)))]


async def _round(address: str, conversations: int, messages: int, pause: float) -> Heard:
    heard = Heard()
    spread = pause / conversations
    await asyncio.gather(
        *(_talk(address, messages, pause, each * spread, heard) for each in range(conversations))
    )
    return heard


async def _talk(address: str, messages: int, pause: float, wait: float, heard: Heard) -> None:
    async with connect(f"{address}/ws/assistant/".replace("http:", "ws:"), open_timeout=60) as line:
        await asyncio.sleep(wait)
        conversation = ""
        for number in range(messages):
            said = {"message": SAYINGS[number % len(SAYINGS)], "conversationId": conversation}
            began, first = time.perf_counter(), 0.0
            await line.send(json.dumps(said))
            while True:
                told = json.loads(await line.recv())
                if told["type"] == "accepted":
                    conversation = told["conversationId"]
                elif told["type"] == "response":
                    break
                elif told["type"] == "refused":
                    sys.exit(f"bench.assistant: refused, {told['message']}")
                first = first or time.perf_counter()
            heard.first_step.append(first - began)
            heard.answer.append(time.perf_counter() - began)
            await asyncio.sleep(pause)


def _cpu(process: psutil.Process) -> float:
    """Of it and its children, also those that have ended."""
    alive = [process, *process.children(recursive=True)]
    own = sum(sum(each.cpu_times()[:2]) for each in alive)
    return float(own + sum(process.cpu_times()[2:4]))


@contextmanager
def _shop() -> Iterator[tuple[str, psutil.Process, psutil.Process]]:
    """A live process with the demo's products, on a PostgreSQL and a Valkey of its own."""
    with ExitStack() as stack:
        cluster = stack.enter_context(services.cluster(kitchen.postgresql(), settings=()))
        redis_url = stack.enter_context(services.valkey(kitchen.valkey_server()))
        home, port = stack.enter_context(tempfile.TemporaryDirectory()), free_port()
        environment = {
            **os.environ,
            "DATABASE_URL": cluster.url,
            "REDIS_URL": redis_url,
            "MUSEO_HOME": home,
            "MUSEO_CALLS_PER_MINUTE": NO_LIMIT,
            "MUSEO_STREAMS_PER_CALLER": NO_LIMIT,
            "MUSEO_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        for command in (["migrate", "--verbosity=0"], ["demo"]):
            words = [sys.executable, "manage.py", *command]
            subprocess.run(words, cwd=ROOT, env=environment, check=True)
        at = ("--port", str(port), "--ws", "websockets-sansio")
        web = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "museo.asgi:application", *at, *QUIET],
            cwd=ROOT,
            env=environment,
        )
        stack.callback(web.wait)
        stack.callback(web.terminate)
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: is_healthy(address), seconds=60)
        yield address, psutil.Process(web.pid), _postmaster(cluster.url)


def _postmaster(url: str) -> psutil.Process:
    """The first process of the PostgreSQL whose sockets are in the folder that the URL names."""
    folder = unquote(urlsplit(url).netloc.rpartition("@")[2])
    found = (each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"])
    return next(each for each in found if f"{folder}/data" in " ".join(each.info["cmdline"]))


if __name__ == "__main__":
    main()
