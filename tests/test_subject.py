"""What people ask about themselves: their cases, all that is kept of them and nothing of others, and its erasure."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyzipper
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from ccdaemon.archive import Archive
from ccdaemon.cases import Case, Erasure, Redaction
from ccdaemon.cli.recordings import seconds
from ccdaemon.config import load
from ccdaemon.erasures import Erasures
from ccdaemon.flows.erasing import erase_again
from ccdaemon.flows.reminders import remind
from ccdaemon.kept import Hold, HoldRow
from ccdaemon.keys import Keys, site_key
from ccdaemon.notices import CallBegan, CallMerged
from ccdaemon.package import package
from ccdaemon.pages import table
from ccdaemon.places import ARCHIVE, REGISTER, parties
from ccdaemon.rules.deadline import due
from ccdaemon.rules.redaction import MASK, masked
from ccdaemon.store import open_register
from tests.builders import LONDON, PROMPTS, Noticeboard, a_raw_file, example_site
from tests.kept_site import (
    A_SECOND,
    AT,
    CALL,
    LEG,
    NUMBER,
    OTHER_CALL,
    OTHER_LEG,
    OTHER_NUMBER,
    Kept,
    an_item,
    kept_site,
    run,
)

__all__ = ["kept_site"]

WAYS = ("01632 96 07 77", "+441632960777", "00441632960777", "441632960777", "(01632) 960-777")
TONES = (np.sin(2 * np.pi * 440 * np.arange(8000 * 4) / 8000) * 8000).astype("<i2")


async def everything(kept: Kept) -> None:
    """All classes, of the caller and of somebody else."""
    await kept.record(OTHER_CALL, OTHER_LEG, number=OTHER_NUMBER)
    await kept.register.add_items(
        [
            an_item("sms", "s1", party="01632 960777", text="=cmd() Mrs Pritchard drws nesaf, Mrs Pritchard"),
            an_item("sms", "s2", party="01632 960778"),
            an_item("webchat", "w1", party="sian@example.com"),
            an_item("webchat", "w2", party="eve@example.com"),
            an_item("social", "p1", party="@sian", network="mastodon"),
            an_item("transcript", "t1", call=CALL),
            an_item("transcript", "t2", chat="w1"),
            an_item("transcript", "t3", call=OTHER_CALL),
            an_item("transcript", "t4", chat="w2"),
        ]
    )
    await run(kept.config, "subject", "open", "--reference", "SAR-31", "--received", "2026-11-20")


def everyone(*ways: str) -> list[str]:
    return [word for way in ways for word in ("--number", way)]


SIAN = everyone("01632 960777", "Sian@Example.com", "@sian")


async def found(kept: Kept, *words: object) -> dict[str, list[dict[str, Any]]]:
    done = await run(kept.config, "subject", "search", *words, "--case", 1, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


# --- cases -----------------------------------------------------------------------------------------------------------


async def test_a_case_has_a_clock_that_stops_goes_on_and_is_extended(kept_site: Kept) -> None:
    config = kept_site.config
    received, holidays = datetime.now(LONDON).date() - timedelta(days=3), example_site().bank_holidays
    case = Case(1, "access", "SAR-31", received, "dai")
    month, three = (str(due(each, holidays)) for each in (case, replace(case, extended=True)))
    await run(config, "subject", "open", "--reference", "SAR-31", "--received", received)
    (row,) = json.loads((await run(config, "subject", "cases", "--json")).stdout)
    assert (row["due"], row["reference"], row["closed"]) == (month, "SAR-31", None)
    for words, said in (
        (("pause", 1), "the clock stands still"),
        (("resume", 1), month),
        (("extend", 1), three),
        (("close", 1, "--outcome", "answered"), "answered on"),
    ):
        done = await run(config, "subject", *words)
        assert (done.exit_code, said in done.stdout) == (0, True), done.stderr
        assert (await run(config, "subject", *words)).exit_code == 1  # it is so already
    assert (await run(config, "subject", "cases")).stdout == "No cases.\n"
    assert "answered on" in (await run(config, "subject", "cases", "--all")).stdout
    rows = await kept_site.register.audited_between(0, 1e12)
    did = [json.loads(row.detail)["did"] for row in rows if row.kind == "case"]
    assert did == ["open", "pause", "resume", "extend", "answered"]


@pytest.mark.parametrize("word", ["extend", "pause"])
async def test_a_case_that_is_late_is_not_put_off_any_more(kept_site: Kept, word: str) -> None:
    await run(kept_site.config, "subject", "open", "--reference", "SAR-31", "--received", "2026-09-03")
    done = await run(kept_site.config, "subject", word, 1)
    assert (done.exit_code, "had to be answered by 2026-10-05" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open", "--reference", " "), "reference: cannot be empty"),
        (("open", "--reference", "x", "--received", "2099-01-01"), "2099-01-01 is still to come"),
        (("pause", 7), "there is no case 7"),
        (("export", *SIAN, "--case", 7, "--out", "a.zip", "--unencrypted"), "there is no open case 7"),
        (("erase", *SIAN, "--case", 7), "there is no open case 7"),
    ],
)
async def test_what_makes_no_case_is_refused(
    kept_site: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = await run(kept_site.config, "subject", *words)
    assert (done.exit_code, said in done.stderr) == (1, True), done.stderr
    assert [*tmp_path.glob("*a.zip*")] == []


class Ended(Exception):
    """The hour is over."""


async def test_who_waits_for_an_answer_and_holds_past_their_day_are_alarms_until_they_are_seen_to(
    kept_site: Kept,
) -> None:
    register, alarms = kept_site.register, Noticeboard()
    now = datetime(2026, 10, 1, 12, tzinfo=UTC)

    async def an_hour() -> None:
        async def end(_: float) -> None:
            raise Ended

        with pytest.raises(Ended):
            await remind(register, example_site, alarms, now.timestamp, end)

    await an_hour()
    assert alarms.standing == {}
    await register.open_case("access", "SAR-1", now.date() - timedelta(days=28), "dai", AT)
    await register.add_hold(Hold("complaint", "C-1", call=CALL, review=now.timestamp() - 1), "dai", AT)
    await an_hour()
    assert alarms.standing["cases"].startswith("1 of those who asked")
    assert "2026-10-05" in alarms.standing["cases"]
    assert alarms.standing["holds"].startswith("1 holds are past the day")
    await register.close_case(1, now.date(), "answered", "dai", AT)
    await register.release_hold(1, "dai", AT)
    await an_hour()
    assert alarms.standing == {}
    assert isinstance((await register.holds())[0], HoldRow)


# --- all that is kept of somebody ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
async def test_a_number_is_found_however_it_is_written(kept_site: Kept, way: str) -> None:
    await everything(kept_site)
    told = await found(kept_site, "--number", way)
    assert [call["id"] for call in told["calls"]] == [CALL]
    assert [(each["leg"], each["segment"]) for each in told["recordings"]] == [(LEG, 1)]
    assert {item["source"] for item in told["items"]} == {"s1", "t1"}


async def test_all_classes_are_found_and_nothing_of_anybody_else(kept_site: Kept) -> None:
    await everything(kept_site)
    told = await found(kept_site, *SIAN)
    assert {item["source"] for item in told["items"]} == {"s1", "t1", "w1", "t2", "p1"}
    assert OTHER_NUMBER not in json.dumps(told)
    none = await found(kept_site, *SIAN, "--since", "2026-07-07")
    assert (none["calls"], none["recordings"], none["items"]) == ([], [], [])
    listed = await run(kept_site.config, "subject", "search", *SIAN, "--case", 1)
    assert all(word in listed.stdout for word in (f"call {CALL}", f"recording {LEG}-1", "sms:s1", "social:p1"))


async def test_the_chain_says_that_somebody_was_looked_for_and_not_who(kept_site: Kept) -> None:
    await everything(kept_site)
    await found(kept_site, *SIAN)
    rows = [row for row in await kept_site.register.audited_between(0, 1e12) if row.kind == "subject"]
    (said,) = [json.loads(row.detail) for row in rows]
    assert (said["did"], said["case"], said["calls"], said["recordings"], said["items"]) == ("search", 1, 1, 1, 5)
    assert len(said["about"]) == 32
    assert "960777" not in rows[0].detail
    assert "sian" not in rows[0].detail


async def exported(kept: Kept, out: Path, *words: object) -> dict[str, bytes]:
    done = await run(kept.config, "subject", "export", *SIAN, "--case", 1, "--out", out, *words)
    assert (done.exit_code, done.stderr) == (0, "")
    with pyzipper.AESZipFile(out) as archive:
        archive.setpassword(kept.secret.read_text().strip().encode())
        return {name: archive.read(name) for name in archive.namelist()}


async def test_a_package_for_them_has_a_page_in_both_languages_tables_and_their_voice(
    kept_site: Kept, tmp_path: Path
) -> None:
    await everything(kept_site)
    files = await exported(kept_site, tmp_path / "out.zip", "--passphrase-file", kept_site.secret)
    sound = f"recordings/{LEG}-1.mp3"
    assert {*files} == {"index.html", "calls.csv", "recordings.csv", "messages.csv", "data.json", sound}
    info = soundfile.info(io.BytesIO(files[sound]))
    assert (info.format, info.samplerate, info.channels, round(info.duration, 1)) == ("MP3", 8000, 2, 1.0)
    page = files["index.html"].decode()
    for words in ("Eich gwybodaeth", "Your information", "SAR-31", "Tai / Housing", sound, "menu main: 2", "Helo"):
        assert words in page
    (call,) = csv.reader(files["calls.csv"].decode("utf-8-sig").splitlines()[1:])
    assert call == [CALL, "2026-07-06 10:00:00", "2026-07-06 10:01:00", NUMBER, "+441632960111", "Tai / Housing"]
    said = [*csv.reader(files["messages.csv"].decode("utf-8-sig").splitlines()[1:])]
    assert said[0][-1] == "'=cmd() Mrs Pritchard drws nesaf, Mrs Pritchard"  # which no spreadsheet carries out
    assert json.loads(files["data.json"])["scope"]["parties"] == ["01632 960777", "Sian@Example.com", "@sian"]
    assert not any(OTHER_NUMBER.encode() in content for content in files.values())
    opened = [row for row in await kept_site.register.audited_between(0, 1e12) if row.kind == "access"]
    (access,) = [json.loads(row.detail) for row in opened]
    assert (access["purpose"], access["reference"], access["leg"]) == ("subject access", "SAR-31", LEG)


async def test_without_the_passphrase_nobody_opens_it_unless_it_was_to_be_open(kept_site: Kept, tmp_path: Path) -> None:
    await everything(kept_site)
    await exported(kept_site, tmp_path / "closed.zip", "--passphrase-file", kept_site.secret)
    with pyzipper.AESZipFile(tmp_path / "closed.zip") as archive:
        for name in archive.namelist():
            with pytest.raises(RuntimeError):
                archive.read(name)
    assert b"Pritchard" not in (tmp_path / "closed.zip").read_bytes()
    await exported(kept_site, tmp_path / "open.zip", "--unencrypted")
    with pyzipper.AESZipFile(tmp_path / "open.zip") as archive:
        assert b"Pritchard" in archive.read("index.html")
    assert (tmp_path / "open.zip").stat().st_mode & 0o777 == 0o600


async def test_what_is_there_already_is_not_overwritten_and_a_short_passphrase_refused(
    kept_site: Kept, tmp_path: Path
) -> None:
    await everything(kept_site)
    out = tmp_path / "there.zip"
    out.write_text("of somebody else")
    words = ("subject", "export", *SIAN, "--case", 1, "--out")
    done = await run(kept_site.config, *words, out, "--unencrypted")
    assert (done.exit_code, "is there already" in done.stderr, out.read_text()) == (1, True, "of somebody else")
    (tmp_path / "short").write_text("abc")
    done = await run(kept_site.config, *words, tmp_path / "new.zip", "--passphrase-file", tmp_path / "short")
    assert (done.exit_code, "has 12 signs or more" in done.stderr) == (1, True)
    done = await run(kept_site.config, *words, tmp_path / "nowhere/new.zip", "--unencrypted")
    assert (done.exit_code, "cannot be written" in done.stderr) == (1, True)
    assert [*tmp_path.glob("*new*")] == []


async def test_a_recording_that_cannot_be_opened_is_said_and_all_else_is_given(kept_site: Kept, tmp_path: Path) -> None:
    await everything(kept_site)
    kept = await kept_site.register.kept(LEG, 1)
    assert kept is not None
    assert kept_site.archive.remove([kept.file]) == {}
    words = ("--case", 1, "--out", tmp_path / "out.zip", "--unencrypted")
    done = await run(kept_site.config, "subject", "export", *SIAN, *words)
    assert (done.exit_code, "cannot be read" in done.stderr) == (1, True)
    assert f"{LEG}-1 is not in it" in done.stderr
    with pyzipper.AESZipFile(tmp_path / "out.zip") as archive:
        assert {*archive.namelist()} == {"index.html", "calls.csv", "recordings.csv", "messages.csv", "data.json"}


async def joined(kept: Kept) -> None:
    """An agent has joined the caller's call with somebody else's, and theirs has a transcript under its own name."""
    await everything(kept)
    await kept.register.write([CallMerged(CALL, AT + 50, OTHER_CALL)])


async def test_of_a_joined_call_nobody_is_told_the_other_caller(kept_site: Kept, tmp_path: Path) -> None:
    await joined(kept_site)
    words = ("--case", 1, "--out", tmp_path / "out.zip", "--unencrypted")
    done = await run(kept_site.config, "subject", "export", *SIAN, *words)
    assert (done.exit_code, f"Somebody else called in {OTHER_CALL} too" in done.stderr) == (0, True)
    with pyzipper.AESZipFile(tmp_path / "out.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert not any(OTHER_NUMBER.encode() in content for content in files.values())
    assert {item["source"] for item in json.loads(files["data.json"])["items"]} >= {"t1", "t3"}  # of both


async def test_a_joined_call_is_not_erased_for_one_of_its_callers(kept_site: Kept) -> None:
    await joined(kept_site)
    await run(kept_site.config, "subject", "open", "--about", "erasure", "--reference", "E-1")
    status, told = await erased(kept_site)
    assert (status, told["joint"], told["calls"], told["recordings"]) == (1, [OTHER_CALL], 0, 0)
    numbers = {row.number for row in await kept_site.register.calls(0, 1e12)}
    assert OTHER_NUMBER in numbers
    for name in ("t1", "t3"):  # of what was said in it
        assert await kept_site.register.item("transcript", name) is not None
    assert await kept_site.register.item("sms", "s1") is None


async def test_only_their_own_recordings_are_opened_for_them(kept_site: Kept) -> None:
    await everything(kept_site)
    wanted = {"case": 1, "parties": [NUMBER], "leg": OTHER_LEG, "segment": 1}
    assert "is no recording of theirs" in await kept_site.refusal("subject audio", **wanted)
    assert "parties: should be a list" in await kept_site.refusal("subject audio", **{**wanted, "parties": NUMBER})


KILLED = """
import os, pathlib, signal, sys
from ccdaemon.package import package
with package(pathlib.Path(sys.argv[1]), "cyfrinach hir iawn") as parcel:
    parcel.add("a", [b"Pritchard" * 1000])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_who_is_killed_while_they_write_it_leaves_nothing_that_can_be_read_and_begins_again(tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", KILLED, out], check=False).returncode == -signal.SIGKILL
        assert not out.exists()
        assert not any(b"Pritchard" in file.read_bytes() for file in tmp_path.iterdir())
    with package(out, "cyfrinach hir iawn") as parcel:
        parcel.add("a", [b"Pritchard"])
    assert [path.name for path in tmp_path.iterdir()] == ["out.zip"]
    with pytest.raises(FileExistsError), package(out, None):
        raise AssertionError
    with pyzipper.AESZipFile(out) as archive:
        archive.setpassword(b"cyfrinach hir iawn")
        assert archive.read("a") == b"Pritchard"


# --- what is kept from them ------------------------------------------------------------------------------------------


async def test_redacted_parts_are_silent_or_masked_and_the_original_is_as_it_was(
    kept_site: Kept, tmp_path: Path
) -> None:
    await everything(kept_site)
    config = kept_site.config
    await kept_site.record("1783328600.1", "1783328600.2", np.repeat(TONES, 2).tobytes())
    third = ("--why", "third-party")
    part = ("1783328600.2-1", "--from", "0:01", "--to", "2.5")
    assert (await run(config, "subject", "redact", *part, *third)).exit_code == 0
    assert (await run(config, "subject", "redact", "sms:s1", "--words", "Mrs Pritchard", *third)).exit_code == 0
    files = await exported(kept_site, tmp_path / "out.zip", "--passphrase-file", kept_site.secret)
    heard, _ = soundfile.read(io.BytesIO(files["recordings/1783328600.2-1.mp3"]))
    loud = np.abs(heard).reshape(-1, 400, 2).max(axis=(1, 2))  # in pieces of 50 ms
    assert (loud[: 20 - 2] > 0.1).all()
    assert (loud[20 + 2 : 50 - 2] < 0.001).all()
    assert (loud[50 + 2 : 78] > 0.1).all()
    text = b"".join(content for name, content in files.items() if not name.endswith("mp3")).decode()
    assert "Pritchard" not in text
    assert f"=cmd() {MASK * 13} drws nesaf, {MASK * 13}" in text
    item = await kept_site.register.item("sms", "s1")
    assert item is not None
    assert item.body.count("Mrs Pritchard") == 2
    listed = (await run(config, "subject", "redactions")).stdout
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["1", "2", "3"]
    for number in (1, 2, 3):
        assert (await run(config, "subject", "redactions", "--remove", number)).exit_code == 0
    assert (await run(config, "subject", "redactions", "--remove", 1)).exit_code == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((f"{LEG}-1", "--from", "2", "--to", "3"), 1, "with something between 2.0 and 3.0 seconds"),
        ((f"{LEG}-1", "--from", "0.5", "--to", "0.5"), 1, "with something between"),
        (("9.9-1", "--from", "0", "--to", "1"), 1, "there is no recording 9.9-1"),
        (("sms:s1", "--words", "Jones"), 1, "these words do not stand in sms:s1"),
        (("sms:s9", "--words", "Helo"), 1, "or there is no such item"),
        (("fax:s1", "--words", "Helo"), 1, "kind: should be 'transcript', 'sms', 'webchat' or 'social'"),
        (("sms:s1", "--from", "1", "--to", "2"), 2, "is no recording"),
        (("sms:s1",), 2, "name a recording with --from and --to"),
        ((f"{LEG}-1", "--from", "soon", "--to", "2"), 2, "is no time in a recording"),
    ],
)
async def test_what_cannot_be_redacted_is_said(kept_site: Kept, words: tuple[str, ...], status: int, said: str) -> None:
    await everything(kept_site)
    done = await run(kept_site.config, "subject", "redact", *words, "--why", "third-party")
    assert done.exit_code == status
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert await kept_site.register.redactions() == []


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3), st.data())
def test_a_mask_is_as_long_as_what_it_hides_and_hides_nothing_else(texts: list[str], data: st.DataObject) -> None:
    message = data.draw(st.integers(0, len(texts) - 1))
    begins, ends = sorted(data.draw(st.tuples(st.integers(0, 25), st.integers(0, 25))))
    part = Redaction("third-party", begins, ends, kind="sms", source="s", message=message)
    after = [each["text"] for each in masked([{"by": "us", "text": text} for text in texts], [part])]
    for number, (before, now) in enumerate(zip(texts, after, strict=True)):
        hidden = {*range(begins, ends)} if number == message else set()
        assert now == "".join(MASK if place in hidden else sign for place, sign in enumerate(before))


