"""What the dialplan noted of calls that the daemon did not see comes into the register, whole and once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Container
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ccdaemon.flows.missed import read_missed
from ccdaemon.notices import CallEnded, CallIdentified, Decided, Notice
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.missed import missed
from ccdaemon.spool import MAX_NOTE, Missed
from ccdaemon.store import Register
from tests.builders import Disk, an_event, example_site, narrow_register

CALL, LEG = "1783328400.1", "1783328400.1"
AT, NOW = 1783328400.0, 1783329000.0
DEADLINE = 20.0  # seconds; whatever a test waits for is there long before


def note(what: str, at: float = AT, tier: int = 2, **fields: str) -> str:
    """A line as `cc-note` writes it: every field is there, most of them empty."""
    known = {"did": "01443425003", "number": "07700900123", "service": "housing"} | fields
    known = dict.fromkeys(("did", "number", "service", "language", "queue", "status", "agent"), "") | known
    for name in ("number", "agent"):
        known[name] = base64.b64encode(known[name].encode()).decode()
    return f"{what} {at:.0f} {CALL} {tier} " + " ".join(f"{name}={value}" for name, value in known.items())


def identified(at: float = AT, tier: int = 2, language: str | None = None) -> CallIdentified:
    return CallIdentified(CALL, at, "+441443425003", "+447700900123", "housing", language, tier)


# --- what a note says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "tier", "result", "reason"),
    [
        (
            note("ended", queue="housing", status="", agent="PJSIP/1001"),
            2,
            "queue housing: answered by PJSIP/1001",
            "answered by the second tier",
        ),
        (note("ended", queue="housing"), 2, "queue housing: abandoned", "answered by the second tier"),
        (note("ended", queue="housing", status="TIMEOUT"), 2, "queue housing: timeout", "answered by the second tier"),
        (note("ended"), 2, "hung up before the queue", "answered by the second tier"),
        (
            note("ended", tier=3, queue="housing", status="JOINEMPTY"),
            3,
            "queue housing: joinempty",
            "answered by the dialplan alone",
        ),
        (note("ended", tier=1, queue="housing"), 1, "queue housing: abandoned", ""),
    ],
)
def test_a_call_that_is_over_says_how_it_went_and_who_answered(line: str, tier: int, result: str, reason: str) -> None:
    assert missed([line], "GB", live=False, now=NOW) == (
        [identified(tier=tier), Decided(CALL, AT, result, reason), CallEnded(CALL, AT)],
        True,
    )


def test_a_call_from_its_first_line_to_its_last() -> None:
    lines = [note("begun"), note("ended", AT + 90, tier=3, language="cy", queue="housing", agent="PJSIP/1001")]
    assert missed(lines, "GB", live=True, now=NOW) == (
        [
            identified(),
            identified(AT + 90, tier=3, language="cy"),
            Decided(CALL, AT + 90, "queue housing: answered by PJSIP/1001", "answered by the dialplan alone"),
            CallEnded(CALL, AT + 90),
        ],
        True,
    )


@pytest.mark.parametrize(
    ("live", "notices"),
    [
        (True, [identified()]),  # it goes on
        (False, [identified(), CallEnded(CALL, NOW, seen=False)]),  # Asterisk took it along
    ],
)
def test_a_call_without_its_last_line_is_over_when_its_leg_is_gone(*, live: bool, notices: list[Notice]) -> None:
    assert missed([note("begun")], "GB", live=live, now=NOW) == (notices, not live)


@pytest.mark.parametrize(
    ("fields", "dialled", "number"),
    [
        ({}, "+441443425003", "+447700900123"),
        ({"did": "+441443425003", "number": "447700900123"}, "+441443425003", "+447700900123"),
        ({"did": "", "number": ""}, None, None),
        ({"did": "12", "number": "anonymous"}, "12", None),  # what was dialled is kept as the carrier wrote it
        ({"number": "Siân <07700900123>"}, "+441443425003", None),
        ({"number": "\r\nended 1 1.1 2 did="}, "+441443425003", None),
    ],
)
def test_numbers_are_understood_as_everywhere_else(
    fields: dict[str, str], dialled: str | None, number: str | None
) -> None:
    (found, *_), _ = missed([note("begun", AT, 2, **fields)], "GB", live=True, now=NOW)
    assert isinstance(found, CallIdentified)
    assert (found.dialled, found.number) == (dialled, number)


@pytest.mark.parametrize(
    "fields",
    [
        "did",
        "did= number=?? service= language=",
        "number=w63Dqc== agent=!",
        "=== ===",
        "number=\udcff",
        "number=/w==",
    ],
)
def test_fields_that_say_nothing_are_not_known(fields: str) -> None:
    (found, *_), over = missed([f"begun 1783328400 {CALL} 2 {fields}"], "GB", live=True, now=NOW)
    assert found == CallIdentified(CALL, AT, None, None, None, None, 2)
    assert not over


GARBAGE = [
    "",
    "garbage",
    "begun",
    "begun soon 1.1 2 did=",
    "begun 1783328400 1.1 4 did=",
    "begun 1783328400 1.1 2",
    "begun -1 1.1 2 did=",
    "risen 1783328400 1.1 2 did=",
    "\x00" * 40,
    "�" * 40,
    "begun 1783328400 1.1",
]


@pytest.mark.parametrize("line", GARBAGE)
@pytest.mark.parametrize("live", [True, False])
def test_a_line_of_no_known_form_is_left_out(*, line: str, live: bool) -> None:
    assert missed([line], "GB", live=live, now=NOW) == ([], False)
    whole = [note("begun"), note("ended", AT + 90)]
    mixed = [line, whole[0], line, whole[1], line]
    assert missed(mixed, "GB", live=live, now=NOW) == missed(whole, "GB", live=live, now=NOW)


# --- the folder ------------------------------------------------------------------------------------------------------


def test_notes_are_read_in_their_order_and_removed_by_name(tmp_path: Path) -> None:
    spool = Missed(tmp_path)
    (tmp_path / "2.2").write_text("one\ntwo\n")
    (tmp_path / "1.1").write_bytes(b"\xff\xfe\n")
    (tmp_path / "3.3").write_text("x" * (MAX_NOTE + 1))
    (tmp_path / "a folder").mkdir()
    assert list(spool.notes()) == [
        ("1.1", ["��"]),
        ("2.2", ["one", "two"]),
        ("3.3", ["x" * MAX_NOTE]),
        ("a folder", []),
    ]
    spool.remove("2.2")
    spool.remove("2.2")  # it is gone already
    assert [name for name, _ in spool.notes()] == ["1.1", "3.3", "a folder"]


# --- into the register -----------------------------------------------------------------------------------------------


class Reading:
    """The flow, at work on a folder; `look` waits until it has looked at everything once more."""

    def __init__(self, folder: Path, register: Register, disk: Disk) -> None:
        self.folder, self.register, self.disk = folder, register, disk
        self.calls = Calls()
        self.known = True
        self._looks = 0
        self._looked = asyncio.Event()

    async def run(self) -> None:
        await read_missed(Missed(self.folder), self.register, self.calls, self._live, example_site, lambda: NOW)

    def _live(self) -> Container[str] | None:
        self._looks += 1
        self._looked.set()
        return self.calls.legs if self.known else None

    async def look(self) -> None:
        begun = self._looks
        async with asyncio.timeout(DEADLINE):
            while self._looks < begun + 2:  # the next one has begun, so one from its beginning to its end is over
                self._looked.clear()
                await self._looked.wait()

    def notes(self, *lines: str, name: str = LEG) -> None:
        note = self.folder.parent / name
        note.write_text("".join(f"{line}\n" for line in lines))
        note.replace(self.folder / name)  # all at once: half of it would be another note

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def caller_arrives(self) -> None:
        self.calls.apply(an_event("Newchannel", LEG, CALL, AT), AT)

    def caller_leaves(self) -> None:
        self.calls.apply(an_event("Hangup", LEG, CALL, AT + 90), AT + 90)

    async def entered(self) -> tuple[float | None, bool, str | None, int | None, list[object]] | None:
        """When the call ended, whether that was seen, its service, its tier, and what was decided of it."""
        row = await self.register.call(CALL)
        if row is None:
            return None
        decided = [moment.detail["result"] for moment in await self.register.timeline(CALL)]
        return row.ended, row.seen_end, row.service, row.tier, decided


@pytest.fixture
async def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reading]:
    monkeypatch.setattr("ccdaemon.flows.missed.LOOK", 0)
    folder = tmp_path / "missed"
    folder.mkdir()
    async with narrow_register(tmp_path / "register.sqlite3") as (register, disk):
        reading = Reading(folder, register, disk)
        task = asyncio.create_task(reading.run())
        yield reading
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


OVER = [note("begun"), note("ended", AT + 90, queue="housing")]


async def test_a_call_that_is_over_is_entered_once_and_its_note_removed(reading: Reading) -> None:
    reading.notes(*OVER)
    await reading.look()
    await reading.look()
    assert reading.left() == []
    assert await reading.entered() == (AT + 90, True, "housing", 2, ["queue housing: abandoned"])


async def test_a_call_that_asterisk_took_along_is_closed_unseen(reading: Reading) -> None:
    reading.notes(OVER[0])
    await reading.look()
    assert reading.left() == []
    assert await reading.entered() == (NOW, False, "housing", 2, [])


async def test_a_live_call_is_known_at_once_and_its_note_stays_until_its_end(reading: Reading) -> None:
    reading.caller_arrives()
    reading.notes(OVER[0])
    await reading.look()
    await reading.look()
    assert reading.left() == [LEG]
    assert await reading.entered() == (None, True, "housing", 2, [])
    assert reading.calls.calls[CALL].service == "housing"  # for the status
    reading.notes(*OVER)
    await reading.look()
    assert reading.left() == []
    assert await reading.entered() == (AT + 90, True, "housing", 2, ["queue housing: abandoned"])


async def test_a_live_call_whose_last_line_never_comes_is_closed_when_its_leg_is_gone(reading: Reading) -> None:
    reading.caller_arrives()
    reading.notes(OVER[0])
    await reading.look()
    reading.caller_leaves()
    await reading.look()
    assert reading.left() == []
    assert await reading.entered() == (NOW, False, "housing", 2, [])


async def test_nothing_is_concluded_while_nobody_knows_what_is_live(reading: Reading) -> None:
    reading.known = False
    await reading.look()  # the one that had begun
    reading.notes(OVER[0])
    await reading.look()
    assert reading.left() == [LEG]
    assert await reading.entered() is None
    reading.known = True
    await reading.look()
    assert reading.left() == []


async def test_while_the_disk_is_full_the_notes_wait(reading: Reading) -> None:
    await reading.disk.fill()
    calls = [f"1783328400.{number}" for number in range(100, 300)]  # more than fit on the pages that are there
    for call in calls:
        reading.notes(*(line.replace(CALL, call) for line in OVER), name=call)
    await reading.look()
    written = {row.id for row in await reading.register.calls(0, NOW)}
    assert set(reading.left()) == set(calls) - written != set()
    await reading.disk.make_room()
    await reading.look()
    assert reading.left() == []
    assert {row.id for row in await reading.register.calls(0, NOW)} == set(calls)


async def test_a_note_that_nobody_understands_is_said_once_and_kept(reading: Reading) -> None:
    with capture_logs() as logs:
        reading.notes(*GARBAGE)
        reading.notes(*OVER, name="1783328400.9")
        for _ in range(3):
            await reading.look()
    assert [each["file"] for each in logs if each["log_level"] == "error"] == [LEG]
    assert reading.left() == [LEG]
    assert await reading.entered() is not None


@pytest.mark.parametrize("live", [True, False])
async def test_a_line_that_was_read_half_written_is_read_again_whole(reading: Reading, *, live: bool) -> None:
    if live:
        reading.caller_arrives()
    reading.notes(OVER[1][:20])
    await reading.look()
    assert await reading.entered() is None
    reading.notes(OVER[1])
    await reading.look()
    assert reading.left() == []
    assert await reading.entered() == (AT + 90, True, "housing", 2, ["queue housing: abandoned"])
