"""Many tabs of one browser share one stream; over HTTP/1.1 there are only six connections."""

import pytest
from playwright.sync_api import Error, Page

from tests.clients.orders import Desk
from tests.clients.proxy import Proxy
from tests.processes import eventually
from tests.whole.reader import Watch, without

pytestmark = pytest.mark.browser


def test_eight_tabs_of_one_order_are_all_live_by_one_stream(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    first = watch(order)
    readers = [first, *(watch(order, beside=first) for _ in range(7))]

    calm.advance(order, "confirmed")
    for reader in readers:
        reader.shows("confirmed")

    assert proxy.streams == 1
    assert len(proxy.asked) == 1


@pytest.mark.long
def test_without_sharing_the_streams_would_use_up_the_connections(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()

    def alone(page: Page) -> None:
        without(page, "live-tabs.js", "if (!navigator.locks)", "if (true)")

    first = watch(order, prepare=alone)
    for _ in range(5):
        watch(order, beside=first, prepare=alone)

    assert proxy.streams == 6
    page = first.context.new_page()
    with pytest.raises(Error, match="Timeout"):
        page.goto(f"{proxy.address}/orders/{order.number}", timeout=2000)


def test_a_tab_with_another_order_joins_the_same_stream(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    one, other = calm.buy(), calm.buy()
    first = watch(one)
    second = watch(other, beside=first)
    eventually(lambda: other.topic in proxy.asked[-1] and one.topic in proxy.asked[-1])

    calm.advance(other, "confirmed")
    second.shows("confirmed")
    calm.advance(one, "confirmed", "preparing")
    first.shows("preparing")

    assert (first.versions, second.versions) == ([3, 2, 1], [2, 1])
    assert proxy.streams == 1


@pytest.mark.parametrize("how", ["closed", "crashed"])
def test_when_the_leading_tab_is_gone_another_leads_and_nothing_is_missed(
    calm: Desk, watch: Watch, proxy: Proxy, how: str
) -> None:
    order = calm.buy()
    leader = watch(order)
    rest = [watch(order, beside=leader) for _ in range(2)]

    if how == "closed":
        leader.page.close()
    else:
        with pytest.raises(Error, match="crash"):
            leader.page.goto("chrome://crash")
    calm.advance(order, "confirmed")

    for reader in rest:
        reader.shows("confirmed")
        assert reader.versions == [2, 1]
    eventually(lambda: proxy.streams == 1)


def test_a_tab_whose_order_has_arrived_hands_the_stream_on(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    one, other = calm.buy(), calm.buy()
    leader = watch(one)
    second = watch(other, beside=leader)

    calm.advance(one, "confirmed", "preparing", "out_for_delivery", "delivered")
    leader.says("finished")
    calm.advance(other, "confirmed")
    second.shows("confirmed")

    eventually(lambda: proxy.streams == 1)
    calm.advance(other, "preparing", "out_for_delivery", "delivered")
    second.says("finished")
    eventually(lambda: proxy.streams == 0)


def test_a_follower_does_not_wait_for_a_leading_tab_that_went_silent(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    leader = watch(order)
    second = watch(order, beside=leader)
    # it keeps the lock and says nothing any more
    leader.page.evaluate("document.querySelector('museo-live').stream.repeat = () => {}")
    second.pretend(hidden=True)
    second.page.evaluate("document.querySelector('museo-live').stream.heardAt -= 30_000")

    calm.advance(order, "confirmed")
    second.pretend(hidden=False)

    second.shows("confirmed")
    assert second.versions == [2, 1]
