"""Who has said something, kept for the process that answers it, and asked again by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from museo.access import bearers
from museo.access.access_tokens import Claims, invalid
from museo.access.callers import App, Caller, caller_for_user
from museo.access.models import User

CHANNEL = "assistant"


def written(caller: Caller) -> dict[str, Any]:
    """What is needed to find the caller again; it opens what they can open, so it is sealed."""
    token = caller.token
    return {
        "user_id": caller.user_id,
        "tickets": list(caller.tickets),
        "basket_token": caller.basket_token,
        "address": caller.address,
        "scopes": sorted(caller.scopes),
        "app": asdict(caller.app) if caller.app else None,
        "token": {
            "account_id": token.account_id,
            "key_prefix": token.key_prefix,
            "scopes": sorted(token.scopes),
            "jti": token.jti,
            "ends_at": token.ends_at.isoformat(),
        }
        if token
        else None,
    }


def read(kept: Mapping[str, Any], *, locale: str, conversation: str, now: datetime) -> Caller:
    """The caller with what they may now; raise InvalidToken if that is nothing any more."""
    guest = Caller(
        tickets=tuple(kept["tickets"]),
        basket_token=kept["basket_token"],
        address=kept["address"],
        locale=locale,
        sales_channel=CHANNEL,
        conversation=conversation,
    )
    if kept["token"]:
        return guest.speaking_for(bearers.again(Caller(token=_claims(kept["token"])), now=now))
    if kept["app"]:
        return guest.speaking_for(bearers.again(Caller(app=App(**kept["app"])), now=now))
    if kept["user_id"]:
        user = User.objects.filter(pk=kept["user_id"], is_active=True).first()
        if user is None:
            raise invalid()
        return guest.speaking_for(caller_for_user(user, locale=locale))
    return replace(guest, scopes=guest.scopes & set(kept["scopes"]))


def _claims(kept: Mapping[str, Any]) -> Claims:
    return Claims(
        account_id=kept["account_id"],
        key_prefix=kept["key_prefix"],
        scopes=frozenset(kept["scopes"]),
        jti=kept["jti"],
        ends_at=datetime.fromisoformat(kept["ends_at"]),
    )
