"""The epoll client in C: built once, then one process for each run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("client.c")


def build(compiler: Path, folder: Path) -> Path:
    """The program, compiled anew when its source is newer."""
    program = folder / "client"
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, SOURCE], check=True)
    return program


class Client:
    """`count` connections of a kind (`sse`, `ws`) to one server; ends by itself, or by `stop`."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        kind: str,
        port: int,
        paths: Sequence[str],
        count: int,
        **options: object,
    ) -> None:
        listed = folder / "paths"
        listed.write_text("".join(f"{path}\n" for path in paths))
        words = [f"{name}={value}" for name, value in options.items()]
        command: list[str | Path] = [
            program,
            kind,
            "127.0.0.1",
            str(port),
            listed,
            str(count),
            *words,
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def opened(self) -> Mapping[str, Any]:
        """When all are open, or will not be: how many are, how many were refused, the seconds."""
        return self._line()

    def arrived(self) -> dict[str, Any]:
        """At the end: what arrived, and how it arrived."""
        arrived = self._line()
        self._process.wait()
        return dict(arrived)

    def stop(self) -> None:
        self._process.terminate()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _line(self) -> Mapping[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("The bench's client ended early; what it said is above.")
        told: Mapping[str, Any] = json.loads(line)
        return told
