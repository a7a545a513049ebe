"""Behind a WSGI server, too, the client is looked for behind our proxies only."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import RequestFactory

from museo import wsgi


@pytest.mark.parametrize(
    ("peer", "hops", "client", "proto"),
    [
        ("127.0.0.1", "192.0.2.7", "192.0.2.7", "https"),
        ("127.0.0.1", "made up, 192.0.2.7", "192.0.2.7", "https"),
        ("127.0.0.1", "192.0.2.7, made up", "127.0.0.1", "https"),
        ("192.0.2.1", "192.0.2.7", "192.0.2.1", None),
        ("", "192.0.2.7", "", None),
    ],
)
def test_limits_are_counted_for_the_client(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    peer: str,
    hops: str,
    client: str,
    proto: str | None,
) -> None:
    settings.MUSEO_TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    seen: list[dict[str, Any]] = []

    def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        return []

    monkeypatch.setattr(wsgi, "django", django)
    request = RequestFactory().get(
        "/",
        REMOTE_ADDR=peer,
        headers={"Host": "127.0.0.1", "X-Forwarded-For": hops, "X-Forwarded-Proto": "https"},
    )

    wsgi.application(request.environ, lambda *_: None)

    assert (seen[0]["REMOTE_ADDR"], seen[0].get("HTTP_X_FORWARDED_PROTO")) == (client, proto)
