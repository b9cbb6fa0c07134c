"""Raw files become recordings, with a real spool, a real archive and a real register; nothing is lost on the way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ccdaemon.archive import Archive
from ccdaemon.flows.recordings import FOUND, GRACE, LOST, MISSING, Finishing
from ccdaemon.kept import Recording
from ccdaemon.keys import SIZE, Keys
from ccdaemon.notices import CallBegan, CallIdentified, LegEnded, RecorderStarted, RecorderStopped
from ccdaemon.store import Register
from tests.builders import LONDON, Disk, Noticeboard, a_raw_file, example_site, narrow_register

CALL, LEG, OTHER = "1783328400.1", "1783328400.2", "1783328400.3"
AT = 1783328400.0
LASTED = 2.0  # seconds from a recorder's start to its stop
MANY = [f"1783328400.{number}" for number in range(100, 140)]  # whose rows do not fit on one page of the register
A_SECOND = bytes(4 * 8000)
DEADLINE = 20.0  # seconds; whatever a test waits for is there long before


@dataclass
class Room:
    """Everything that finishing touches."""

    spool: Path
    folder: Path
    keys: Path
    register: Register
    disk: Disk
    alarms: Noticeboard
    live: set[str] | None
    now: float

    @property
    def archive(self) -> Archive:
        return Archive(self.spool, self.folder, Keys(self.keys, bytes(SIZE)))

    def finishing(self) -> Finishing:
        """A daemon that has just started."""
        return Finishing(self.archive, self.register, self.alarms, lambda: self.live, example_site, lambda: self.now)

    def recorded(self, content: bytes = A_SECOND, leg: str = LEG) -> Path:
        return a_raw_file(self.spool, CALL, leg, content)

    async def heard_of(self, leg: str = LEG) -> None:
        """Asterisk told of a recorder from its start to its end."""
        await self.register.write(
            [
                CallIdentified(CALL, AT, service="housing"),
                RecorderStarted(CALL, AT, leg),
                RecorderStopped(CALL, AT + LASTED, leg, "the leg ended"),
            ]
        )

    async def row(self, leg: str = LEG) -> Recording | None:
        return next((row for row in await self.register.recordings(CALL) if row.leg == leg), None)

    async def finished(self) -> list[str]:
        """Legs whose recordings are finished: row, file, and an empty spool."""
        known = {file for file in await self.register.finished_files() if (self.folder / file).is_file()}
        rows = [row for row in await self.register.recordings(CALL) if row.file in known and row.sha256]
        return [row.leg for row in rows if not self.raw(row.leg)]

    def raw(self, leg: str = LEG) -> list[Path]:
        return list(self.spool.glob(f"*_{leg}_*.raw"))


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    spool = tmp_path / "spool"
    keys = tmp_path / "keys"
    for each in (spool, keys):
        each.mkdir()
    async with narrow_register(tmp_path / "register.sqlite3") as (register, disk):
        yield Room(spool, tmp_path / "recordings", keys, register, disk, Noticeboard(), set(), AT + LASTED + 1)


async def look_twice(finishing: Finishing) -> None:
    """A file is finished when the second look finds it as the first one did."""
    await finishing.look()
    await finishing.look()


# --- files and rows --------------------------------------------------------------------------------------------------


async def test_a_recording_whose_recorder_was_heard_of_is_finished(room: Room) -> None:
    await room.heard_of()
    room.recorded()
    await look_twice(room.finishing())
    assert await room.finished() == [LEG]
    row = await room.row()
    assert row is not None
    assert (row.started, row.stopped, row.reason, row.seconds, row.fault) == (AT, AT + LASTED, "the leg ended", 1, None)
    assert (row.service, row.bytes) == ("housing", (room.folder / str(row.file)).stat().st_size)
    assert room.alarms.history == []


async def test_a_file_without_a_row_is_finished_and_said_to_be_found(room: Room) -> None:
    room.recorded()
    with capture_logs() as logs:
        await look_twice(room.finishing())
    assert [(each["log_level"], each["event"]) for each in logs] == [("error", FOUND)]
    assert await room.finished() == [LEG]
    row = await room.row()
    assert row is not None
    assert (row.service, row.started, row.stopped, row.reason, row.fault) == ("housing", None, None, FOUND, None)


async def test_what_the_register_learns_late_of_a_found_recording_is_what_stays(room: Room) -> None:
    """As after a full disk, when the file is finished before the journal has written what waited."""
    room.recorded()
    await look_twice(room.finishing())
    await room.heard_of()
    row = await room.row()
    assert row is not None
    assert (row.started, row.stopped, row.reason) == (AT, AT + LASTED, "the leg ended")


@pytest.mark.parametrize(
    ("claim", "since", "missing"),
    [
        ("Asterisk may still be writing", 1.0, False),
        ("it has had its time", GRACE, False),
        ("it has had more than its time", GRACE + 1, True),
    ],
)
async def test_a_row_without_a_file_is_missing_once_there_was_time_to_write_it(
    room: Room, *, claim: str, since: float, missing: bool
) -> None:
    await room.heard_of()
    room.now = AT + LASTED + since
    await room.finishing().look()
    row = await room.row()
    assert row is not None
    assert (row.fault == MISSING) is missing, claim
    assert set(room.alarms.standing) == ({"recordings-faulty"} if missing else set())


@pytest.mark.parametrize("live", [{LEG}, None])
async def test_a_row_without_a_file_is_not_missing_while_its_leg_is_up_or_nobody_knows(
    room: Room, live: set[str] | None
) -> None:
    await room.heard_of()
    room.live, room.now = live, AT + 900
    await look_twice(room.finishing())
    row = await room.row()
    assert row is not None
    assert row.fault is None


async def test_a_recorder_whose_end_nobody_told_of_is_missed_once_its_leg_has_ended(room: Room) -> None:
    await room.register.write([RecorderStarted(CALL, AT, LEG), LegEnded(CALL, AT + LASTED, LEG, None)])
    room.now = AT + 900
    await room.finishing().look()
    row = await room.row()
    assert row is not None
    assert row.fault == MISSING


async def test_that_a_recording_is_missing_is_said_until_one_is_made_again(room: Room) -> None:
    await room.heard_of()
    room.now = AT + 900
    finishing = room.finishing()
    await look_twice(finishing)
    assert "full disk" in room.alarms.standing["recordings-faulty"]
    room.recorded(b"", OTHER)
    await look_twice(finishing)
    assert set(room.alarms.standing) == {"recordings-faulty"}  # an empty one proves nothing
    room.recorded(A_SECOND, "1783328400.4")
    await look_twice(finishing)
    assert room.alarms.history == ["recordings-faulty raised", "recordings-faulty cleared"]


async def test_a_file_that_comes_after_it_was_missed_is_finished_all_the_same(room: Room) -> None:
    await room.heard_of()
    room.now = AT + 900
    finishing = room.finishing()
    await finishing.look()
    room.recorded()
    await look_twice(finishing)
    assert await room.finished() == [LEG]
    row = await room.row()
    assert row is not None
    assert (row.reason, row.fault) == ("the leg ended", None)


async def test_an_empty_recording_is_kept_and_said_to_be_empty(room: Room) -> None:
    await room.heard_of()
    room.recorded(b"")
    await look_twice(room.finishing())
    assert await room.finished() == [LEG]
    row = await room.row()
    assert row is not None
    assert (row.seconds, row.fault is None) == (0, False)
    assert (row.fault or "").startswith("the recording is empty")


# --- what is not ready -----------------------------------------------------------------------------------------------


async def test_a_file_that_still_grows_is_left_alone(room: Room) -> None:
    await room.heard_of()
    finishing = room.finishing()
    for size in range(1, 6):
        room.recorded(A_SECOND * size)
        await finishing.look()
        assert room.raw()
        assert await room.finished() == []
    await finishing.look()
    assert await room.finished() == [LEG]


async def test_a_live_leg_is_left_alone_however_long_its_file_rests(room: Room) -> None:
    room.live = {LEG}
    room.recorded()
    finishing = room.finishing()
    for _ in range(5):
        await finishing.look()
    assert room.raw()
    assert await room.finished() == []


async def test_that_a_file_rested_while_its_leg_was_up_does_not_count(room: Room) -> None:
    """A recorder writes every two seconds: what it holds when the leg ends comes after the end."""
    room.live = {LEG}
    room.recorded()
    finishing = room.finishing()
    await look_twice(finishing)
    room.live.clear()
    await finishing.look()
    assert await room.finished() == []
    room.recorded(A_SECOND * 2)
    await look_twice(finishing)
    row = await room.row()
    assert row is not None
    assert row.seconds == 2


async def test_nothing_is_touched_while_nobody_knows_what_is_live(room: Room) -> None:
    room.live = None
    room.recorded()
    finishing = room.finishing()
    await look_twice(finishing)
    assert room.raw()
    room.live = set()
    await look_twice(finishing)
    assert await room.finished() == [LEG]


async def test_a_file_that_no_recorder_of_ours_wrote_is_left_where_it_is(room: Room) -> None:
    stray = room.spool / "holiday.mp3"
    stray.write_bytes(b"la la la")
    finishing = room.finishing()
    with capture_logs() as logs:
        await finishing.compare()
    await look_twice(finishing)
    assert [each["file"] for each in logs] == [stray.name]
    assert stray.is_file()


# --- mishaps ---------------------------------------------------------------------------------------------------------


async def test_while_the_register_is_full_nothing_is_lost_and_an_alarm_stands(room: Room) -> None:
    for leg in MANY:
        room.recorded(A_SECOND, leg)
    await room.disk.fill()
    finishing = room.finishing()
    for _ in range(4):
        await finishing.look()
    finished = await room.finished()
    assert len(finished) < len(MANY)
    assert [leg for leg in MANY if not room.raw(leg)] == finished
    assert "full" in room.alarms.standing["recordings"]
    assert "Nothing is lost yet" in room.alarms.standing["recordings"]
    await room.disk.make_room()
    await finishing.look()
    assert await room.finished() == MANY
    assert room.alarms.history == ["recordings raised", "recordings cleared"]


async def test_one_recording_that_cannot_be_finished_does_not_keep_up_the_others(room: Room) -> None:
    in_the_way = room.recorded()
    room.recorded(A_SECOND, OTHER)
    finishing = room.finishing()
    await finishing.look()
    in_the_way.unlink()
    in_the_way.mkdir()  # which nobody can read as a file
    await finishing.look()
    await finishing.look()
    assert await room.finished() == [OTHER]
    assert f"{in_the_way.name} cannot be finished: Is a directory" in room.alarms.standing["recordings"]
    in_the_way.rmdir()
    room.recorded()
    await look_twice(finishing)
    assert await room.finished() == [LEG, OTHER]
    assert room.alarms.standing == {}


async def test_an_archive_that_cannot_be_written_is_said_and_tried_again(room: Room) -> None:
    room.folder.write_text("a file where the archive should be")
    room.recorded()
    finishing = room.finishing()
    await look_twice(finishing)
    assert str(room.folder) in room.alarms.standing["recordings"]
    assert room.raw()
    room.folder.unlink()
    await finishing.look()
    assert await room.finished() == [LEG]
    assert room.alarms.standing == {}


async def test_who_was_killed_between_file_and_row_finishes_again_and_nothing_is_strange(room: Room) -> None:
    await room.heard_of()
    raw = room.recorded()
    archive = room.archive
    archive.finish(next(iter(archive.raw())), "recording-2027-07")
    finishing = room.finishing()
    await finishing.compare()
    await look_twice(finishing)
    assert await room.finished() == [LEG]
    assert not raw.exists()
    assert room.alarms.history == []


async def test_who_was_killed_between_row_and_raw_file_removes_that_alone(room: Room) -> None:
    """What stands in the register is what opens the file: it must not be sealed anew."""
    await room.heard_of()
    content = room.recorded().read_bytes()
    await look_twice(room.finishing())
    before = await room.row(), await room.register.kept(LEG, 1)
    again = room.recorded(content)
    with capture_logs() as logs:
        await look_twice(room.finishing())
    assert not again.exists()
    assert (await room.row(), await room.register.kept(LEG, 1)) == before
    assert logs == []


async def test_a_raw_file_whose_finished_one_cannot_be_opened_is_finished_again(room: Room) -> None:
    await room.heard_of()
    content = room.recorded().read_bytes()
    await look_twice(room.finishing())
    row = await room.row()
    assert row is not None
    (room.folder / str(row.file)).write_bytes(b"spoilt")
    room.recorded(content)
    await look_twice(room.finishing())
    kept = await room.register.kept(LEG, 1)
    assert kept is not None
    assert room.archive.holds(kept)
    assert not room.raw()


async def test_all_recordings_of_a_call_hang_on_the_key_of_the_month_in_which_the_call_is_due(room: Room) -> None:
    """It began before midnight in Wales, and its second leg after: as a file says that was changed a day later."""
    began = datetime(2026, 7, 31, 23, 59, tzinfo=LONDON).timestamp()
    await room.register.write([CallBegan(CALL, began)])
    for leg in (LEG, OTHER):
        os.utime(room.recorded(leg=leg), (began + 86_400,) * 2)
    await look_twice(room.finishing())
    kept = [await room.register.kept(leg, 1) for leg in (LEG, OTHER)]
    assert [each and each.period for each in kept] == ["recording-2027-07"] * 2


# --- register and archive --------------------------------------------------------------------------------------------


async def test_where_archive_and_register_agree_an_alarm_of_an_earlier_run_is_over(room: Room) -> None:
    room.recorded()
    await look_twice(room.finishing())
    room.alarms.raise_("archive", "of an earlier run")
    await room.finishing().compare()
    assert room.alarms.standing == {}


async def test_a_recording_that_is_gone_from_the_archive_is_said_to_be(room: Room) -> None:
    room.recorded()
    await look_twice(room.finishing())
    row = await room.row()
    assert row is not None
    (room.folder / str(row.file)).unlink()
    with capture_logs() as logs:
        await room.finishing().compare()
    assert [each["file"] for each in logs if each["log_level"] == "error" and "file" in each] == [row.file]
    assert await room.row() == replace(row, fault=LOST)
    assert room.alarms.standing["archive"].startswith("1 recordings")


async def test_a_file_in_the_archive_that_nobody_knows_is_said_to_be_there_and_kept(room: Room) -> None:
    strange = room.folder / "2026" / "07" / "06" / "strange.flac.sealed"
    strange.parent.mkdir(parents=True)
    strange.write_bytes(b"RIFF")
    with capture_logs() as logs:
        await room.finishing().compare()
    assert "2026/07/06/strange.flac.sealed" in [each.get("file") for each in logs]
    assert strange.is_file()
    assert set(room.alarms.standing) == {"archive"}


async def test_a_full_register_does_not_keep_the_daemon_from_comparing(room: Room) -> None:
    for leg in MANY:
        room.recorded(A_SECOND, leg)
    await look_twice(room.finishing())
    for file in room.folder.rglob("*.sealed"):
        file.unlink()
    await room.disk.fill()
    with capture_logs() as logs:
        await room.finishing().compare()
    assert [each["reason"] for each in logs if "reason" in each] == ["database or disk is full"]
    assert room.alarms.standing["archive"].startswith(f"{len(MANY)} recordings")


async def test_it_compares_once_and_then_looks_again_and_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccdaemon.flows.recordings.LOOK", 0)
    room.folder.write_text("a file where the archive should be")
    room.recorded()
    task = asyncio.create_task(room.finishing().run())
    async with asyncio.timeout(DEADLINE):
        await room.alarms.until(lambda standing: "recordings" in standing)
        room.folder.unlink()
        await room.alarms.until(lambda standing: not standing)
    task.cancel()
    assert await room.finished() == [LEG]


# --- the end ---------------------------------------------------------------------------------------------------------


async def settled(room: Room, within: float) -> None:
    finishing = room.finishing()
    running = asyncio.create_task(finishing.run())
    async with asyncio.timeout(DEADLINE):
        await finishing.settle(within)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_at_the_end_no_recording_of_a_call_that_is_over_stays_plain(room: Room) -> None:
    for leg in (LEG, OTHER):
        room.recorded(leg=leg)
        await room.heard_of(leg)
    await settled(room, DEADLINE)
    assert await room.finished() == [LEG, OTHER]


async def test_a_recorder_that_goes_on_does_not_hold_up_the_end(room: Room) -> None:
    room.live = {LEG}
    raw = room.recorded()
    await settled(room, DEADLINE)
    assert raw.exists()


async def test_nor_does_one_that_cannot_be_finished(room: Room) -> None:
    raw = room.recorded()
    await room.heard_of()
    room.folder.touch()  # where a folder should be
    await settled(room, 0.5)
    assert raw.exists()
    assert "recordings" in room.alarms.standing
