"""Each person's preferences as they are kept: read for many at once, shown, changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.models import User
from museo.access.problems import Invalid, NotSignedIn, field_error
from notifications import channels, preferences
from notifications.models import Preference
from notifications.preferences import CHOSEN, DEFAULT, LABELS, Preferences, Window
from notifications.wall_clock import DAY, Span

PERSON = "user"


def of_each(whose: Collection[str]) -> dict[str, Preferences]:
    """The preferences of those (`user:42`) who have said any, in one query."""
    ids = [int(id) for kind, _colon, id in (who.partition(":") for who in whose) if kind == PERSON]
    rows = Preference.objects.filter(user__in=ids).values_list("user", "wishes", "user__time_zone")
    return {f"{PERSON}:{id}": _read(wishes, zone) for id, wishes, zone in rows} if ids else {}


def of_caller(caller: Caller) -> tuple[Preferences, str]:
    """A caller's preferences, and the name of their time zone; guests have the default."""
    here = timezone.get_current_timezone_name()
    zone, wishes = "", None
    if caller.user_id is not None:
        user = User.objects.filter(pk=caller.user_id)
        zone, wishes = user.values_list("time_zone", "preference__wishes").get()
    name = zone if zone in zones() else here
    return _read(wishes or {}, name), name


def _read(wishes: Mapping[str, Any], zone: str) -> Preferences:
    quiet, digest = wishes.get("quiet_hours"), wishes.get("digest") or {}
    off, fallback = wishes.get("off") or {}, wishes.get("fallback")
    patience = timedelta(minutes=fallback["after_minutes"]) if fallback else DEFAULT.patience
    return Preferences(
        zone=_zone(zone),
        off=frozenset((category, channel) for category in off for channel in off[category]),
        quiet=Span(_time(quiet["starts_at"]), _time(quiet["ends_at"])) if quiet else None,
        is_urgent_held=bool(quiet and quiet["urgent_too"]),
        window=Window(digest.get("window", Window.OFF)),
        digest_at=_time(digest["at"]) if digest else DEFAULT.digest_at,
        is_arrival_only=bool(wishes.get("only_arrival")),
        ladder=tuple(fallback["channels"]) if fallback else (),
        patience=patience,
    )


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name if name in zones() else "UTC")


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names that a time zone may have."""
    return frozenset(available_timezones())


def _time(text: str) -> time:
    return time.fromisoformat(text)


def show(caller: Caller) -> dict[str, Any]:
    """REST's `GET /preferences`, in the active language."""
    wanted, zone = of_caller(caller)
    quiet = wanted.quiet
    return {
        "channels": {
            category.value: {
                channel: (category, channel) not in wanted.off for channel in channels.CHANNELS
            }
            for category in CHOSEN
        },
        "quiet_hours": quiet
        and {
            "starts_at": _clock(quiet.starts_at),
            "ends_at": _clock(quiet.ends_at),
            "urgent_too": wanted.is_urgent_held,
        },
        "digest": {"window": wanted.window.value, "at": _clock(wanted.digest_at)},
        "only_arrival": wanted.is_arrival_only,
        "fallback": {
            "after_minutes": wanted.patience // timedelta(minutes=1),
            "channels": list(wanted.ladder),
        }
        if wanted.ladder
        else None,
        "time_zone": zone,
        "categories": [{"code": code.value, "label": _(label)} for code, label in LABELS.items()],
        "available": [
            {name: channel[name] for name in ("code", "label", "configured")}
            for channel in channels.describe()
        ],
    }


def _clock(at: time) -> str:
    return f"{at:%H:%M}"


def save(caller: Caller, wishes: Mapping[str, Any], *, now: datetime) -> None:
    """All of a person's preferences anew; raise NotSignedIn, Invalid."""
    if caller.user_id is None:
        raise NotSignedIn(_("Sign in to choose what you are told."))
    zone = wishes.get("time_zone") or of_caller(caller)[1]
    _check(wishes, zone)
    quiet, digest = wishes.get("quiet_hours"), wishes.get("digest") or {}
    kept = {
        "off": {
            category: [channel for channel, is_on in switches.items() if not is_on]
            for category, switches in (wishes.get("channels") or {}).items()
        },
        "quiet_hours": quiet
        and {
            "starts_at": _clock(quiet["starts_at"]),
            "ends_at": _clock(quiet["ends_at"]),
            "urgent_too": quiet["urgent_too"],
        },
        "digest": {
            "window": digest.get("window", Window.OFF),
            "at": _clock(digest.get("at", DEFAULT.digest_at)),
        },
        "only_arrival": wishes.get("only_arrival", False),
        "fallback": wishes.get("fallback"),
    }
    with transaction.atomic():
        User.objects.filter(pk=caller.user_id).update(time_zone=zone)
        Preference.objects.update_or_create(
            user_id=caller.user_id, defaults={"wishes": kept, "changed_at": now}
        )


def _check(wishes: Mapping[str, Any], zone: str) -> None:
    if zone not in zones():
        raise _invalid("/time_zone", _("Choose a time zone such as Europe/Helsinki."))
    ladder = (wishes.get("fallback") or {}).get("channels")
    if ladder is not None and (len(ladder) < 2 or len(set(ladder)) < len(ladder)):
        raise _invalid("/fallback/channels", _("Name two channels or more, each once."))
    quiet = wishes.get("quiet_hours")
    if not quiet:
        return
    starts_at, ends_at = quiet["starts_at"], quiet["ends_at"]
    if starts_at == ends_at or Span(starts_at, ends_at).length > DAY - preferences.LOUD_AT_LEAST:
        raise _invalid("/quiet_hours/ends_at", _("Leave at least four hours that are not quiet."))


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[field_error(pointer, "invalid", detail)])
