"""The tool that runs all this: what it needs, what it runs, what it says."""

import stat
import sys
from pathlib import Path

import pytest

from museo.ops.preflight import ROOT
from tests import checks, debian, needs, services, shared
from tests.checks import Check, Result, Servers, all_checks, chosen_tests, summary
from tests.needs import Need

EVERYTHING = Servers(
    database_url="postgres://postgres@%2Ftmp%2Fpg/postgres",
    redis_url="unix:///tmp/v.sock?db=0",
    has_browser=True,
    has_npm=True,
)
NOTHING = Servers(database_url="", redis_url="", has_browser=False, has_npm=False)
NOT_THERE = Need("unicorn", "a unicorn", lambda: None, "apt-get install unicorn", "unicorn")


def test_every_lane_has_a_database_a_folder_and_a_queue_of_its_own(tmp_path: Path) -> None:
    lanes = {
        check.title: check
        for check in all_checks(EVERYTHING, tmp_path)
        if check.title in checks.LANES
    }

    assert [lane.environment["DATABASE_URL"] for lane in lanes.values()] == [
        f"{EVERYTHING.database_url}_bridge",
        "",
        f"{EVERYTHING.database_url}_heavy",
        f"{EVERYTHING.database_url}_push",
        "",
        EVERYTHING.database_url,
        f"{EVERYTHING.database_url}_orders",
        "",
    ]
    homes = {lane.environment["MUSEO_HOME"] for lane in lanes.values()}
    queues = {lane.environment["REDIS_URL"] for lane in lanes.values()}
    assert len(homes) == len(queues) == 8


def test_what_one_lane_leaves_to_another_is_there(tmp_path: Path) -> None:
    lanes = {check.title: check for check in all_checks(EVERYTHING, tmp_path)}

    for title, folders in (
        (checks.OF_THE_PUSH, checks.PUSHED),
        (checks.OF_THE_BRIDGE, checks.OF_MCP),
        (checks.OF_THE_ORDERS, checks.OF_ORDERS),
        (checks.IN_A_CALM_SHOP, checks.OF_AN_OPEN_SHOP),
        (checks.IN_A_BUSY_SHOP, checks.OF_AN_OPEN_SHOP),
        (checks.HEAVY, checks.COMPUTE_MUCH),
    ):
        for where in folders:
            assert f"--ignore={where}" in lanes[checks.ON_POSTGRESQL].command
            assert where in lanes[title].command
            assert (ROOT / where).is_file() or list((ROOT / where).glob("test_*.py"))
    assert f"--ignore={checks.TALKS}" in lanes[checks.OF_THE_PUSH].command
    for where in checks.COMPUTE_MUCH:
        assert f"--ignore={where}" in lanes[checks.OF_THE_ORDERS].command


def test_tables_are_copied_on_a_server_of_ones_own_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = all_checks(EVERYTHING, tmp_path)
    monkeypatch.setenv("TEST_DATABASE_URL", EVERYTHING.database_url)
    given = all_checks(EVERYTHING, tmp_path)

    lanes = {check.title for check in own if shared.TEMPLATE in check.environment}
    assert lanes >= set(checks.LANES)
    assert not [check.title for check in given if shared.TEMPLATE in check.environment]


def test_only_the_long_form_measures_what_is_run(tmp_path: Path) -> None:
    short, long = (all_checks(EVERYTHING, tmp_path, is_long=is_long) for is_long in (False, True))

    assert not [check.title for check in short if "coverage" in check.command]
    measured = [check.title for check in long if "coverage" in check.command]
    assert measured == [
        *(checks.OF_THE_BRIDGE, checks.OF_THE_PUSH, checks.ON_POSTGRESQL, checks.OF_THE_ORDERS),
        *("coverage data", "coverage"),
    ]


def test_what_is_left_out_is_not_run_and_holds_no_floor(tmp_path: Path) -> None:
    found = all_checks(NOTHING, tmp_path, is_long=True, is_whole=False)

    assert checks.ON_POSTGRESQL not in {check.title for check in found}
    pages = next(check for check in found if check.title == checks.IN_A_CALM_SHOP)
    assert list(pages.command[-3:-1]) == ["-m", "not browser and not interop and calm"]
    assert "--fail-under=0" in found[-1].command


def test_chosen_tests_run_on_both_engines_and_nothing_else_runs(tmp_path: Path) -> None:
    lanes = chosen_tests(EVERYTHING, tmp_path, ["tests/orders", "-k", "race"])

    assert [lane.title for lane in lanes] == [checks.ON_POSTGRESQL, checks.ON_SQLITE]
    assert all("race" in lane.command for lane in lanes)


