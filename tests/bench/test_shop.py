"""The shop's bench tells a speed only of right answers, and counts what was sold."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.live import report
from bench.shop import answers, load, paths, runs
from bench.shop.faces import Basket, Museo, Naive, Oscar, Wrong, cents
from bench.shop.load import Answer
from bench.shop.products import Product, read, write
from tests import services

MUSEO = Museo(port=1)
OSCAR = Oscar(port=1, ids={"mug-0": 7})


def product(number: int = 0) -> Product:
    return Product(
        slug=f"mug-{number}",
        sku=f"MUG-{number}",
        name=f"Mug {number}",
        subtitle="",
        description="",
        category="mugs",
        room="clay",
        image="/media/mug.svg",
        amount=1250 + number,
        published_at="2026-11-20T12:00:00+00:00",
    )


SOLD = [product(number) for number in range(30)]


def told(body: Any, *, status: int = 200, index: int = 0, head: bytes = b"") -> Answer:
    text = json.dumps(body).encode()
    return Answer(index, status, 1_000_000, len(text), head, text)


def card(each: Product) -> dict[str, Any]:
    return {"name": each.name, "price": {"amount": each.amount}}


def basket(units: int, total: int, *, index: int = 0) -> Answer:
    lines = [{"quantity": 1}] * units
    body = {"token": "t", "lines": lines, "totals": [{"amount": 1}, {"amount": total}]}
    return told(body, index=index)


def test_a_list_must_have_the_newest_in_order_at_their_prices() -> None:
    right = [card(each) for each in SOLD[:20]]
    answers.check_list(MUSEO, told({"results": right}), SOLD)

    for wrong in (right[:19], right[::-1], [*right[:19], card(SOLD[25])]):
        with pytest.raises(Wrong, match="instead of"):
            answers.check_list(MUSEO, told({"results": wrong}), SOLD)
    dearer = [*right[:19], {**right[19], "price": {"amount": 1}}]
    with pytest.raises(Wrong):
        answers.check_list(MUSEO, told({"results": dearer}), SOLD)


def test_a_refusal_is_no_right_answer() -> None:
    with pytest.raises(Wrong, match="status 429"):
        answers.check_detail(MUSEO, told({}, status=429), SOLD[0])
    with pytest.raises(Wrong, match="status 0"):
        answers.check_alike([told({}), told({}, status=0)])


def test_answers_to_one_request_must_be_alike() -> None:
    answers.check_alike([told("a"), told("b"), told("longer", index=1)])

    with pytest.raises(Wrong):
        answers.check_alike([told("a"), told("longer")])


def test_baskets_must_have_what_was_put_in_at_its_price() -> None:
    [(first, cost)] = answers.opened(MUSEO, [basket(1, 1251, index=1)], SOLD, before=[])
    assert (first.key, first.units, cost) == (("t",), 1, 1251)

    [(both, _cost)] = answers.opened(MUSEO, [basket(2, 2501)], SOLD, before=[first])
    assert both.total == 2501

    for wrong in (basket(1, 1250), basket(2, 2500), basket(2, 1250)):
        with pytest.raises(Wrong):
            answers.opened(MUSEO, [wrong], SOLD, before=[first])


def test_orders_must_cost_what_the_basket_did_and_delivery() -> None:
    baskets = [Basket(("t",), 2, 2501)]

    answers.check_paid(MUSEO, [told({"total": {"amount": 2891}}, status=201)], baskets)
    with pytest.raises(Wrong):
        answers.check_paid(MUSEO, [told({"total": {"amount": 2501}}, status=201)], baskets)


def test_what_is_sold_beyond_the_stock_is_counted() -> None:
    statuses = [201, 200, 409, 406, 201]
    accepted = answers.orders(told({}, status=status) for status in statuses)

    assert accepted == 3
    assert answers.oversold(accepted=3, stock=2, left=-1) == {"oversold": 1}
    assert answers.oversold(accepted=2, stock=2, left=0) == {"oversold": 0}
    with pytest.raises(Wrong, match="1 sold of 2"):
        answers.oversold(accepted=1, stock=2, left=1)
    with pytest.raises(Wrong, match="1 left"):
        answers.oversold(accepted=2, stock=2, left=1)
    with pytest.raises(Wrong, match="status 500"):
        answers.orders([told({}, status=201), told({}, status=500)])


def test_the_peers_answers_are_read_as_they_come() -> None:
    line = {"product": {"price": "12.50"}, "quantity": 1}
    naive = Naive(port=1).basket(told({"token": "n", "lines": [line], "total": "12.50"}))
    assert (naive.key, naive.units, naive.total) == (("n",), 1, 1250)
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n\r\n"
    address = "http://127.0.0.1:1/api/baskets/1/"

    first = OSCAR.basket(told({"url": address, "total_incl_tax": "12.50"}, head=head))
    more = OSCAR.basket(told({"url": address, "total_incl_tax": "25.01"}), first)

    assert first.key == more.key == ("a=1; b=2", address)
    assert (more.units, more.total) == (2, 2501)
    assert b"\r\nCookie: a=1; b=2\r\n" in OSCAR.add(SOLD[0], first)
    assert cents("0.29") == 29


def test_products_are_read_as_they_were_written(tmp_path: Path) -> None:
    write(SOLD, tmp_path / "products")

    assert read(tmp_path / "products") == SOLD


def record(index: int, status: int, took: int, head: bytes = b"", body: bytes = b"") -> bytes:
    return struct.pack("<IIQII", index, status, took, len(head), len(body)) + head + body


END = struct.pack("<IIQII", load.LAST, 0, 2_000_000_000, 300_000, 200_000)


def test_the_clients_records_are_read_with_its_own_cpu() -> None:
    found = load.read(record(3, 200, 5_000_000, b"head", b"body!") + END, keeps=True)

    [answer] = found.answers
    assert (answer.index, answer.status, answer.body, answer.size) == (3, 200, b"body!", 5)
    assert found.figures() == {
        "per_second": 0.5,
        "p50_ms": 5.0,
        "p99_ms": 5.0,
        "cpu_ms": 0.0,
        "client": 0.25,
    }
    with pytest.raises(ValueError, match="last record"):
        load.read(record(3, 200, 5_000_000, b"head", b"body!"), keeps=True)


def test_pgbenchs_log_is_read_in_microseconds() -> None:
    log = "".join(f"0 {n} {n * 1000} 0 1732100000 1\n" for n in range(1, 101))

    assert runs.latencies(log, seconds=2) == {"per_second": 50, "p50_ms": 50.5, "p99_ms": 99.01}


def test_museo_is_held_to_the_best_of_the_peers() -> None:
    rows = [
        {"server": "museo", "pattern": "hot", "problem": "", "per_second": 120, "oversold": 0},
        {"server": "oscar", "pattern": "hot", "problem": "", "per_second": 10, "oversold": 9},
    ]
    hot = next(path for path in paths.PATHS if path.name == "hot")

    said = report.verdicts({"hot": report.medians(rows, hot)}, paths.TARGETS)

    assert "| hot: requests / s ≥ 12x of oscar | 12.00x | yes |" in said
    assert "| hot: sold too many ≤ 0 | 0.0 | yes |" in said
    assert "(museo, uvicorn): requests / s ≥ 1x of oscar | - | not measured" in said


# the program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.platform != "linux" or services.find_compiler() is None:
        pytest.skip("no C compiler is installed")
    return load.build(tmp_path_factory.mktemp("load"))


@contextmanager
def serving(answer: Callable[[bytes], list[bytes]]) -> Iterator[int]:
    """A server that answers each request in pieces; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, answer), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, answer: Callable[[bytes], list[bytes]]) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, answer), daemon=True).start()


