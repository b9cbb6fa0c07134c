"""From notices to the register: in batches, in their order, and nothing lost in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ccdaemon.faults import RegisterFull
from ccdaemon.flows import journal as room
from ccdaemon.flows.journal import Journal
from ccdaemon.notices import Decided, Notice
from ccdaemon.store import Register
from tests.builders import Noticeboard, a_register, narrow_register

CALL, AT = "1783328400.1", 1783328400.0
DEADLINE = 20.0  # seconds; whatever a test waits for is there long before


@pytest.fixture(autouse=True)
def _in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "GATHER", 0)
    monkeypatch.setattr(room, "RETRY", 0)


@pytest.fixture
def alarms() -> Noticeboard:
    return Noticeboard()


def news(*numbers: int) -> list[Notice]:
    return [Decided(CALL, AT + number, str(number), "") for number in numbers]


async def entered(register: Register) -> list[int]:
    """What the register holds, in the order in which it was written."""
    return [int(each.detail["result"]) for each in await register.timeline(CALL)]


class Batches:
    """A register that tells of each batch when it comes, and takes it when it is told to."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.batches: asyncio.Queue[list[int]] = asyncio.Queue()
        self.answers: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def write(self, notices: Sequence[Notice]) -> None:
        batch = [int(notice.result) for notice in notices if isinstance(notice, Decided)]
        self.batches.put_nowait(batch)
        answer = await self.answers.get()
        if answer is not None:
            raise answer
        self.written += batch


@asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[asyncio.Task[None]]:
    task: asyncio.Task[None] = asyncio.create_task(journal.run())
    try:
        async with asyncio.timeout(DEADLINE):
            yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


# --- batches ---------------------------------------------------------------------------------------------------------


async def test_what_is_noted_is_in_the_register_soon_and_once(tmp_path: Path, alarms: Noticeboard) -> None:
    async with a_register(tmp_path / "register.sqlite3") as register:
        journal = Journal(register, alarms)
        journal.note(*news(1, 2))
        journal.note()
        journal.note(*news(3))
        assert await journal.flush()
        assert await journal.flush()  # nothing waits
        assert await entered(register) == [1, 2, 3]
    assert alarms.standing == {}


async def test_what_gathers_while_a_batch_is_written_is_the_next_batch(alarms: Noticeboard) -> None:
    register = Batches()
    journal = Journal(register, alarms)
    async with running(journal):
        journal.note(*news(1))
        journal.note(*news(2))
        assert await register.batches.get() == [1, 2]
        journal.note(*news(3))
        journal.note(*news(4))
        register.answers.put_nowait(None)
        assert await register.batches.get() == [3, 4]


async def test_two_who_write_at_once_write_everything_once(alarms: Noticeboard) -> None:
    """At its end the daemon writes what waits, perhaps while a batch is on its way."""
    register = Batches()
    journal = Journal(register, alarms)
    journal.note(*news(1, 2))
    one, other = asyncio.create_task(journal.flush()), asyncio.create_task(journal.flush())
    assert await register.batches.get() == [1, 2]
    journal.note(*news(3))
    register.answers.put_nowait(None)
    register.answers.put_nowait(None)
    assert await one
    assert await other
    assert register.written == [1, 2, 3]


async def test_a_batch_whose_writer_is_cancelled_is_written_once(alarms: Noticeboard) -> None:
    """SQLite's thread cannot be called back: what it was given may be entered, whoever waits for it."""
    register = Batches()
    journal = Journal(register, alarms)
    async with running(journal) as task:
        journal.note(*news(1, 2))
        await register.batches.get()
        journal.note(*news(3))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    register.answers.put_nowait(None)
    register.answers.put_nowait(None)
    assert await journal.flush()
    assert register.written == [1, 2, 3]


async def test_a_batch_that_fails_after_its_writer_was_cancelled_waits_on(alarms: Noticeboard) -> None:
    register = Batches()
    journal = Journal(register, alarms)
    async with running(journal) as task:
        journal.note(*news(1))
        await register.batches.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    register.answers.put_nowait(RegisterFull("no room"))
    register.answers.put_nowait(None)
    assert await journal.flush()
    assert register.written == [1]


async def test_at_the_end_what_waits_is_written_or_its_loss_is_said(alarms: Noticeboard) -> None:
    register = Batches()
    journal = Journal(register, alarms)
    for answer in (None, RegisterFull("no room")):
        register.answers.put_nowait(answer)
    with capture_logs() as logs:
        journal.note(*news(1))
        await journal.close()
        journal.note(*news(2, 3))
        await journal.close()
    assert register.written == [1]
    assert [entry["notices"] for entry in logs if "lost" in entry["event"]] == [2]


