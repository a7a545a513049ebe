"""The assistant as pages: a conversation, its turns, and forms that say something.

A turn is written here only: the page's script asks for it again when its run has ended. Without a
script a form is sent, and the page comes again until there is an answer.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from mcp_bridge.assistant import client_types, conversations, intake, leases, steps
from mcp_bridge.assistant.memory import Memory
from mcp_bridge.models import Conversation, Message
from museo.access.callers import BASKET_COOKIE, Caller, caller_from_request
from museo.access.problems import NotFound, Problem
from museo.access.sent_forms import form_of
from notifications import log
from notifications.envelope import render as render_envelope
from orders import cookies

STOREFRONT, STAFF = client_types.WEB.name, "web-admin"
# of a form that no script sends
PATIENCE_SECONDS, LOOKS_EVERY_SECONDS = 5.0, 0.05
# fields of forms that lie within another
WITHIN = "."
MOST_STEPS = 2000
TOLD = (steps.PROCESS_START, steps.THINKING, steps.TOOL_EXECUTION)


@dataclass(frozen=True)
class Taken:
    """A step that a run has taken: in words, by which tool, and for how long."""

    words: str
    tool: str
    state: str
    seconds: float | None


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    return _conversation(request, STOREFRONT, "assistant/ask.html", {"section": "ask"})


@require_http_methods(["GET", "POST"])
@staff_member_required
def ask_as_staff(request: HttpRequest) -> HttpResponse:
    about = {"title": _("Assistant"), "section": "assistant"}
    return _conversation(request, STAFF, "assistant/staff.html", about)


@require_GET
def turn(request: HttpRequest, message_id: str) -> HttpResponse:
    """One turn by itself."""
    message = conversations.find(caller_from_request(request), message_id, now=timezone.now())
    answer = render(request, "assistant/_turn.html", {"turn": _shown(message, _taken(message))})
    return _with_basket(answer, request, message.conversation)


@form_of("ask")
def stop(request: HttpRequest, message_id: str) -> HttpResponse:
    message = leases.stop(caller_from_request(request), message_id, now=timezone.now())
    return HttpResponseRedirect(_address(message))


def _shown(message: Message, taken: Iterable[Taken]) -> dict[str, Any]:
    """A turn as its template has it: how it stands, and the steps that were taken."""
    ended = message.ended_at or timezone.now()
    return {
        **conversations.show(message),
        "is_open": message.state in conversations.OPEN,
        "steps": list(taken),
        "seconds": (ended - message.at).total_seconds(),
        "client_type": message.client_type,
    }


def _conversation(
    request: HttpRequest, client_type: str, template: str, about: Mapping[str, Any]
) -> HttpResponse:
    caller, now = caller_from_request(request), timezone.now()
    problem: Problem | None = None
    if request.method == "POST":
        try:
            return HttpResponseRedirect(_said(request, caller, client_type, now=now))
        except NotFound:
            raise
        except Problem as refusal:
            problem = refusal
    asked = request.POST.get("conversation_id") or request.GET.get("c", "")
    found = conversations.find_conversation(caller, asked, now=now) if asked else None
    rows = _rows(found) if found else []
    taken = _steps(steps.conversation_topic(asked)) if rows else {}
    answer = render(
        request,
        template,
        {
            **about,
            "conversation_id": asked,
            "client_type": client_type,
            "turns": [_shown(each, taken[each.public_id].values()) for each in rows],
            "is_waiting": any(each.state in conversations.OPEN for each in rows),
            "problem": problem,
            "draft": request.POST.get("message", "") if problem else request.GET.get("q", ""),
            "examples": _examples(client_type),
        },
        status=problem.status if problem else 200,
    )
    return _with_basket(answer, request, found) if found else answer


def _said(request: HttpRequest, caller: Caller, client_type: str, *, now: datetime) -> str:
    """Where the answer to a form will be."""
    given = request.POST
    accepted = intake.accept(
        caller,
        text=given.get("message", ""),
        conversation_id=given.get("conversation_id", ""),
        client_type=client_type,
        locale=get_language() or "",
        confirm=given.get("confirm", ""),
        agree=given.get("agree", "yes") == "yes",
        details=_details(given),
        key=given.get("key", ""),
        now=now,
    )
    _wait_for(accepted.message)
    return _address(accepted.message)


def _wait_for(message: Message) -> None:
    """Most are answered before the form's answer would come back; the page asks for the others."""
    ends = time.monotonic() + PATIENCE_SECONDS
    unanswered = Message.objects.filter(pk=message.pk, ended_at=None)
    while time.monotonic() < ends and unanswered.exists():
        time.sleep(LOOKS_EVERY_SECONDS)


def _address(message: Message) -> str:
    name = "admin_assistant" if message.client_type == STAFF else "ask"
    return f"{reverse(name)}?c={message.conversation.public_id}#{message.public_id}"


def _details(given: Mapping[str, str]) -> dict[str, Any]:
    """`details.address.line1` lies within `address`."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        _details, dot, path = name.partition(WITHIN)
        if _details != "details" or not dot or not value:
            continue
        *outer, last = path.split(WITHIN)
        place = found
        for each in outer:
            place = place.setdefault(each, {})
        place[last] = value
    return found


def _rows(conversation: Conversation) -> list[Message]:
    rows = conversation.messages.select_related("conversation").order_by("-number")
    return list(reversed(rows[: conversations.MOST_SHOWN]))


def _taken(message: Message) -> Iterable[Taken]:
    topic = steps.topic(message.conversation.owner, message.public_id)
    return _steps(topic)[message.public_id].values()


def _steps(topic: str) -> Mapping[str, dict[tuple[int, str], Taken]]:
    """By message, from the log: a tool that has begun and ended is one step."""
    found: defaultdict[str, dict[tuple[int, str], Taken]] = defaultdict(dict)
    for event in log.read([topic], after=0, limit=MOST_STEPS):
        if event.type not in TOLD:
            continue
        data = render_envelope(event, get_language() or settings.LANGUAGE_CODE)["data"]
        about = data["metadata"]
        if about.get("state") == steps.WRITING:
            continue
        tool = about.get("tool", "")
        found[data["message_id"]][data["step"], tool or data["description"]] = Taken(
            data["description"], tool, about.get("state", "done"), about.get("seconds")
        )
    return found


def _examples(client_type: str) -> list[str]:
    if client_type == STAFF:
        return [
            _("Which orders are late?"),
            _("Set the price of the red mug to 12 euros"),
            _("How many orders came in today?"),
        ]
    return [
        _("Do you have iPhone 15?"),
        _("Show me red mugs under 20 euros"),
        _("Where is my order?"),
    ]


def _with_basket(
    response: HttpResponse, request: HttpRequest, conversation: Conversation
) -> HttpResponse:
    """A guest's basket that the assistant has begun is the browser's, too."""
    if request.user.is_authenticated or BASKET_COOKIE in request.COOKIES:
        return response
    token = Memory.read(conversation.sealed).basket_token
    if token:
        cookies.keep(response, BASKET_COOKIE, token)
    return response
