"""Certificates: what they say of a call, and whatever is changed in them, in the register or in a file is found out."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ccdaemon.chain import Head, Link, linked
from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.faults import KeyUnusable
from ccdaemon.kept import Recording
from ccdaemon.notices import (
    CallBegan,
    CallEnded,
    DoorOpened,
    DoorRefused,
    Guarded,
    LegBegan,
    RecorderStarted,
    RecorderStopped,
    Resumed,
)
from ccdaemon.places import ARCHIVE, REGISTER
from ccdaemon.rules.audit_day import day
from ccdaemon.rules.certificate import differences, statement, unfinished
from ccdaemon.signing import holds, new_key, public, read_key, signed
from tests.builders import MONDAY_MORNING, PROMPTS, register_of, site_to_run

AT = MONDAY_MORNING.timestamp()
CALL, AGENT, LINE_2 = "1783328400.1", "1783328400.2", "1783328460.5"
ON_AGENT = {"leg": AGENT, "call": CALL, "channel": "PJSIP/1001-2", "recorders": 1, "file": "a.raw", "bytes": 9}
ON_LINE_2 = {"leg": LINE_2, "call": LINE_2, "channel": "PJSIP/1001-5", "recorders": 0, "file": None, "bytes": None}
DOOR = DoorOpened(LINE_2, AT + 60, LINE_2, "queue", 0.004, (ON_LINE_2, ON_AGENT), ("PJSIP/1009-7",))
GUARD = Guarded(CALL, AT + 70, AGENT, "BridgeEnter", 0.0031, ("PJSIP/1001-2",))
RESUMED = Resumed(CALL, AT + 80, AGENT, ("PJSIP/1001-2",))
REFUSED = DoorRefused(CALL, AT + 50, CALL, "queue", "housing")
RECORDING = Recording(AGENT, CALL, "housing", AT + 20, AT + 60.002, "it was told to stop", "a.wav", 40.0, 3, "f" * 64)
AGAIN = replace(RECORDING, segment=2, started=AT + 85, stopped=AT + 90)


def told(
    *notices: DoorOpened | Guarded | Resumed | DoorRefused,
    recordings: list[Recording],
    chained: list[Recording] | None = None,
) -> dict[str, Any]:
    """As the register answers; the recordings are chained as they are, if not otherwise."""
    kinds = {DoorOpened: "door", Guarded: "guard", Resumed: "resumption", DoorRefused: "refusal"}
    rows, head = [], Head()
    links = [Link(notice.at, kinds[type(notice)], asdict(notice)) for notice in notices]
    links += [Link(AT + 99, "recording", asdict(each)) for each in (recordings if chained is None else chained)]
    for link in links:
        row = linked(head, link)
        rows.append(asdict(row))
        head = Head(row.seq, row.hash)
    moments: list[dict[str, Any]] = [
        {"at": AT, "kind": kind, "leg": CALL, "detail": {}} for kind in ("menu", "leg began")
    ]
    call = {"id": CALL, "service": "housing", "began": AT, "ended": AT + 90, "number": "+441632960777"}
    return {"call": call, "timeline": moments, "recordings": [asdict(each) for each in recordings], "audit": rows}


@pytest.mark.parametrize(
    ("notices", "recordings", "against", "layers"),
    [
        ([], [RECORDING], [], []),
        ([DOOR], [RECORDING], [], ["door"]),
        ([DOOR], [], [], ["door"]),
        ([REFUSED, DOOR], [RECORDING], [], [None, "door"]),
        ([DOOR], [replace(RECORDING, stopped=AT + 60.005)], ["ran on after the door had opened"], ["door"]),
        ([DOOR], [replace(RECORDING, stopped=None)], ["nobody knows when segment 1 of leg"], ["door"]),
        ([DOOR], [replace(RECORDING, started=None)], ["nobody knows when segment 1 of leg"], ["door"]),
        ([DOOR], [RECORDING, AGAIN], ["segment 2"], ["door"]),
        ([DOOR, RESUMED], [RECORDING, AGAIN], [], ["door", None]),
        ([DOOR], [RECORDING, replace(AGAIN, kind="comment")], [], ["door"]),  # what a scorer says of it
        ([DOOR, replace(RESUMED, leg="9.9")], [RECORDING, AGAIN], ["began after"], ["door", None]),  # another's
        ([DOOR, RESUMED], [replace(AGAIN, started=AT + 75)], ["began after"], ["door", None]),
        ([GUARD], [RECORDING], ["PJSIP/1001-2 recorded for 3.1 ms, round the door"], ["guard"]),
        ([replace(GUARD, stopped=False)], [RECORDING], ["and could not be stopped, round the door"], ["guard"]),
        ([DOOR, GUARD], [RECORDING], ["recorded for 3.1 ms"], ["door", "guard"]),
    ],
)
def test_what_was_recorded_after_a_door_had_opened_speaks_against_a_call(
    notices: list[Any], recordings: list[Recording], against: list[str], layers: list[str | None]
) -> None:
    said = statement(told(*notices, recordings=recordings))
    assert said["held"] is (not against)
    assert [words in text for words, text in zip(against, said["against"], strict=True)] == [True] * len(against)
    assert [each["rests_on"] for each in said["passages"]] == layers


@pytest.mark.parametrize(
    ("recordings", "chained", "against"),
    [
        ([RECORDING], [replace(RECORDING, stopped=AT + 69)], "segment 1 of leg 1783328400.2 is not as the audit chain"),
        ([RECORDING], [replace(RECORDING, sha256="e" * 64)], "is not as the audit chain says"),
        ([RECORDING], [replace(RECORDING, started=None)], None),  # it was known from elsewhere by then
        ([RECORDING], [replace(RECORDING, stopped=AT + 69), RECORDING], None),  # the newest counts
        ([RECORDING], [], "is not in the audit chain"),
        ([], [RECORDING], "is in the audit chain only"),
    ],
)
def test_what_the_register_says_of_a_recording_must_be_what_the_chain_says(
    recordings: list[Recording], chained: list[Recording], against: str | None
) -> None:
    said = statement(told(DOOR, recordings=recordings, chained=chained))
    assert said["held"] is (against is None)
    assert [against in text for text in said["against"]] == ([] if against is None else [True])


@pytest.mark.parametrize(
    ("ended", "recording", "why"),
    [
        (None, RECORDING, "the call is not over"),
        (AT + 90, replace(RECORDING, file=None), "a recording is not finished yet"),
        (AT + 90, replace(RECORDING, file=None, fault="it is empty"), None),
        (AT + 90, RECORDING, None),
    ],
)
def test_nothing_is_certified_too_early(ended: float | None, recording: Recording, why: str | None) -> None:
    known = told(DOOR, recordings=[recording])
    assert unfinished({**known, "call": {**known["call"], "ended": ended}}) == why


def test_a_statement_tells_each_passage_and_names_nobody() -> None:
    said = statement(told(REFUSED, DOOR, GUARD, recordings=[RECORDING]))
    assert [each["what"] for each in said["passages"]] == ["refusal", "door", "guard"]
    door = said["passages"][1]
    assert (door["about"], door["recorders_stopped"], door["channels_sealed"], door["supervisors_off"]) == (
        "queue",
        1,
        2,
        1,
    )
    assert [each["kind"] for each in said["order"]] == ["leg began"]  # keys that callers press are no part of it
    assert "+44" not in json.dumps(said)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"a": 1, "b": [1, {"c": 2}]}, []),
        ({"a": 2, "b": [1, {"c": 2}]}, ["a: the certificate says 1, the register 2"]),
        ({"a": 1, "b": [1, {"c": 3}]}, ["b[2].c: the certificate says 2, the register 3"]),
        ({"a": 1, "b": [1]}, ["b: the certificate has 2, the register 1"]),
        (
            {"b": [1, {"c": 2}], "d": 4},
            ["a: the certificate says 1, the register null", "d: the certificate says null"],
        ),
    ],
)
def test_differences_are_told_with_their_place(now: object, said: list[str]) -> None:
    found = [*differences({"a": 1, "b": [1, {"c": 2}]}, now)]
    assert len(found) == len(said)
    assert all(text.startswith(words) for text, words in zip(found, said, strict=True))


# --- signatures ------------------------------------------------------------------------------------------------------


def test_whatever_is_changed_in_what_was_signed_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "one.key").write_bytes(new_key())
    (tmp_path / "other.key").write_bytes(new_key())
    key, other = read_key(tmp_path / "one.key"), read_key(tmp_path / "other.key")
    said = signed({"call": CALL, "held": True, "recordings": [{"bytes": 3}], "name": "Tŷ"}, key)
    assert holds(json.loads(json.dumps(said, indent=1)), public(key))
    assert not holds(said, public(other))
    for change in ({"held": False}, {"recordings": [{"bytes": 4}]}, {"more": 1}, {"signature": "AAAA"}, {"name": "Ty"}):
        assert not holds({**said, **change}, public(key)), change
    for missing in said:
        assert not holds({name: value for name, value in said.items() if name != missing}, public(key))
    assert not holds(said, "no key")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not there: `ccdaemon audit key --new` makes it"),
        (b"", "is no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is no private key"),
    ],
)
def test_a_key_that_is_none_is_told_from_one(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "audit.key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(KeyUnusable, match=words):
        read_key(file)


# --- the commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site whose daemon is away. One call, one recording, one door on another line of the agent's phone."""
    config = site_to_run(tmp_path)
    state = load(config, PROMPTS).main.paths.state
    (state / ARCHIVE).mkdir(parents=True)
    (state / ARCHIVE / "a.wav").write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    async def enter() -> None:
        async with register_of(config) as register:
            await register.write(
                [
                    CallBegan(CALL, AT),
                    LegBegan(CALL, AT, CALL, "PJSIP/trunk-1"),
                    LegBegan(CALL, AT + 15, AGENT, "PJSIP/1001-2"),
                    RecorderStarted(CALL, AT + 20, AGENT),
                    RecorderStopped(CALL, AT + 60.002, AGENT, "it was told to stop"),
                    DOOR,
                    CallEnded(CALL, AT + 90),
                ]
            )
            await register.finish_recording(replace(RECORDING, sha256=sha256))

    asyncio.run(enter())
    return config


