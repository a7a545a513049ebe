"""Codes of an app and recovery codes: which are right, how often, and what of them is kept."""

from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from cryptography.fernet import MultiFernet
from django.core.management import CommandError, call_command

from museo.access import encryption, second_factor
from museo.access.callers import STAFF_SCOPES, USER_SCOPES, caller_for_user
from museo.access.limits import TooOften
from museo.access.models import RecoveryCode, SecondFactor, Trail, User
from museo.access.second_factor import AlreadyOn, WrongCode, code_of, step_at
from museo.ops import rekey
from notifications import access_changes
from notifications.models import Event
from tests.together import at_once

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STEP = step_at(NOON)
HALF_A_MINUTE = timedelta(seconds=30)
# 12345678901234567890, the key of RFC 6238, appendix B
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada@museo.example", is_staff=True)


def turn_on(user: User, *, now: datetime = NOON) -> list[str]:
    """Its recovery codes; the code of that half minute is used."""
    typed = code_of(KEY, step_at(now))
    return access_changes.turn_on_second_factor(user, KEY, typed, now=now)


def factor_of(user: User) -> SecondFactor:
    return SecondFactor.objects.get(user=user)


def check(user: User, typed: str, *, now: datetime = NOON, address: str = "192.0.2.1") -> None:
    second_factor.check(factor_of(user), typed, address=address, now=now)


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert code_of(KEY, step_at(datetime.fromtimestamp(at, tz=UTC))) == code


def test_the_address_of_a_key_says_all_that_an_app_needs() -> None:
    address = second_factor.address_of(KEY, name="ada@museo.example", shop="Ada: lamps & more")

    assert address == (
        "otpauth://totp/Ada%20lamps%20%26%20more:ada%40museo.example"
        f"?digits=6&secret={KEY}&algorithm=SHA1&issuer=Ada%20lamps%20%26%20more&period=30"
    )


def test_a_new_key_has_as_many_bits_as_its_digest() -> None:
    assert len(second_factor.new_key()) == 32
    assert second_factor.new_key() != second_factor.new_key()


@pytest.mark.parametrize("typed", ["", "000000", code_of(KEY, STEP - 2), code_of(KEY, STEP + 2)])
def test_a_key_is_kept_only_with_a_code_of_it(ada: User, typed: str) -> None:
    with pytest.raises(WrongCode):
        access_changes.turn_on_second_factor(ada, KEY, typed, now=NOON)

    assert not SecondFactor.objects.exists()
    assert not Event.objects.exists()


def test_who_has_one_gets_no_second(ada: User) -> None:
    codes = turn_on(ada)

    with pytest.raises(AlreadyOn):
        turn_on(ada, now=NOON + HALF_A_MINUTE)

    check(ada, codes[0])


@pytest.mark.usefixtures("full_buckets")
@pytest.mark.parametrize("apart", [-1, 0, 1])
def test_clocks_may_differ_by_half_a_minute(ada: User, apart: int) -> None:
    turn_on(ada, now=NOON - timedelta(hours=1))

    check(ada, code_of(KEY, STEP + apart))


@pytest.mark.parametrize("apart", [-2, 2])
def test_clocks_may_not_differ_by_more(ada: User, apart: int) -> None:
    turn_on(ada, now=NOON - timedelta(hours=1))

    with pytest.raises(WrongCode):
        check(ada, code_of(KEY, STEP + apart))


def test_a_code_counts_once_and_so_do_those_before_it(ada: User) -> None:
    turn_on(ada)
    check(ada, code_of(KEY, STEP + 1), now=NOON + HALF_A_MINUTE)

    for step in (STEP, STEP + 1):
        with pytest.raises(WrongCode):
            check(ada, code_of(KEY, step), now=NOON + HALF_A_MINUTE)
    check(ada, code_of(KEY, STEP + 2), now=NOON + 2 * HALF_A_MINUTE)


def test_a_code_is_that_of_its_person(ada: User) -> None:
    other = User.objects.create_user("bo@museo.example", is_staff=True)
    codes = turn_on(ada)
    key = second_factor.new_key()
    access_changes.turn_on_second_factor(other, key, code_of(key, STEP), now=NOON)

    for typed in (codes[0], code_of(KEY, STEP + 1)):
        with pytest.raises(WrongCode):
            check(other, typed)
    check(ada, codes[0])


def test_a_recovery_code_counts_once_however_it_is_typed(ada: User) -> None:
    codes = turn_on(ada)
    assert len(set(codes)) == 10

    check(ada, f" {codes[0].lower().replace(' ', '-')} ")

    with pytest.raises(WrongCode):
        check(ada, codes[0])
    check(ada, codes[1].replace("1", "l").replace("0", "o"))
    assert RecoveryCode.objects.unused().count() == 8


def test_digits_may_be_arabic_and_have_a_gap(ada: User) -> None:
    turn_on(ada)
    code = code_of(KEY, STEP + 1)
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))

    check(ada, f"{arabic[:3]} {arabic[3:]}")


@pytest.mark.parametrize(
    "typed", ["", "\0", "\ud800" * 16, "é" * 16, "9" * 10_000, "²" * 6, "🎨" * 6]
)
def test_what_is_no_code_is_refused(ada: User, typed: str) -> None:
    turn_on(ada)

    with pytest.raises(WrongCode):
        check(ada, typed)


def test_other_recovery_codes_end_those_of_before(ada: User) -> None:
    old = turn_on(ada)

    new = access_changes.renew_recovery_codes(factor_of(ada), now=NOON)

    with pytest.raises(WrongCode):
        check(ada, old[0])
    check(ada, new[0])


