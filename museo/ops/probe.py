"""Whether the process of this container is well: for who watches containers.

`python -m museo.ops.probe http://127.0.0.1:8000/healthz` asks a server, `… /tmp/pulse` looks when a
worker last touched that file, `--pulse` of `museo.ops.worker`. Ends with 0 or 1. Standard library
only, for it is started often.
"""

import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

ANSWERS_WITHIN = 4.0
# beat gives each of them something to do once a second
WORKS_WITHIN = 10.0


def is_well(what: str) -> bool:
    return _answers(what) if what.startswith("http://") else _works(Path(what))


def _answers(url: str) -> bool:
    at = urlsplit(url)
    asked = HTTPConnection(at.hostname or "", at.port, timeout=ANSWERS_WITHIN)
    try:
        asked.request("GET", at.path)
        return asked.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        asked.close()


def _works(pulse: Path) -> bool:
    try:
        return time.time() - pulse.stat().st_mtime < WORKS_WITHIN
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_well(sys.argv[1]) else 1)
