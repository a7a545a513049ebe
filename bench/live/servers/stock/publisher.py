"""Publishes as Channels' documentation shows: `group_send` to the topic's group."""

import asyncio
import time
from typing import Any

from channels.layers import get_channel_layer

from bench.live.plan import Plan, batches, channel, envelope
from bench.live.publishing import Log, serve

loop = asyncio.new_event_loop()


def publish(plan: Plan, log: Log) -> None:
    loop.run_until_complete(_publish(plan, log))


async def _publish(plan: Plan, log: Log) -> None:
    layer: Any = get_channel_layer()
    for batch in batches(plan, late=log.late):
        began_at = time.monotonic()
        for each in batch:
            message = {"type": "order.event", "text": envelope(each, plan.padding)}
            await layer.group_send(channel(each.topic, plan), message)
        log.took.append(time.monotonic() - began_at)


if __name__ == "__main__":
    serve(publish)