def test_settings_of_the_callers_own_shop_reach_no_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSEO_DEBUG", "1")
    monkeypatch.setenv("MUSEO_HOME", "/home/me/shop")

    for check in all_checks(EVERYTHING, tmp_path):
        assert "MUSEO_DEBUG" not in check.environment
        assert check.environment["MUSEO_HOME"].startswith(str(tmp_path))


def test_the_summary_ends_with_all_tests_in_pytests_form() -> None:
    results = [
        Result("lint", passed=True, seconds=0.1),
        Result(checks.ON_POSTGRESQL, passed=False, seconds=60, counts={"passed": 200, "failed": 2}),
        Result(checks.ON_SQLITE, passed=True, seconds=30, counts={"passed": 50, "skipped": 1}),
    ]

    said = summary(results, [needs.NEEDS[1]], 90.1)

    assert "  ok         0.1 s  lint" in said
    assert "  FAILED    60.0 s  tests on PostgreSQL: 2 failed, 200 passed" in said
    assert "  left out: Chromium (MUSEO_TEST_WITHOUT)" in said
    assert said.endswith("==== 2 failed, 250 passed, 1 skipped in 90.10s ====")


def test_the_long_ones_run_together_before_what_comes_after_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each of the first two can only end when the one after it has begun."""
    python = [sys.executable, "-c"]

    def waits_for(mark: str) -> str:
        return f"import os\nwhile not os.path.exists({str(tmp_path / mark)!r}): pass\n"

    def makes(mark: str) -> str:
        return f"open({str(tmp_path / mark)!r}, 'w'); print('from beside')\n"

    def long(title: str, code: str) -> Check:
        return Check(title, [*python, code], {}, is_long=True)

    results = checks.run(
        [
            Check("text", [*python, ""], {}),
            long("one", waits_for("two")),
            long("two", makes("two") + waits_for("three")),
            long("three", makes("three") + "raise SystemExit(1)"),
            Check("last", [*python, ""], {}),
        ]
    )

    found = {result.title: result.passed for result in results}
    assert found == {"text": True, "one": True, "two": True, "three": False, "last": True}
    assert [results[0].title, results[-1].title] == ["text", "last"]
    assert "from beside" in capfd.readouterr().out


def test_pytests_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="10" failures="1" errors="2" skipped="3"/></testsuites>'
    )

    assert checks._counts(report) == {"failed": 1, "error": 2, "skipped": 3, "passed": 4}
    assert checks._counts(tmp_path / "none.xml") == {}


def test_a_part_is_left_out_by_name_only() -> None:
    assert [need.name for need in needs.left_out(" browser,postgresql ,")] == [
        "postgresql",
        "browser",
        "browser",
    ]
    with pytest.raises(SystemExit, match="names browsers; what it knows is postgresql"):
        needs.left_out("browsers")


def test_what_is_missing_fails_with_the_line_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        needs.provide([NOT_THERE], may_install=False)

    assert ended.value.code == 1
    assert "Type: apt-get install unicorn" in capsys.readouterr().err


def test_only_root_on_debian_installs_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    monkeypatch.setattr(debian, "install", lambda package: pytest.fail("installed"))

    with pytest.raises(SystemExit):
        needs.provide([NOT_THERE], may_install=True)


def test_root_installs_what_is_missing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(debian, "can_install", lambda: True)
    installed: list[str] = []
    monkeypatch.setattr(debian, "install", installed.append)
    unicorn = Need(
        "unicorn", "a unicorn", lambda: tmp_path if installed else None, "", "unicorn", also="hay"
    )

    assert needs.provide([unicorn], may_install=True) == {"unicorn": tmp_path}
    assert installed == ["unicorn", "hay"]
    assert "installing Debian's package unicorn" in capsys.readouterr().out


def test_a_policy_of_the_machine_is_put_back(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("theirs")
    policy.chmod(0o711)

    with debian._file(policy, "ours"):
        assert policy.read_text() == "ours"

    assert policy.read_text() == "theirs"
    assert stat.S_IMODE(policy.stat().st_mode) == 0o711
    assert list(tmp_path.iterdir()) == [policy]


def test_a_policy_that_was_not_there_goes_again_with_its_folder(tmp_path: Path) -> None:
    with debian._file(tmp_path / "new" / "museo.conf", "ours"):
        pass

    assert list(tmp_path.iterdir()) == []


def test_the_newest_postgresql_is_taken() -> None:
    folders = [Path(f"/usr/lib/postgresql/{version}/bin") for version in (9, 15, 17)]

    assert max(folders, key=services._version) == folders[-1]
