"""The near limit: one statement of PostgreSQL for each call, passed through as it comes."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_urlsafe

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    where = {"host": os.environ["BENCH_DATABASE_HOST"], "database": os.environ["BENCH_DATABASE"]}
    async with asyncpg.create_pool(user="postgres", min_size=8, max_size=8, **where) as pool:
        app.state.pool = pool
        yield


async def listing(request: Request) -> Response:
    return _told(await request.app.state.pool.fetchval("SELECT product_list()"))


async def detail(request: Request) -> Response:
    slug = request.path_params["slug"]
    return _told(await request.app.state.pool.fetchval("SELECT product_detail($1)", slug))


async def add(request: Request) -> Response:
    body = await request.json()
    token = request.headers.get("x-basket-token") or token_urlsafe(24)
    wanted = (token, body["sku"], body["quantity"])
    return _told(await request.app.state.pool.fetchval("SELECT basket_add($1, $2, $3)", *wanted))


async def checkout(request: Request) -> Response:
    body = await request.json()
    details = (body["email"], body["name"], json.dumps(body["address"]))
    token, number = request.headers["x-basket-token"], token_urlsafe(12)
    place = "SELECT order_place($1, $2, $3, $4, $5)"
    try:
        placed = await request.app.state.pool.fetchval(place, token, number, *details)
    except asyncpg.CheckViolationError:
        return _told('{"code": "sold_out"}', 409)
    return _told(placed, 201)


def _told(body: str | None, status: int = 200) -> Response:
    if body is None:
        return Response('{"code": "not_found"}', 404, media_type="application/json")
    return Response(body, status, media_type="application/json")


app = Starlette(
    routes=[
        Route("/api/v1/catalog/products", listing),
        Route("/api/v1/catalog/products/{slug}", detail),
        Route("/api/v1/basket/items", add, methods=["POST"]),
        Route("/api/v1/orders/checkout", checkout, methods=["POST"]),
    ],
    lifespan=lifespan,
)
