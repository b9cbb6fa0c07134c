"""The doctor's judgements: tables for whoever knows call centres, and not Python."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.dialplan import generated
from ccdaemon.findings import Finding, Owned, Runs, State
from ccdaemon.machine import is_kept_out_of_swap, knows
from ccdaemon.model import Fault, Setting
from ccdaemon.rules.examined.modes import (
    closed_faults,
    folder_faults,
    heard_faults,
    lent_faults,
    readable,
    recorded_faults,
    replaced_faults,
    secret_faults,
    spool_faults,
    umask_faults,
)
from ccdaemon.rules.examined.modules import ALWAYS, OF, module_findings, needed
from ccdaemon.rules.examined.rights import NEEDED, rights_findings
from ccdaemon.rules.examined.staffing import phone_findings, queue_findings, trunk_findings
from ccdaemon.rules.examined.tone import HERTZ, LEVEL, RATE, tone_findings
from ccdaemon.rules.examined.upkeep import (
    DAY,
    HOUR,
    alarm_findings,
    backup_finding,
    clock_finding,
    daemon_findings,
    disk_finding,
    name_finding,
    night_finding,
    own_sources,
    swap_finding,
)
from ccdaemon.shipped import shipped
from tests.builders import example, example_site

DAEMON, ASTERISK, SHARED, OTHER = 990, 980, 980, 1000  # users, and Asterisk's group
NOW = 1_800_000_000.0
CORE = {  # applications and functions that no module brings
    *("goto", "gotoif", "set", "mset", "answer", "hangup", "wait"),
}
OK, WARNING, FAULT, UNSEEN = State.OK, State.WARNING, State.FAULT, State.UNSEEN


def states(findings: list[Finding]) -> list[State]:
    return [each.state for each in findings]


def said(findings: list[Finding]) -> str:
    return " ".join(each.text for each in findings)


# --- modules ---------------------------------------------------------------------------------------------------------


def our_dialplan(folder: Path) -> list[Setting]:
    """The shipped contexts and the generated ones."""
    (folder / "ccdaemon").mkdir()
    for file in shipped("dialplan").glob("*.conf"):
        (folder / "ccdaemon" / file.name).write_text(file.read_text())
    (folder / "ccdaemon" / "cc-site.conf").write_text(generated(example(), "secret", Path("/second")))
    (folder / "extensions.conf").write_text("#include ccdaemon/*.conf\n")
    return [each for each in read_asterisk(folder).dialplan or () if each.key in {"exten", "same"}]


def test_of_everything_that_our_dialplan_names_the_module_is_known(tmp_path: Path) -> None:
    lines = [each.value for each in our_dialplan(tmp_path) if ",hint," not in each.value]
    applications = {name for line in lines for name in re.findall(r",(?:\d|n)(?:\([\w-]+\))?,([A-Za-z]+)", f",{line}")}
    nested = {name for line in lines for name in re.findall(r"\?(\w+)\(", line)}
    functions = {name for line in lines for name in re.findall(r"[$#]\{(\w+)\(", line)}
    assert len(applications) > 20
    assert {each.lower() for each in applications | nested | functions} - OF.keys() - CORE == set()


def test_what_the_loaded_dialplan_does_not_name_is_not_needed(tmp_path: Path) -> None:
    wanted = needed(our_dialplan(tmp_path))
    assert {"app_queue", "app_mixmonitor", "app_confbridge", "res_agi", "func_sha1", *ALWAYS} <= wanted.keys()
    assert "app_originate" not in wanted
    assert "app_originate" in needed([Setting("mine", "exten", "*80,1,Originate(PJSIP/1001,app,Playback,beep)", "")])


@pytest.mark.parametrize(
    ("there", "expected", "text"),
    [
        ({"app_queue": True, "res_agi": True}, [OK], "all 2 that are needed work"),
        ({"app_queue": False, "res_agi": True}, [FAULT], "app_queue is not loaded, or did not come up: no caller"),
        ({"app_queue": False, "res_agi": False}, [FAULT, FAULT], "module load res_agi.so"),
        ({"app_queue": None, "res_agi": True}, [UNSEEN], "nobody knows of app_queue: Asterisk has no func_module"),
        ({}, [UNSEEN], "app_queue, res_agi"),
    ],
)
def test_a_module_that_is_missing_is_named_with_what_callers_lose(
    there: Mapping[str, bool | None], expected: list[State], text: str
) -> None:
    found = module_findings({"app_queue": "no caller would reach a person", "res_agi": "no menu"}, there)
    assert states(found) == expected
    assert text in said(found)


# --- rights ----------------------------------------------------------------------------------------------------------


def allowed(*more: tuple[str, str], without: str = "") -> dict[str, str]:
    """What Asterisk lists for a user with the rights that the sample gives."""
    ours = {action: "Something.  (Priv: call,reporting,all)" for action in NEEDED if action != without}
    return {**ours, "Ping": "Keepalive command.  (Priv: <none>)", **dict(more)}


@pytest.mark.parametrize(
    ("actions", "expected", "text"),
    [
        (allowed(), [OK], "may send what it needs"),
        (allowed(("Status", "List channel status.  (Priv: system,call,reporting,all)")), [OK], ""),
        (allowed(("Command", "Execute a command.  (Priv: command,all)")), [FAULT], "ccdaemon has command (Command)"),
        (
            allowed(
                ("Reload", "Send a reload event.  (Priv: system,config,all)"),
                ("ModuleLoad", "Module management.  (Priv: system,all)"),
            ),
            [FAULT],
            "ccdaemon has system (ModuleLoad): whoever has the secret could change Asterisk",
        ),
        (
            allowed(("Reload", "Send a reload event.  (Priv: system,config,all)")),
            [FAULT],
            "ccdaemon has config or system (Reload)",
        ),
        (allowed(("Originate", "Originate a call.  (Priv: originate,all)")), [WARNING], "nothing in this site does so"),
        (allowed(without="Setvar"), [FAULT], "may not send Setvar: there is no heartbeat: callers get the second tier"),
    ],
)
def test_our_user_of_the_manager_port_has_no_more_rights_than_it_needs_and_no_fewer(
    actions: Mapping[str, str], expected: list[State], text: str
) -> None:
    found = rights_findings("ccdaemon", actions)
    assert states(found) == expected
    assert text in said(found)
    assert {each.where for each in found} <= {"", "manager.conf: ccdaemon.write"}


def test_where_messages_are_taken_calls_may_be_started_and_must_be() -> None:
    may = allowed(("Originate", "Originate a call.  (Priv: originate,all)"))
    assert states(rights_findings("ccdaemon", may, takes_messages=True)) == [OK]
    found = rights_findings("ccdaemon", allowed(), takes_messages=True)
    assert states(found) == [FAULT]
    assert "may not send Originate: no agent is brought a caller's message" in said(found)


# --- queues, phones, trunk -------------------------------------------------------------------------------------------

STAFFED = {name: ["PJSIP/1001"] for service in example_site().services.values() for name in service.queue.names}


@pytest.mark.parametrize(
    ("members", "is_open", "expected", "text"),
    [
        (STAFFED, {"housing"}, [OK], "all 29 of the site are loaded, each with a member"),
        ({**STAFFED, "housing": []}, {"housing"}, [FAULT], "housing has no member: nobody can answer who calls"),
        ({**STAFFED, "housing": []}, set(), [WARNING], "housing has no member"),  # they log in in the morning
        ({**STAFFED, "housing-cy": []}, {"housing"}, [WARNING], "wait there in vain before they join housing"),
        (
            {name: each for name, each in STAFFED.items() if name != "housing"},
            {"housing"},
            [FAULT],
            "housing is not loaded: callers to Housing would hear the fallback. Write [housing] into queues.conf",
        ),
    ],
)
def test_every_queue_has_somebody_who_can_answer(
    members: Mapping[str, list[str]], is_open: set[str], expected: list[State], text: str
) -> None:
    found = queue_findings(example_site(), "reception", members, is_open)
    assert states(found) == expected
    assert text in said(found)


def test_a_fallback_queue_that_is_not_loaded_is_a_fault() -> None:
    (found,) = queue_findings(example_site(), "attic", STAFFED, set())
    assert (found.state, found.where) == (FAULT, "ccdaemon.toml: asterisk.fallback_queue")


def test_a_phone_that_is_not_there_is_named_with_its_service() -> None:
    there = {f"PJSIP/{phone.endpoint}": "NOT_INUSE" for phone in example_site().phones.values()}
    assert states(phone_findings(example_site(), there)) == [OK]
    (found,) = phone_findings(example_site(), {**there, "PJSIP/1001": "UNAVAILABLE", "PJSIP/8001": "INVALID"})
    assert found.state is FAULT
    assert "2 of 12 are not registered, or do not answer: 1001 (housing), 8001 (payments)" in found.text


@pytest.mark.parametrize(
    ("reachable", "registered", "expected"),
    [
        (True, True, OK),
        (True, None, OK),
        (None, True, OK),
        (False, True, FAULT),
        (True, False, FAULT),
        (None, None, UNSEEN),  # nobody asks the carrier
    ],
)
def test_whether_the_trunk_answers_is_known_or_said_not_to_be(
    reachable: bool | None,  # noqa: FBT001 - a column of the table
    registered: bool | None,  # noqa: FBT001 - a column of the table
    expected: State,
) -> None:
    (found,) = trunk_findings(
        "trunk", {"reachable": reachable, "registered": registered, "round_trip_ms": None, "calls": 0}
    )
    assert found.state is expected


# --- owners and modes ------------------------------------------------------------------------------------------------


def a_file(mode: int, user: int = DAEMON, group: int = SHARED) -> Owned:
    return Owned(Path("/a/file"), user, group, mode)


@pytest.mark.parametrize(
    ("faults", "texts"),
    [
        (secret_faults(a_file(0o400), DAEMON), []),
        (secret_faults(a_file(0o600), None), []),
        (secret_faults(a_file(0o440), DAEMON), ["has mode 0440: others than the daemon can read it"]),
        (secret_faults(a_file(0o404), DAEMON), ["has mode 0404"]),
        (secret_faults(a_file(0o400, user=0), DAEMON), ["belongs to user 0 and not to the daemon's, 990"]),
        (secret_faults(a_file(0o644, user=OTHER), DAEMON), ["has mode 0644", "belongs to user 1000"]),
        (closed_faults(a_file(0o640), "chmod 640"), []),
        (closed_faults(a_file(0o644), "chmod 640"), ["every user of the machine may use it. chmod 640 /a/file"]),
        (folder_faults(a_file(0o700)), []),
        (folder_faults(a_file(0o750)), ["has mode 0750: others than the daemon may get at the keys"]),
        (umask_faults(Runs(ASTERISK, frozenset({SHARED}), 0o007)), []),
        (umask_faults(Runs(ASTERISK, frozenset({SHARED}), None)), []),  # an old kernel does not tell
        (
            umask_faults(Runs(ASTERISK, frozenset({SHARED}), 0o022)),
            ["umask 0022: what it records is readable by"],
        ),
        (recorded_faults(a_file(0o660, user=ASTERISK), a_file(0o2770)), []),
        (recorded_faults(a_file(0o644, user=ASTERISK), a_file(0o2770)), ["readable by every user", "cannot finish"]),
        (
            recorded_faults(a_file(0o660, group=OTHER), a_file(0o2770)),
            ["for group 1000: the daemon cannot finish"],
        ),
    ],
)
def test_a_file_is_for_those_alone_who_need_it(faults: list[Fault], texts: list[str]) -> None:
    found = [each.text for each in faults]
    assert len(found) == len(texts)
    assert all(text in each for text, each in zip(texts, found, strict=True)), found


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        (a_file(0o2770), None),
        (a_file(0o2770, user=ASTERISK, group=OTHER), None),  # it is Asterisk's own
        (a_file(0o2775), "every user of the machine can read what is recorded. chmod 2770"),
        (a_file(0o2750), "cannot both write there: nothing is recorded, or nothing is finished. chmod 2770"),
        (a_file(0o770), "does not get the group that the daemon reads with. chmod 2770"),
        (a_file(0o2770, group=OTHER), "it is not of Asterisk's group: nothing is recorded. chgrp asterisk; chmod 2770"),
        (a_file(0o700), "cannot both write there: nothing is recorded, or nothing is finished; what Asterisk records"),
    ],
)
def test_the_spool_is_for_asterisk_and_the_daemon(folder: Owned, text: str | None) -> None:
    found = [each.text for each in spool_faults(folder, Runs(ASTERISK, frozenset({SHARED}), 0o007))]
    assert [text is not None and text in each for each in found] == ([True] if text else []), found


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        (a_file(0o2750), None),
        (a_file(0o2750, user=ASTERISK, group=OTHER), None),  # it is Asterisk's own
        (a_file(0o2755), "every user of the machine can hear what is played there"),
        (a_file(0o750), "Asterisk cannot read there: agents and supervisors hear nothing"),
        (a_file(0o2700), "Asterisk cannot read there: agents and supervisors hear nothing"),
        (a_file(0o2750, group=OTHER), "it is not of Asterisk's group: agents and supervisors hear nothing"),
    ],
)
def test_what_agents_are_brought_is_for_asterisk_to_read(folder: Owned, text: str | None) -> None:
    found = [each.text for each in lent_faults(folder, Runs(ASTERISK, frozenset({SHARED}), 0o007))]
    assert [text is not None and text in each for each in found] == ([True] if text else []), found


@pytest.mark.parametrize(("folder", "heard"), [(a_file(0o755), True), (a_file(0o700, group=OTHER), False)])
def test_callers_hear_what_was_spoken_at_a_handset_if_asterisk_may_read_it(folder: Owned, *, heard: bool) -> None:
    found = [each.text for each in heard_faults([a_file(0o711), folder], Runs(ASTERISK, frozenset({SHARED}), None))]
    assert ["no emergency message is heard" in each for each in found] == ([] if heard else [True])
    assert [*heard_faults([folder], None)] == []  # where nobody knows who Asterisk is


@pytest.mark.parametrize(
    ("user", "daemon", "sound"), [(OTHER, OTHER, True), (0, OTHER, False), (OTHER, 0, True), (OTHER, None, True)]
)
def test_prompts_lie_where_the_daemon_may_put_those_that_are_spoken(
    user: int, daemon: int | None, *, sound: bool
) -> None:
    found = [each.text for each in replaced_faults(a_file(0o755, user=user), daemon)]
    assert ["no prompt can be recorded at a handset" in each for each in found] == ([] if sound else [True])


@pytest.mark.parametrize(
    ("folder", "file", "expected"),
    [
        (a_file(0o755), a_file(0o644), True),
        (a_file(0o711), a_file(0o644), True),  # who knows the name need not list the folder
        (a_file(0o700), a_file(0o644), False),
        (a_file(0o755, group=OTHER), a_file(0o600), False),
        (a_file(0o750), a_file(0o640), True),  # of its group
        (a_file(0o755, group=OTHER), a_file(0o640, group=OTHER), False),
        (a_file(0o755), a_file(0o004, user=ASTERISK), False),  # its own, and closed to itself
        (a_file(0o755), a_file(0o604), False),  # its group has less than others
    ],
)
def test_asterisk_may_read_a_prompt_if_it_may_go_through_to_it(folder: Owned, file: Owned, *, expected: bool) -> None:
    assert readable([folder, file], Runs(ASTERISK, frozenset({SHARED}), None)) is expected
    assert readable([folder, file], Runs(0, frozenset({0}), None))


# --- daemon and machine ----------------------------------------------------------------------------------------------


def told(**topics: Any) -> dict[str, Any]:  # noqa: ANN401 - what the daemon says
    online = {"daemon": {"state": "online", "version": "1", "since": NOW - DAY}, "ami": {"state": "up", "reason": None}}
    return {"topics": {**online, **topics}}


@pytest.mark.parametrize(
    ("topics", "version", "expected", "text"),
    [
        ({}, "1", [OK], "runs in version 1, and has a link with Asterisk"),
        ({}, "2", [WARNING], "runs in version 1, and 2 is installed. systemctl restart ccdaemon"),
        ({"ami": {"state": "down", "reason": "refused"}}, "1", [FAULT], "no link with Asterisk (refused)"),
        ({"daemon": {"state": "draining", "version": "1"}}, "1", [FAULT], "is draining: new calls go to the second"),
    ],
)
def test_how_the_daemon_is(topics: Mapping[str, Any], version: str, expected: list[State], text: str) -> None:
    found = daemon_findings(told(**topics), version)
    assert states(found) == expected
    assert text in said(found)


def test_an_alarm_is_a_fault_until_somebody_is_at_it() -> None:
    assert states(alarm_findings({"calls": {"live": 0}})) == [OK]
    alarm = {"raised": 1, "text": "the disk is nearly full", "acknowledged": None}
    assert states(alarm_findings({"alarms/disk": alarm})) == [FAULT]
    assert states(alarm_findings({"alarms/disk": {**alarm, "acknowledged": 2}})) == [WARNING]


@pytest.mark.parametrize(
    ("free", "used", "expected"),
    [(50 * 2**30, 40.0, OK), (50 * 2**30, 86.0, WARNING), (2**30, 40.0, WARNING), (50 * 2**30, 95.0, FAULT)],
)
def test_a_disk_is_told_of_before_it_is_full(free: int, used: float, expected: State) -> None:
    assert disk_finding("/spool", {"free_bytes": free, "used_percent": used}).state is expected


@pytest.mark.parametrize(
    ("swaps", "limit", "expected"),
    [(False, None, OK), (True, None, WARNING), (True, "max", WARNING), (True, "4096", WARNING), (True, "0", OK)],
)
@pytest.mark.parametrize("where", ["system.slice/ccdaemon.service", "system.slice"])
def test_what_may_be_written_into_swap_is_told(
    tmp_path: Path,
    swaps: bool,  # noqa: FBT001 - a column of the table
    limit: str | None,
    where: str,
    expected: State,
) -> None:
    service = tmp_path / "system.slice" / "ccdaemon.service"
    service.mkdir(parents=True)
    if limit is not None:
        (tmp_path / where / "memory.swap.max").write_text(f"{limit}\n")
    assert swap_finding(swaps=swaps, kept_out=is_kept_out_of_swap(service)).state is expected


@pytest.mark.parametrize(
    ("synchronised", "error", "expected"), [(True, 12.0, OK), (False, None, FAULT), (None, None, UNSEEN)]
)
def test_a_clock_that_nobody_may_ask_is_not_taken_for_right(
    synchronised: bool | None,  # noqa: FBT001 - a column of the table
    error: float | None,
    expected: State,
) -> None:
    assert clock_finding({"synchronised": synchronised, "error_ms": error}).state is expected


@pytest.mark.parametrize(
    ("nsswitch", "expected"),
    [
        ("passwd: files systemd\nhosts:          files dns\nnetworks: files\n", ["files"]),
        ("hosts:files myhostname dns", ["files", "myhostname"]),
        ("hosts: files resolve [!UNAVAIL=return] dns", ["files", "resolve"]),
        ("hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname", ["files"]),
        ("hosts: mymachines resolve[!UNAVAIL=return]files dns", ["mymachines", "resolve", "files"]),
        ("hosts: dns files", []),
        ("hosts: files\nhosts: dns # hosts: files\n", []),
        ("# hosts: dns\nhosts2: dns\n hosts : files # dns first\n", ["files"]),
        ("", ["files"]),
    ],
)
def test_what_may_be_away_is_not_a_source_of_the_machines_own_name(nsswitch: str, expected: list[str]) -> None:
    assert own_sources(nsswitch) == expected


def test_a_machine_that_does_not_know_its_own_name_is_warned_of() -> None:
    """Of which, see the proof `names`, a caller is the first to notice."""
    assert not knows("no-such-machine.invalid", ["files"])
    finding = name_finding("pbx", known=False)
    assert finding.state is WARNING
    assert "`127.0.1.1 pbx` into /etc/hosts" in finding.text
    assert name_finding("pbx", known=True).state is OK


@pytest.mark.parametrize(
    ("register", "up", "expected", "text"),
    [
        ({"expired": NOW - 9 * HOUR, "whole": True}, DAY, OK, "ran 9 hours ago"),
        ({"expired": NOW - 25.5 * HOUR, "whole": True}, DAY, OK, "ran 25 hours ago"),  # the clocks changed that night
        ({"expired": NOW - 27 * HOUR, "whole": True}, DAY, FAULT, "ended last 27 hours ago"),
        ({"expired": NOW - 3 * DAY, "whole": True}, DAY, FAULT, "ended last 3 days ago"),
        ({"expired": NOW - HOUR, "whole": False}, DAY, FAULT, "did not delete all that was due"),
        ({"expired": None, "whole": None}, DAY, FAULT, "has never come to its end"),
        ({"expired": None, "whole": None}, 30, UNSEEN, "has just started"),
        (None, 30, UNSEEN, "has just started"),
    ],
)
def test_a_night_that_was_missed_is_a_fault(
    register: Mapping[str, Any] | None, up: float, expected: State, text: str
) -> None:
    found = night_finding(register, NOW - up, NOW)
    assert found.state is expected
    assert text in found.text


@pytest.mark.parametrize(("age", "expected"), [(DAY, OK), (7 * DAY, OK), (8 * DAY, WARNING), (None, WARNING)])
def test_an_old_backup_is_a_warning_only_because_there_may_be_another_kind(age: float | None, expected: State) -> None:
    assert backup_finding(None if age is None else NOW - age, NOW).state is expected


# --- the recorder ----------------------------------------------------------------------------------------------------


def recorded(seconds: float, hertz: float = HERTZ, level: float = LEVEL, silent: float = 0.0) -> bytes:
    """What the recorder writes: the tone on the left, nothing on the right; silence for a part of the time."""
    amplitude, samples = 32768 * 10 ** (level / 20), array("h")
    for number in range(int(seconds * RATE)):
        loud = number >= silent * RATE
        samples.extend((round(amplitude * math.sin(2 * math.pi * hertz * number / RATE)) if loud else 0, 0))
    return samples.tobytes()


@pytest.mark.parametrize(
    ("raw", "steps", "expected", "text"),
    [
        (recorded(3), 3, [OK], "3.0 s of a 1000 Hz tone were recorded, -13.3 dBFS"),
        (recorded(2.5, level=LEVEL - 2), 3, [OK], "-15.3 dBFS"),
        (b"", 0, [FAULT], "wrote nothing: no call is recorded. Is the disk full?"),
        (recorded(1.5), 2, [FAULT], "1.5 are there, written in 2 steps: recordings have gaps"),
        (recorded(3), 1, [FAULT], "written in 1 steps"),
        (recorded(3, silent=1), 3, [FAULT], "stand in 20 of 30 tenths of a second"),
        (recorded(3, hertz=440), 3, [FAULT], "stand in 0 of 30"),
        (recorded(3, level=-40), 3, [FAULT], "at most -40 dBFS"),
        (recorded(3, silent=3), 3, [FAULT], "recordings are silent, cut, or altered"),
    ],
)
def test_a_recording_holds_the_tone_whole_and_as_loud_as_it_was(
    raw: bytes, steps: int, expected: list[State], text: str
) -> None:
    found = tone_findings(raw, steps, "/spool")
    assert states(found) == expected
    assert text in said(found)