@pytest.mark.parametrize(("written", "expected"), [("65.5", 65.5), ("1:05.5", 65.5), ("1:01:05", 3665.0), ("0", 0.0)])
def test_a_time_in_a_recording_is_written_as_players_show_it(written: str, expected: float) -> None:
    assert seconds(written) == expected


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("+cmd", "'+cmd"),
        ("+441632960777", "+441632960777"),
    ],
)
def test_no_spreadsheet_carries_out_what_somebody_wrote(value: str | None, cell: str) -> None:
    assert table(["a"], [[value]]).decode("utf-8-sig").splitlines() == ["a", cell]


# --- erasure ---------------------------------------------------------------------------------------------------------


async def erased(kept: Kept, *words: object) -> tuple[int, dict[str, Any]]:
    done = await run(kept.config, "subject", "erase", *SIAN, "--case", 2, "--json", *words)
    return done.exit_code, json.loads(done.stdout)


async def asked_to_erase(kept: Kept) -> None:
    await everything(kept)
    await run(kept.config, "subject", "open", "--about", "erasure", "--reference", "E-1")


async def test_what_is_kept_of_them_is_erased_and_the_calls_are_counted_still(kept_site: Kept) -> None:
    await asked_to_erase(kept_site)
    status, would = await erased(kept_site, "--dry-run")
    assert (status, would["calls"], would["recordings"], would["items"]) == (0, 1, 1, 5)
    assert (await found(kept_site, *SIAN))["calls"] != []
    status, told = await erased(kept_site)
    assert (status, told["calls"], told["recordings"], told["items"]) == (0, 1, 1, 5)
    assert (told["held"], told["left"], told["going_on"]) == ({}, [], [])
    nothing = await found(kept_site, *SIAN)
    assert (nothing["calls"], nothing["recordings"], nothing["items"]) == ([], [], [])
    assert {row.id: row.number for row in await kept_site.register.calls(0, 1e12)}[CALL] is None
    theirs = await found(kept_site, "--number", OTHER_NUMBER)
    assert ([call["id"] for call in theirs["calls"]], len(theirs["recordings"])) == ([OTHER_CALL], 1)
    assert {each["source"] for each in theirs["items"]} == {"s2", "t3"}
    assert len(kept_site.archive.files()) == 1
    assert await kept_site.register.kept(LEG, 1) is None