def run(site: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words), "--config", str(site)])


@pytest.fixture
def certificate(site: Path, tmp_path: Path) -> Path:
    file = tmp_path / "call.json"
    assert run(site, "certificate", CALL, "--out", file).exit_code == 0
    return file


def test_a_certificate_of_a_call_whose_door_stood_on_another_line_is_true(site: Path, certificate: Path) -> None:
    said = json.loads(certificate.read_text())
    assert (said["held"], [each["rests_on"] for each in said["passages"]]) == (True, ["door"])
    assert [each["file"] for each in said["recordings"]] == ["a.wav"]
    done = run(site, "certificate", "--check", certificate)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "true\nIt says: nothing was recorded after a door had opened, nor round one\n"
    key = run(site, "key").stdout.strip()
    assert run(site, "certificate", "--check", certificate, "--key", key).stdout.startswith("true\n")


def test_without_a_file_a_certificate_is_printed(site: Path) -> None:
    assert json.loads(run(site, "certificate", CALL).stdout)["call"] == CALL


def _edit(_: Path, certificate: Path) -> None:
    said = json.loads(certificate.read_text())
    certificate.write_text(json.dumps({**said, "held": False}))


def _change_file(site: Path, _: Path) -> None:
    (load(site, PROMPTS).main.paths.state / ARCHIVE / "a.wav").write_bytes(b"abd")