async def test_a_crowd_is_written_in_portions_in_its_order(
    alarms: Noticeboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs a portion at each attempt, not all that waits."""
    monkeypatch.setattr(room, "PORTION", 2)
    register = Batches()
    journal = Journal(register, alarms)
    journal.note(*news(1, 2, 3, 4, 5))
    for answer in (None, RegisterFull("no room")):
        register.answers.put_nowait(answer)
    assert not await journal.flush()
    assert [register.batches.get_nowait() for _ in range(2)] == [[1, 2], [3, 4]]
    for _ in range(2):
        register.answers.put_nowait(None)
    assert await journal.flush()
    assert register.written == [1, 2, 3, 4, 5]


async def test_what_is_wrong_with_the_daemon_itself_is_not_hidden(alarms: Noticeboard) -> None:
    register = Batches()
    journal = Journal(register, alarms)
    journal.note(*news(1))
    register.answers.put_nowait(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await journal.flush()
    register.answers.put_nowait(None)
    assert await journal.flush()  # and what waited has waited on
    assert register.written == [1]


# --- a full disk -----------------------------------------------------------------------------------------------------


async def test_while_the_disk_is_full_everything_waits_in_its_order_and_an_alarm_stands(
    tmp_path: Path, alarms: Noticeboard
) -> None:
    async with narrow_register(tmp_path / "register.sqlite3") as (register, disk):
        journal = Journal(register, alarms)
        await disk.fill()
        for number in range(500):
            journal.note(*news(number))
            if number % 100 == 99:
                assert not await journal.flush()
        assert "Calls go on" in alarms.standing["register"]
        assert "full" in alarms.standing["register"]
        assert await entered(register) == []
        await disk.make_room()
        assert await journal.flush()
        assert await entered(register) == list(range(500))
    assert alarms.standing == {}
    assert alarms.history == ["register raised", "register cleared"]


async def test_it_tries_again_by_itself_until_there_is_room(alarms: Noticeboard) -> None:
    register = Batches()
    journal = Journal(register, alarms)
    async with running(journal):
        journal.note(*news(1))
        for _ in range(3):
            assert await register.batches.get() == [1]
            register.answers.put_nowait(RegisterFull("database or disk is full"))
        assert await register.batches.get() == [1]
        assert set(alarms.standing) == {"register"}
        register.answers.put_nowait(None)
        await alarms.until(lambda standing: not standing)
    assert register.written == [1]


# --- more than memory should hold ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "before", "meanwhile", "left", "given_up"),
    [
        ("as many as may wait", 5, 0, [0, 1, 2, 3, 4], 0),
        ("one more", 6, 0, [1, 2, 3, 4, 5], 1),
        ("as many again while a batch is on its way", 5, 5, [5, 6, 7, 8, 9], 5),
        ("some while a batch is on its way", 3, 4, [2, 3, 4, 5, 6], 2),
        ("far more", 12, 12, [19, 20, 21, 22, 23], 19),
    ],
)
async def test_of_too_much_the_oldest_is_given_up_and_an_alarm_says_how_many(
    monkeypatch: pytest.MonkeyPatch,
    alarms: Noticeboard,
    claim: str,
    before: int,
    meanwhile: int,
    left: list[int],
    given_up: int,
) -> None:
    monkeypatch.setattr(room, "MAX_WAITING", 5)
    register = Batches()
    journal = Journal(register, alarms)
    journal.note(*news(*range(before)))
    writing = asyncio.create_task(journal.flush())
    await register.batches.get()
    for number in range(before, before + meanwhile):
        journal.note(*news(number))
    register.answers.put_nowait(RegisterFull("database or disk is full"))
    assert not await writing
    register.answers.put_nowait(None)
    assert await journal.flush()
    assert register.written == left, claim
    assert set(alarms.standing) == ({"register-gap"} if given_up else set())
    assert f" {given_up} notices" in alarms.standing.get("register-gap", " 0 notices")


async def test_a_batch_that_is_written_after_all_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch, alarms: Noticeboard
) -> None:
    monkeypatch.setattr(room, "MAX_WAITING", 5)
    register = Batches()
    journal = Journal(register, alarms)
    journal.note(*news(*range(5)))
    writing = asyncio.create_task(journal.flush())
    await register.batches.get()
    journal.note(*news(5, 6, 7))
    register.answers.put_nowait(None)
    register.answers.put_nowait(None)
    assert await writing
    assert await journal.flush()
    assert register.written == list(range(8))
    assert alarms.standing == {}


async def test_a_gap_is_said_until_the_daemon_starts_again(alarms: Noticeboard, tmp_path: Path) -> None:
    alarms.raise_("register-gap", "of an earlier run")
    async with a_register(tmp_path / "register.sqlite3") as register:
        journal = Journal(register, alarms)
        journal.note(*news(1))
        assert await journal.flush()
    assert alarms.standing == {}