@pytest.mark.parametrize(
    ("hold", "stays"),
    [
        (Hold("police", "X-9", call=CALL), {CALL, "transcript:t1"}),
        (Hold("police", "X-9", number=NUMBER), {CALL, "transcript:t1", "sms:s1"}),
        (Hold("police", "X-9", since=AT - 1, until=AT + 1), {CALL, "transcript:t1", "sms:s1"}),
    ],
)
async def test_what_a_hold_keeps_stays_and_is_said(kept_site: Kept, hold: Hold, stays: set[str]) -> None:
    await asked_to_erase(kept_site)
    await kept_site.register.add_hold(hold, "dai", AT)
    status, told = await erased(kept_site)
    assert status == 1
    assert stays <= told["held"].keys()
    assert all(holds == [1] for holds in told["held"].values())
    after = await found(kept_site, *SIAN)
    assert ([call["id"] for call in after["calls"]], len(after["recordings"])) == ([CALL], 1)
    assert {f"{item['kind']}:{item['source']}" for item in after["items"]} | {CALL} == told["held"].keys()
    done = await run(kept_site.config, "subject", "erase", *SIAN, "--case", 2)
    assert f"{CALL} stays: hold 1" in done.stderr


async def test_a_call_that_goes_on_stays_until_it_is_over(kept_site: Kept) -> None:
    await asked_to_erase(kept_site)
    await kept_site.register.write([CallBegan(CALL, AT)])  # it is up again
    status, told = await erased(kept_site)
    assert (status, told["going_on"], told["recordings"], told["calls"]) == (1, [CALL], 0, 0)
    assert [call["id"] for call in (await found(kept_site, *SIAN))["calls"]] == [CALL]