def _remove_file(site: Path, _: Path) -> None:
    (load(site, PROMPTS).main.paths.state / ARCHIVE / "a.wav").unlink()


def _change_register(site: Path, _: Path) -> None:
    with closing(sqlite3.connect(load(site, PROMPTS).main.paths.state / REGISTER)) as database:
        database.executescript("UPDATE recordings SET stopped = stopped + 9")


def _spoil_a_row(site: Path, _: Path) -> None:
    with closing(sqlite3.connect(load(site, PROMPTS).main.paths.state / REGISTER)) as database:
        database.executescript("DROP TRIGGER audit_stays; UPDATE audit SET detail = 'x' WHERE seq = 1")


def _change_chain(site: Path, _: Path) -> None:
    with closing(sqlite3.connect(load(site, PROMPTS).main.paths.state / REGISTER)) as database:
        database.executescript("DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE seq = 2")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_edit, "it was not signed with this key, or was changed since"),
        (_change_file, "a.wav is not the file that was recorded"),
        (_remove_file, "a.wav: No such file or directory"),
        (_change_register, "recordings[1].stopped: the certificate says"),
        (_spoil_a_row, "the audit chain: row 1 is not what was written there"),
        (_change_chain, "the audit chain: the chain is cut off behind row 1"),
    ],
)
def test_what_was_changed_since_is_said(
    site: Path, certificate: Path, change: Callable[[Path, Path], None], said: str
) -> None:
    change(site, certificate)
    done = run(site, "certificate", "--check", certificate)
    assert (done.exit_code, done.stdout) == (1, "false\n")
    assert said in done.stderr


def test_a_certificate_of_another_site_is_checked_with_its_own_key_only(site: Path, certificate: Path) -> None:
    done = run(site, "certificate", "--check", certificate, "--key", "A" * 43 + "=")
    assert (done.exit_code, done.stdout) == (1, "false\n")
    assert "it was signed with another key" in done.stderr


