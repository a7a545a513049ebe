"""Stripe's API as far as a shop uses it, on a loopback socket, kept to Stripe's API reference.

Written from docs.stripe.com/api and the published OpenAPI document (github.com/stripe/openapi):

- Checkout Sessions: POST /v1/checkout/sessions, GET /v1/checkout/sessions/{id},
  POST /v1/checkout/sessions/{id}/expire (api/checkout/sessions). `status` is open, complete or
  expired; `payment_status` paid, unpaid or no_payment_required; `expires_at` lies between 30
  minutes and 24 hours from now; only an open session can be expired.
- Refunds: POST /v1/refunds with `payment_intent` and `amount`, GET /v1/refunds/{id}
  (api/refunds). `status` is pending, requires_action, succeeded, failed or canceled. More than
  was paid is an `invalid_request_error`.
- Idempotent requests (api/idempotent_requests): a POST with a key that was seen is answered with
  what the first was, errors of the server included, and `Idempotent-Replayed: true`; with other
  parameters it is an `idempotency_error`. Requests that were not executed (401, 429, 400 by
  validation) keep no answer.
- Errors (api/errors): `{"error": {"type", "code", "message", "param"}}`; 401 without a right key,
  404 `resource_missing`, 429 `rate_limit`, 500 `api_error`.
- Webhooks (docs.stripe.com/webhooks#verify-manually): `Stripe-Signature: t=…,v1=…`, the HMAC with
  SHA-256 of `t.payload` under the endpoint's secret; events of api/events/object.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY, SECRET = "sk_test_museo", "whsec_museo"
Answer = tuple[int, dict[str, Any]]


@dataclass
class Stripe:
    """What Stripe remembers; `failing` are the statuses of the next answers, each once."""

    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, tuple[str, Answer]] = field(default_factory=dict)
    # (method, path, idempotency key)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    # the request is carried out, and its answer is lost
    losing: int = 0
    # what becomes of new refunds
    refund_status: str = "succeeded"
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    # what happens on Stripe's pages

    def pay(self, session: str, *, payment_status: str = "paid") -> None:
        """The customer pays; by a slow method it is `unpaid` at first."""
        paid = self.sessions[session]
        assert paid["status"] == "open", paid["status"]
        intent = f"pi_{session}"
        paid.update(
            status="complete", payment_status=payment_status, payment_intent=intent, url=None
        )

    def event(self, type: str, about: dict[str, Any], *, id: str = "evt_1") -> bytes:
        return json.dumps(
            {
                "id": id,
                "object": "event",
                "api_version": "2026-10-28.endive",
                "created": int(time.time()),
                "type": type,
                "livemode": False,
                "pending_webhooks": 1,
                "request": {"id": None, "idempotency_key": None},
                "data": {"object": about},
            }
        ).encode()

    # the API

    def answer(self, method: str, path: str, key: str, params: dict[str, str]) -> Answer:
        with self.lock:
            self.asked.append((method, path, key))
            if self.failing and self.failing[0] == 429:
                return self.failing.pop(0), _error("rate_limit_error", "rate_limit", "Too many.")
            if method == "GET" or not key:
                return self._carry_out(method, path, params)
            fingerprint = json.dumps([path, params], sort_keys=True)
            if key in self.answers:
                first, answer = self.answers[key]
                if first != fingerprint:
                    message = "Keys can only be used with the same parameters."
                    return 400, _error("idempotency_error", None, message)
                return answer[0], {**answer[1], "__replayed": True}
            # as it is now, whatever becomes of it later
            new = copy.deepcopy(self._carry_out(method, path, params))
            if new[0] not in (400, 404):
                self.answers[key] = (fingerprint, new)
            return new

    def _carry_out(self, method: str, path: str, params: dict[str, str]) -> Answer:
        if self.failing:
            return self.failing.pop(0), _error("api_error", None, "Something went wrong.")
        parts = path.strip("/").split("/")[1:]
        if parts[:2] == ["checkout", "sessions"]:
            return self._session(method, parts[2:], params)
        if parts[0] == "refunds":
            return self._refund(method, parts[1:], params)
        return 404, _error("invalid_request_error", "url_invalid", "Unrecognized request URL.")

    def _session(self, method: str, rest: list[str], params: dict[str, str]) -> Answer:
        if not rest:
            return self._new_session(params)
        found = self.sessions.get(rest[0])
        if found is None:
            return 404, _missing("checkout.session", rest[0])
        if rest[1:] == ["expire"] and method == "POST":
            if found["status"] != "open":
                message = "Only Checkout Sessions with a status in [open] can be expired."
                return 400, _error("invalid_request_error", None, message)
            found.update(status="expired", url=None)
        return 200, found

    def _new_session(self, params: dict[str, str]) -> Answer:
        for name in ("mode", "line_items[0][quantity]", "line_items[0][price_data][currency]"):
            if name not in params:
                message = f"Missing required param: {name}."
                return 400, _error("invalid_request_error", "parameter_missing", message)
        life = int(params["expires_at"]) - time.time() if "expires_at" in params else 86_400
        if not 30 * 60 <= life <= 24 * 3600:
            message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
            return 400, _error("invalid_request_error", None, message)
        amount = int(params["line_items[0][price_data][unit_amount]"])
        name = f"cs_test_{len(self.sessions) + 1}"
        self.sessions[name] = {
            "id": name,
            "object": "checkout.session",
            "amount_subtotal": amount,
            "amount_total": amount,
            "client_reference_id": params.get("client_reference_id"),
            "currency": params["line_items[0][price_data][currency]"],
            "expires_at": int(params.get("expires_at", 0)),
            # what the page shows; the API does not answer it
            "line": params["line_items[0][price_data][product_data][name]"],
            "livemode": False,
            "metadata": {},
            "mode": params["mode"],
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": params.get("success_url"),
            "url": f"https://checkout.stripe.com/c/pay/{name}",
        }
        return 200, self.sessions[name]

    def _refund(self, method: str, rest: list[str], params: dict[str, str]) -> Answer:
        if rest:
            found = self.refunds.get(rest[0])
            return (200, found) if found else (404, _missing("refund", rest[0]))
        intent, amount = params["payment_intent"], int(params["amount"])
        paid = [one for one in self.sessions.values() if one["payment_intent"] == intent]
        if not paid:
            return 404, _missing("payment_intent", intent)
        back = sum(
            one["amount"]
            for one in self.refunds.values()
            if one["payment_intent"] == intent and one["status"] not in ("failed", "canceled")
        )
        if back + amount > paid[0]["amount_total"]:
            code = "charge_already_refunded" if back else "amount_too_large"
            return 400, _error("invalid_request_error", code, "More than is left of the charge.")
        name = f"re_{len(self.refunds) + 1}"
        self.refunds[name] = {
            "id": name,
            "object": "refund",
            "amount": amount,
            "currency": paid[0]["currency"],
            "metadata": {
                key[len("metadata[") : -1]: value
                for key, value in params.items()
                if key.startswith("metadata[")
            },
            "payment_intent": intent,
            "reason": None,
            "status": self.refund_status,
        }
        return 200, self.refunds[name]


def _error(type: str, code: str | None, message: str) -> dict[str, Any]:
    return {"error": {"type": type, "message": message, **({"code": code} if code else {})}}


def _missing(kind: str, name: str) -> dict[str, Any]:
    return _error("invalid_request_error", "resource_missing", f"No such {kind}: '{name}'")


def signature(payload: bytes, *, secret: str = SECRET, at: int | None = None) -> str:
    """The `Stripe-Signature` header of a webhook."""
    sent = int(time.time()) if at is None else at
    signed = hmac.new(secret.encode(), f"{sent}.".encode() + payload, hashlib.sha256)
    return f"t={sent},v1={signed.hexdigest()},v0=ignored"


@contextmanager
def serve() -> Iterator[Stripe]:
    stripe = Stripe()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            params = {name: values[0] for name, values in parse_qs(body).items()}
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                error = _error("invalid_request_error", None, "Invalid API Key provided.")
                return self._send(401, error)
            key = self.headers.get("Idempotency-Key") or ""
            status, answer = stripe.answer(method, urlsplit(self.path).path, key, params)
            if stripe.losing:
                stripe.losing -= 1
                self.close_connection = True
                self.connection.close()
                return None
            return self._send(status, answer)

        def _send(self, status: int, answer: dict[str, Any]) -> None:
            shown = {name: value for name, value in answer.items() if name != "__replayed"}
            body = json.dumps(shown).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Request-Id", "req_1")
            if "__replayed" in answer:
                self.send_header("Idempotent-Replayed", "true")
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Tests say what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stripe.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stripe
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
