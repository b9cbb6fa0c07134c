"""Recordings are found by who called, who answered and what was said; whoever looks says what for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccdaemon.kept import Hold
from ccdaemon.notices import CallMerged, Objected
from tests.kept_site import AT, CALL, LEG, NUMBER, OTHER_CALL, OTHER_LEG, OTHER_NUMBER, Kept, an_item, kept_site, run

__all__ = ["kept_site"]

WHY = ("--purpose", "complaint", "--reference", "C-2026-117")


@pytest.fixture
async def two(kept_site: Kept) -> Kept:
    """Of two callers; the first one's call has a transcript."""
    await kept_site.record(OTHER_CALL, OTHER_LEG, number=OTHER_NUMBER)
    said = [{"by": "caller", "text": "Mae'r TO yn gollwng"}]
    await kept_site.register.add_items([an_item("transcript", "t1", call=CALL, messages=said)])
    return kept_site


async def accesses(kept: Kept) -> list[dict[str, Any]]:
    rows = await kept.register.audited_between(0, 1e12)
    return [json.loads(row.detail) for row in rows if row.kind == "access"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--number", "01632 96 07 77"), [LEG]),
        (("--number", "0044 1632 960778"), [OTHER_LEG]),
        (("--number", "01632 960779"), []),
        (("--agent", "1001"), [LEG, OTHER_LEG]),
        (("--agent", "100"), []),
        (("--call", CALL), [LEG]),
        (("--words", "to yn"), [LEG]),
        (("--words", "wal yn"), []),
        (("--words", "to yn", "--number", OTHER_NUMBER), []),
        (("--agent", "1001", "--service", "assist"), []),
        (("--agent", "1001", "--since", "2026-07-07"), []),
        (("--agent", "1001", "--until", "2026-07-06"), []),
        (("--agent", "1001", "--limit", "1"), [LEG]),
    ],
)
async def test_recordings_are_found_by_what_is_known_of_them(
    two: Kept, words: tuple[str, ...], expected: list[str]
) -> None:
    done = await run(two.config, "recordings", "search", *words, *WHY, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [row["leg"] for row in json.loads(done.stdout)] == expected
    (said,) = await accesses(two)
    assert (said["did"], said["found"], said["purpose"], said["reference"]) == (
        *("search", len(expected)),
        *("complaint", "C-2026-117"),
    )
    assert "960777" not in json.dumps(said)


async def test_what_was_said_before_two_calls_became_one_is_found(two: Kept) -> None:
    await two.register.write([CallMerged(CALL, AT + 50, OTHER_CALL)])
    done = await run(two.config, "recordings", "search", "--words", "to yn", *WHY, "--json")
    assert {row["leg"] for row in json.loads(done.stdout)} == {LEG, OTHER_LEG}  # both of the call that it is now


async def test_one_recording_is_told_with_its_call_what_was_said_what_keeps_it_and_who_opened_it(two: Kept) -> None:
    await two.register.add_hold(Hold("police", "X-9", call=CALL), "dai", AT)
    await run(two.config, "recordings", "show", f"{LEG}-1", "--purpose", "quality", "--reference", "QA-7")
    done = await run(two.config, "recordings", "show", f"{LEG}-1", *WHY)
    assert (done.exit_code, done.stderr) == (0, "")
    for words in (f"{LEG}-1", "1.0 s", f"call {CALL} from {NUMBER}", "kept by hold 1", "Mae'r TO yn gollwng"):
        assert words in done.stdout
    assert done.stdout.count("looked at it") == 2
    assert "quality, QA-7" in done.stdout
    assert [each["did"] for each in await accesses(two)] == ["show", "show"]
    told = json.loads((await run(two.config, "recordings", "show", f"{OTHER_LEG}-1", *WHY, "--json")).stdout)
    assert (told["call"]["number"], told["transcripts"], told["holds"]) == (OTHER_NUMBER, [], [])


async def test_that_the_caller_objected_is_seen_wherever_recordings_of_the_call_are_listed(two: Kept) -> None:
    """Of all of them, whoever had the call when they did, and whatever it became part of."""
    since = ("--since", "2026-07-06")
    assert "the caller objected" not in (await run(two.config, "recordings", *since)).stdout
    await two.register.write([Objected(CALL, AT + 30, "1783328400.77", "handset 1002")])
    listed = (await run(two.config, "recordings", *since)).stdout.splitlines()
    assert [LEG in line for line in listed if "the caller objected" in line] == [True]
    found = json.loads((await run(two.config, "recordings", "search", "--agent", "1001", *WHY, "--json")).stdout)
    assert {row["leg"]: row["objected"] for row in found} == {LEG: AT + 30, OTHER_LEG: None}
    shown = (await run(two.config, "recordings", "show", f"{LEG}-1", *WHY)).stdout
    assert "the caller objected to being recorded, 06 Jul 2026 10:00:30" in shown
    await two.register.write([CallMerged(CALL, AT + 50, OTHER_CALL)])
    assert await two.register.objections([OTHER_CALL, "7.7"]) == {OTHER_CALL: AT + 30}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("search", *WHY), 2, "say what to look for"),
        (("search", "--number", "12", *WHY), 2, "is no telephone number"),
        (("search", "--agent", "1001", "--purpose", "quality", "--reference", " "), 2, "it cannot be empty"),
        (("show", "9.9-1", *WHY), 1, "there is no finished recording of leg 9.9, segment 1"),
        (("show", LEG, *WHY), 2, "is no recording"),
    ],
)
async def test_what_is_not_asked_well_is_no_access(two: Kept, words: tuple[str, ...], status: int, said: str) -> None:
    done = await run(two.config, "recordings", *words)
    assert done.exit_code == status
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert await accesses(two) == []


@pytest.mark.parametrize("question", ["find recordings", "recording", "audio"])
@pytest.mark.parametrize(
    ("why", "said"),
    [
        ({"purpose": "curiosity", "reference": "x"}, "purpose: should be 'transfer', 'quality', "),
        ({"purpose": "quality", "reference": " "}, "reference: cannot be empty"),
        ({"purpose": "quality", "reference": None}, "reference: should be a text"),
    ],
)
async def test_without_purpose_and_reference_nothing_is_told_whoever_asks(
    two: Kept, question: str, why: dict[str, Any], said: str
) -> None:
    wanted = {"leg": LEG, "segment": 1, "number": None, "agent": "1001", "call": None, "text": None}
    assert said in await two.refusal(question, **wanted, **why)
    assert await accesses(two) == []
