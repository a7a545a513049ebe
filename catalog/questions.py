"""Questions of shoppers about products: answered by staff, shown once that is published."""

from datetime import datetime

from django.utils.translation import gettext as _

from catalog import drafts, events, products, staff
from catalog.models import Question
from museo.access import trail
from museo.access.callers import Caller
from museo.access.limits import require_allowance
from museo.access.problems import Invalid, NotFound, Problem, field_error
from notifications import log

LONGEST_QUESTION = 1000
LONGEST_ANSWER = 4000
MOST_AN_HOUR = 10


class BadQuestion(Invalid):
    code = "bad_question"


class UnknownQuestion(NotFound):
    code = "unknown_question"


class NotAnswered(Problem):
    """A question is shown together with its answer only."""

    status = 409
    code = "not_answered"


def ask(caller: Caller, key: str, *, question: str, now: datetime) -> Question:
    """Put a question about a product to staff; raise UnknownProduct, BadQuestion and TooOften."""
    master = products.find(key, now=now)
    require_text("/question", question, longest=LONGEST_QUESTION)
    who = caller.who or caller.address or "guest"
    require_allowance(f"question:{who}", most=MOST_AN_HOUR, seconds=3600, now=now)
    with log.change():
        asked = Question.objects.create(
            master=master,
            customer_id=caller.user_id,
            question=question.strip(),
            locale=caller.locale,
            asked_at=now,
        )
        events.tell_waiting("question", asked.public_id, master, at=now)
    return asked


def answer(caller: Caller, public_id: str, *, answer: str, to: str, now: datetime) -> None:
    """Keep the answer of staff, and publish it, refuse it or let it wait; raise NotAnswered."""
    staff.require(caller, "catalog.change_question")
    if answer:
        require_text("/answer", answer, longest=LONGEST_ANSWER)
    elif to == Question.State.PUBLISHED:
        raise NotAnswered(_("Write an answer first: a question is shown together with it."))
    with log.change():
        rows = Question.objects.filter(public_id=public_id)
        if not rows.update(answer=answer.strip(), state=to, answered_at=now if answer else None):
            raise UnknownQuestion(_("There is no such question."))
        trail.leave(caller, f"question.{to}", public_id, fields=["answer", "state"], at=now)


def moderate(caller: Caller, public_id: str, *, to: str, now: datetime) -> None:
    """Publish, refuse or take back a question as it is answered; raise NotAnswered."""
    said = Question.objects.filter(public_id=public_id).values_list("answer", flat=True).first()
    answer(caller, public_id, answer=said or "", to=to, now=now)


def require_text(pointer: str, text: str, *, longest: int) -> None:
    fault = drafts.text_fault(pointer, text, longest=longest, is_line=False)
    if not fault and not drafts.is_seen(text):
        fault = field_error(pointer, "required", _("Write something that can be seen."))
    if fault:
        raise BadQuestion(fault["detail"], errors=[fault])