async def test_a_file_that_cannot_be_removed_is_said_and_the_next_time_tried_again(kept_site: Kept) -> None:
    await asked_to_erase(kept_site)
    kept = await kept_site.register.kept(LEG, 1)
    assert kept is not None
    (path,) = (load(kept_site.config, PROMPTS).main.paths.state / ARCHIVE).rglob(Path(kept.file).name)
    path.unlink()
    path.mkdir()
    status, told = await erased(kept_site)
    assert (status, told["recordings"], told["calls"]) == (1, 0, 0)
    assert "cannot be removed" in told["left"][0]
    path.rmdir()
    status, told = await erased(kept_site)
    assert (status, told["recordings"], told["calls"]) == (0, 1, 1)


async def test_a_call_whose_raw_file_lies_in_the_spool_still_is_not_erased_yet(kept_site: Kept) -> None:
    """It would be finished anew, and nobody could find it any more."""
    await asked_to_erase(kept_site)
    a_raw_file(load(kept_site.config, PROMPTS).main.paths.spool / "recordings", CALL, LEG, A_SECOND)
    status, told = await erased(kept_site)
    assert (status, told["going_on"], told["calls"]) == (1, [CALL], 0)


async def test_what_a_backup_brings_back_is_erased_again(kept_site: Kept, tmp_path: Path) -> None:
    await asked_to_erase(kept_site)
    state = load(kept_site.config, PROMPTS).main.paths.state
    backup = b"".join(kept_site.register.snapshot())
    shutil.copytree(state / ARCHIVE, tmp_path / "recordings")
    assert (await erased(kept_site))[0] == 0
    (tmp_path / REGISTER).write_bytes(backup)
    keys = Keys(load(kept_site.config, PROMPTS).main.keys.folder, site_key(kept_site.config / "site.key"))
    archive = Archive(tmp_path, tmp_path / "recordings", keys)
    async with open_register(tmp_path / REGISTER, parties(keys, example_site)) as again:
        assert len((await again.subject([NUMBER])).calls) == 1
        erasures = Erasures(load(kept_site.config, PROMPTS).main.keys.folder)
        now, keeps = datetime.now(LONDON), [*example_site().retention.values()]
        await erase_again(again, archive, erasures, keeps, now)
        nothing = await again.subject([NUMBER, "sian@example.com", "@sian"])
        assert (nothing.calls, nothing.recordings, nothing.items) == ((), (), ())
        assert len((await again.subject([OTHER_NUMBER])).calls) == 1
        assert len(archive.files()) == 1
        await erase_again(again, archive, erasures, keeps, now + timedelta(days=500))
    assert erasures.all() == []  # no backup of then can be read any more


