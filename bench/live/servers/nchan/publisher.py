"""Publishes by POST on one connection that stays open."""

import sys
import time
from http.client import HTTPConnection

from bench.live.plan import Plan, batches, channel, envelope
from bench.live.publishing import Log, serve


def publish(plan: Plan, log: Log) -> None:
    server = HTTPConnection("127.0.0.1", int(sys.argv[1]))
    server.connect()
    for batch in batches(plan, late=log.late):
        began_at = time.monotonic()
        for each in batch:
            path = f"/publish/{channel(each.topic, plan)}"
            server.request("POST", path, envelope(each, plan.padding), {"Content-Type": "text/x"})
            server.getresponse().read()
        log.took.append(time.monotonic() - began_at)
    server.close()


if __name__ == "__main__":
    serve(publish)