def _serve(connection: socket.socket, answer: Callable[[bytes], list[bytes]]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        while asked := connection.recv(65536):
            for piece in answer(asked):
                connection.sendall(piece)
            if b"close" in asked:
                return


def test_each_request_is_sent_once_and_its_answer_kept(program: Path) -> None:
    def echo(asked: bytes) -> list[bytes]:
        path = asked.split()[1]
        if path == b"/chunked":
            return [
                b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwi",
                b"ki\r\n",
                b"5\r\npedia\r\n0\r\n\r\n",
            ]
        connection = b"Connection: close\r\n" if path == b"/close" else b""
        length = str(len(path)).encode()
        return [
            b"HTTP/1.1 200 OK\r\n" + connection + b"content-length: " + length,
            b"\r\n\r\n",
            path,
        ]

    requests = [load.request("GET", f"/{name}", port=1) for name in ("a", "close", "chunked")] * 20

    with serving(echo) as port:
        found = load.send(program, port, requests, connections=3, seconds=30, keeps=True)

    assert sorted(answer.index for answer in found.answers) == list(range(60))
    bodies = {0: (200, b"/a"), 1: (200, b"/close"), 2: (201, b"wikipedia")}
    for answer in found.answers:
        assert (answer.status, answer.body) == bodies[answer.index % 3]


def test_an_answer_that_does_not_come_is_told_as_such(program: Path) -> None:
    with serving(lambda _asked: [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]) as port:
        gone = [load.request("GET", "/close", port=1)]
        found = load.send(program, port, gone, connections=1, seconds=30)

    assert [answer.status for answer in found.answers] == [0]


def test_requests_begin_again_until_the_time_is_over(program: Path) -> None:
    with serving(lambda _asked: [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]) as port:
        asked = [load.request("GET", "/", port=1)] * 2
        found = load.send(program, port, asked, connections=2, seconds=0.2, cycles=True)

    assert len(found.answers) > 2
    assert {answer.index for answer in found.answers} == {0, 1}
