"""Publishes as django-eventstream's documentation shows: `send_event`."""

import json
import time

import django
from django_eventstream import send_event

from bench.live.plan import Plan, batches, channel, envelope
from bench.live.publishing import Log, serve


def publish(plan: Plan, log: Log) -> None:
    for batch in batches(plan, late=log.late):
        began_at = time.monotonic()
        for each in batch:
            data = json.loads(envelope(each, plan.padding))
            send_event(channel(each.topic, plan), "message", data)
        log.took.append(time.monotonic() - began_at)


if __name__ == "__main__":
    django.setup()
    serve(publish)