def test_a_list_of_what_was_erased_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    erasures = Erasures(tmp_path)
    assert erasures.all() == []
    one = Erasure(AT, (CALL,), (("sms", "s1"),))
    erasures.add(one)
    with (tmp_path / "erased.jsonl").open("a") as file:
        file.write('{"at": 17833')
    assert erasures.all() == [one]
    text = (tmp_path / "erased.jsonl").read_text()
    assert NUMBER not in text


async def test_that_somebody_is_erased_stands_in_the_chain_before_anything_goes(
    kept_site: Kept,
) -> None:
    await asked_to_erase(kept_site)
    status, told = await erased(kept_site)
    assert (status, told["calls"]) == (0, 1)
    rows = [row for row in await kept_site.register.audited_between(0, 1e12) if row.kind == "subject"]
    assert [json.loads(row.detail)["did"] for row in rows] == ["begin to erase", "erase"]


async def test_only_a_case_of_erasure_erases(kept_site: Kept) -> None:
    await asked_to_erase(kept_site)
    done = await run(kept_site.config, "subject", "erase", *SIAN, "--case", 1)
    assert (done.exit_code, done.stderr) == (1, "case 1 does not ask for erasure\n")
    assert (await found(kept_site, *SIAN))["calls"] != []


# --- the README's way through a case ---------------------------------------------------------------------------------

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = [block.splitlines() for block in re.findall(r"```\n(ccdaemon .*?)```", README, re.DOTALL)]


async def test_the_readme_answers_a_case_and_discloses_a_recording(
    kept_site: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, disclose = (next(each for each in BLOCKS if word in each[0]) for word in ("subject", "disclose"))
    monkeypatch.chdir(tmp_path)
    samples = bytes(4 * 8000 * 75)
    await kept_site.record("1783328700.1", "1783328700.2", samples)
    for command in (*subject, *disclose):
        words = shlex.split(command.replace("1783328400.2-1", "1783328700.2-1"))[1:]
        if words[1] == "approve":  # by somebody else
            assert await kept_site.register.approve(1, "dai", AT)
            continue
        secret = ("--passphrase-file", kept_site.secret) if words[1] in {"export", "package"} else ()
        done = await run(kept_site.config, *words, *secret)
        assert (done.exit_code, done.stderr) == (0, ""), command
    assert {path.name for path in tmp_path.glob("*.*")} >= {"SAR-2026-31.zip", "X-9.zip", "disclosures.csv"}
    done = await run(kept_site.config, "disclose", "check", "X-9.zip", "--passphrase-file", kept_site.secret)
    assert done.exit_code == 0