@pytest.mark.usefixtures("full_buckets")
def test_wrong_codes_are_few_from_however_many_networks(ada: User) -> None:
    codes = turn_on(ada)

    def refusals(count: int) -> set[str]:
        told = set()
        for each in range(count):
            try:
                check(ada, "000000", address=f"192.0.2.{each}")
            except (WrongCode, TooOften) as problem:
                told.add(type(problem).__name__)
        return told

    assert refusals(10) == {"WrongCode"}
    # also a right one: whoever guesses shall not learn that it was
    with pytest.raises(TooOften):
        check(ada, codes[0])
    later = NOON + timedelta(minutes=3)
    check(ada, codes[0], now=later)
    check(ada, codes[1], now=later)


@pytest.mark.usefixtures("full_buckets")
def test_right_codes_cost_nothing(ada: User, settings: Any) -> None:
    settings.MUSEO_SIGN_INS_PER_MINUTE = 1
    codes = turn_on(ada)

    for code in codes:
        check(ada, code)


def test_nothing_that_opens_can_be_read_from_what_is_kept(ada: User) -> None:
    codes = turn_on(ada)

    factor = factor_of(ada)
    kept = str([*SecondFactor.objects.values(), *RecoveryCode.objects.values()])
    assert KEY not in kept
    assert encryption.unseal(factor.key) == KEY
    for code in codes:
        assert code not in kept
        assert code.replace(" ", "") not in kept


def test_keys_are_sealed_anew_with_all_else(ada: User, settings: Any) -> None:
    turn_on(ada)
    settings.MUSEO_ENCRYPTION_KEYS = ["newer", *settings.MUSEO_ENCRYPTION_KEYS]
    encryption._keys.cache_clear()
    try:
        assert ("access_secondfactor.key", 1) in list(rekey.run())
        newest = MultiFernet(encryption._fernets()[:1])
        assert newest.decrypt(factor_of(ada).key.encode()).decode() == KEY
    finally:
        settings.MUSEO_ENCRYPTION_KEYS = settings.MUSEO_ENCRYPTION_KEYS[1:]
        encryption._keys.cache_clear()


def test_nothing_of_it_is_left_with_its_person_gone(ada: User) -> None:
    turn_on(ada)

    ada.delete()

    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()


@pytest.mark.parametrize("by", ["themselves", "an owner", "the machine"])
def test_what_is_turned_off_is_noted_and_ends_streams(ada: User, by: str) -> None:
    turn_on(ada)
    who = {"themselves": f"user:{ada.pk}", "an owner": "user:7", "the machine": ""}[by]

    assert access_changes.turn_off_second_factor(ada, who=who, now=NOON)

    assert not access_changes.turn_off_second_factor(ada, who=who, now=NOON)
    told = Trail.objects.order_by("pk").values_list("who", "what", "target", "fields")
    me = f"user:{ada.pk}"
    assert list(told) == [(me, "second_factor.on", me, []), (who, "second_factor.off", me, [])]
    ended = Event.objects.filter(type="access.revoked").values_list("data", flat=True)
    assert list(ended) == [{"who": me, "topics": []}] * 2


def test_the_machine_lets_in_who_has_lost_everything(ada: User, capsys: Any) -> None:
    turn_on(ada)

    call_command("second_factor", "off", "ADA@museo.example")

    assert "ada@museo.example signs in by password alone now." in capsys.readouterr().out
    assert not SecondFactor.objects.exists()
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("second_factor", "off", "ada@museo.example")
    with pytest.raises(CommandError, match="Nobody has"):
        call_command("second_factor", "off", "nobody@museo.example")


def test_staff_without_the_factor_that_is_asked_for_are_customers(ada: User, settings: Any) -> None:
    """Whichever way a person becomes a caller: session, app, subscription, conversation."""

    def rights() -> tuple[bool, frozenset[str]]:
        caller = caller_for_user(User.objects.get(pk=ada.pk), locale="en")
        return caller.is_staff, caller.scopes

    assert rights() == (True, STAFF_SCOPES)
    settings.MUSEO_STAFF_SECOND_FACTOR = "required"
    assert rights() == (False, USER_SCOPES)
    turn_on(ada)
    assert rights() == (True, STAFF_SCOPES)


@pytest.mark.both
@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_a_code_that_is_used_twice_at_once_counts_once(committed: None, kind: str) -> None:
    ada = User.objects.create_user("ada@museo.example", is_staff=True)
    codes = turn_on(ada)
    factor = factor_of(ada)
    typed = codes[0] if kind == "recovery code" else code_of(KEY, STEP + 1)

    told = at_once([lambda: second_factor.use(factor, typed, now=NOON)] * 4)

    assert sorted(told, key=str) == [False, False, False, True]


@pytest.mark.both
def test_a_code_that_is_looked_at_first_is_used_twice(committed: None) -> None:
    """The twin reads, then writes."""
    ada = User.objects.create_user("ada@museo.example", is_staff=True)
    turn_on(ada)
    meet = Barrier(2)

    def read_then_write() -> bool:
        factor = factor_of(ada)
        meet.wait(timeout=60)
        if factor.last_step >= STEP + 1:
            return False
        SecondFactor.objects.filter(pk=factor.pk).update(last_step=STEP + 1)
        return True

    told: list[Any] = at_once([read_then_write] * 2)

    assert told == [True, True]