def test_whoever_has_no_site_checks_the_signature_alone(site: Path, certificate: Path, tmp_path: Path) -> None:
    key = run(site, "key").stdout.strip()
    nowhere = tmp_path / "nowhere"
    alone = ("certificate", "--check", certificate, "--signature-only")
    done = run(nowhere, *alone, "--key", key)
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "true")
    _edit(site, certificate)
    done = run(nowhere, *alone, "--key", key)
    assert (done.exit_code, done.stdout) == (1, "false\n")
    assert "or was changed since" in done.stderr
    assert run(nowhere, *alone).exit_code == 2


def test_of_a_call_that_never_came_to_payments_no_more_is_said_than_that(site: Path, tmp_path: Path) -> None:
    async def enter() -> None:
        async with register_of(site) as register:
            await register.write([CallBegan("9.9", AT), CallEnded("9.9", AT + 1)])

    asyncio.run(enter())
    assert "no way of this call to payments is known" in run(site, "certificate", "9.9", "--out", tmp_path / "x").stdout


@pytest.mark.parametrize("words", [["certificate"], ["certificate", CALL, "--check", "call.json"]])
def test_either_a_call_or_a_certificate_is_named(site: Path, words: list[str]) -> None:
    done = run(site, *words)
    assert done.exit_code == 2
    assert "name a call, or a certificate with --check" in " ".join(done.stderr.split())


@pytest.mark.parametrize("content", [None, "no certificate", '{"held": true, "held": false}'])
def test_what_is_no_certificate_is_said(site: Path, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "other.json"
    if content is not None:
        file.write_text(content)
    done = run(site, "certificate", "--check", file)
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    assert str(file) in done.stderr


def test_a_key_is_made_once_and_never_overwritten(site: Path) -> None:
    file = load(site, PROMPTS).main.audit.key
    file.unlink(missing_ok=True)
    assert "`ccdaemon audit key --new` makes it" in run(site, "certificate", CALL).stderr
    made = run(site, "key", "--new")
    assert (made.exit_code, run(site, "key").stdout) == (0, made.stdout)
    assert file.stat().st_mode & 0o777 == 0o400
    again = run(site, "key", "--new")
    assert again.exit_code == 1
    assert "is there already, and was not changed" in again.stderr


# --- a day -----------------------------------------------------------------------------------------------------------


def test_a_day_is_counted() -> None:
    other_call = replace(GUARD, call="9.8")  # whose bridge it was
    answered = replace(DOOR, at=AT + 61, about="answered")
    rows = told(DOOR, answered, GUARD, other_call, RESUMED, REFUSED, recordings=[])["audit"]
    faulty = replace(RECORDING, fault="it is empty")
    rows += [{"kind": "recording", "detail": json.dumps(asdict(each))} for each in (RECORDING, faulty)]
    rows.append({"kind": "door", "detail": json.dumps(asdict(replace(DOOR, call="9.9", about="here", took=0.0123)))})
    assert day(rows) == {
        "payments": 1,
        "sealed_by_agents": 1,
        "doors_opened": 3,
        "slowest_ms": 12.3,
        "recorders_stopped": 3,
        "supervisors_off": 3,
        "refused": 1,
        "guarded": 1,
        "not_stopped": 0,
        "longest_exposure_ms": 3.1,
        "resumed": 1,
        "objections": 0,
        "recordings": 2,
        "recordings_faulty": 1,
    }
    assert set(day([]).values()) == {0}


def test_a_day_is_reported_by_the_sites_own_clock(site: Path) -> None:
    done = run(site, "report", "--day", "2026-07-06", "--json")
    counts = json.loads(done.stdout)
    assert (done.exit_code, counts["day"], counts["payments"], counts["recorders_stopped"]) == (0, "2026-07-06", 1, 1)
    other = json.loads(run(site, "report", "--day", "2026-07-07", "--json").stdout)
    assert (other["payments"], other["doors_opened"]) == (0, 0)
    text = run(site, "report", "--day", "2026-07-06").stdout
    assert "Monday 6 July 2026" in text
    assert "1  payments" in text
    assert "yesterday" in run(site, "report", "--help").stdout


def test_a_day_on_which_something_went_round_the_door_is_no_good_day(site: Path) -> None:
    async def enter() -> None:
        async with register_of(site) as register:
            await register.write([GUARD])

    asyncio.run(enter())
    assert run(site, "report", "--day", "2026-07-06").exit_code == 1
