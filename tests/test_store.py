"""The register on a real disk: what it holds after which notices, and after which mishaps."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccdaemon.faults import RegisterFull
from ccdaemon.kept import Recording
from ccdaemon.keys import SIZE, Keys
from ccdaemon.notices import (
    Announced,
    Bridged,
    CallBegan,
    CallEnded,
    CallIdentified,
    CallMerged,
    Decided,
    Heard,
    LegBegan,
    LegEnded,
    Notice,
    QueueJoined,
    QueueLeft,
    RecorderStarted,
    RecorderStopped,
    Transferred,
)
from ccdaemon.store import CallRow, Register, open_register
from ccdaemon.store.database import RegisterUnusable
from tests.builders import a_register, narrow_register, parties_in

CALL, CALLER, AGENT = "1783328400.1", "1783328400.1", "1783328400.2"
OTHER, OFFICER = "1783328460.6", "1783328460.7"
AT = 1783328400.0
DEADLINE = 20.0  # seconds; whatever a test waits for is there long before
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "register.sqlite3"


@pytest.fixture
async def register(file: Path) -> AsyncIterator[Register]:
    async with a_register(file) as register:
        yield register


def a_row(call: str = CALL, began: float = AT, **known: Any) -> CallRow:  # noqa: ANN401 - any column of a row
    return replace(CallRow(call, began, None, True, None, None, None, None, None, 0), **known)  # noqa: FBT003 - a row, as the register has it


def asked(file: Path, sql: str) -> list[Any]:
    """What another program finds in the file."""
    with closing(sqlite3.connect(file)) as database:
        return database.execute(sql).fetchall()


async def test_who_called_stands_nowhere_in_the_file_and_is_found_by_their_number(file: Path) -> None:
    number = "+447700900123"
    async with a_register(file) as register:
        await register.write(
            [CallIdentified(CALL, AT, number=number), CallIdentified(OTHER, AT, number="+447700900124")]
        )
        assert [row.number for row in await register.calls(0, AT + 1, number=number)] == [number]
        assert await register.calls(0, AT + 1, number="+447700900125") == []
        for each in file.parent.glob("register.sqlite3*"):
            assert number.encode() not in each.read_bytes()


async def test_once_the_key_of_its_month_is_destroyed_nobody_knows_who_called(file: Path) -> None:
    async with a_register(file) as register:
        await register.write([CallIdentified(CALL, AT, number="+447700900123", service="housing")])
    Keys(file.parent / "keys", bytes(SIZE)).destroy("call-2027-07")
    async with a_register(file) as register:
        assert await register.calls(0, AT + 1) == [a_row(service="housing")]


# --- opening ---------------------------------------------------------------------------------------------------------


async def test_a_new_register_is_made_and_an_old_one_is_kept(file: Path) -> None:
    async with a_register(file) as register:
        await register.write([CallBegan(CALL, AT)])
    async with a_register(file) as register:
        assert await register.calls(0, AT + 1) == [a_row()]


async def test_a_register_is_brought_to_its_newest_shape_once(file: Path) -> None:
    async with a_register(file):
        pass
    ((version,),) = asked(file, "PRAGMA user_version")
    shape = asked(file, "SELECT name, sql FROM sqlite_master")
    async with a_register(file):
        pass
    assert version > 0
    assert asked(file, "PRAGMA user_version") == [(version,)]
    assert asked(file, "SELECT name, sql FROM sqlite_master") == shape


def of_a_newer_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 999")


def of_something_else(file: Path) -> None:
    file.write_bytes(b"Dear Sir or Madam, " * 500)


def with_a_table_of_ours(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE calls (id TEXT)")


def as_a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (of_a_newer_version, "written by a newer ccdaemon (version 999)"),
        (of_something_else, "file is not a database"),
        (with_a_table_of_ours, "table calls already exists"),
        (as_a_folder, "unable to open"),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
async def test_a_file_that_is_no_register_of_ours_is_refused_with_its_name(file: Path, made: Any, words: str) -> None:  # noqa: ANN401 - a function of the table
    made(file)
    before = file.read_bytes() if file.is_file() else b""
    with pytest.raises(RegisterUnusable) as refusal:
        async with a_register(file):
            pass
    assert words in str(refusal.value)
    assert str(file) in str(refusal.value)
    if made is of_something_else:
        assert file.read_bytes() == before


async def test_a_register_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegisterUnusable, match="nowhere"):
        async with open_register(tmp_path / "nowhere" / "register.sqlite3", parties_in(tmp_path)):
            pass


async def test_a_migration_that_fails_changes_nothing(file: Path) -> None:
    with_a_table_of_ours(file)
    with pytest.raises(RegisterUnusable):
        async with a_register(file):
            pass
    assert asked(file, "SELECT name FROM sqlite_master") == [("calls",)]
    assert asked(file, "PRAGMA user_version") == [(0,)]


# --- calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "notices", "row"),
    [
        ("a call begins", [CallBegan(CALL, AT)], a_row()),
        ("and ends", [CallBegan(CALL, AT), CallEnded(CALL, AT + 60)], a_row(ended=AT + 60)),
        (
            "unseen, when it is found out",
            [CallBegan(CALL, AT), CallEnded(CALL, AT + 900, seen=False)],
            a_row(ended=AT + 900, seen_end=False),
        ),
        (
            "it ends once, and the first to say so is right",
            [CallBegan(CALL, AT), CallEnded(CALL, AT + 60), CallEnded(CALL, AT + 900, seen=False)],
            a_row(ended=AT + 60),
        ),
        (
            "what is known of it grows",
            [
                CallBegan(CALL, AT),
                CallIdentified(CALL, AT, "+441443425003", "+447700900123", "general", None, 1),
                CallIdentified(CALL, AT + 9, service="housing", language="cy"),
            ],
            a_row(dialled="+441443425003", number="+447700900123", service="housing", language="cy", tier=1),
        ),
        (
            "it begins again: it was thought to be over, and is not",
            [CallBegan(CALL, AT), CallEnded(CALL, AT + 60, seen=False), CallBegan(CALL, AT + 61)],
            a_row(),
        ),
        ("its beginning was lost: its end is known", [CallEnded(CALL, AT + 60)], a_row(began=AT + 60, ended=AT + 60)),
        (
            "its beginning was lost: it is known from its leg on",
            [LegBegan(CALL, AT + 5, CALLER, "PJSIP/trunk-00000001"), CallEnded(CALL, AT + 60)],
            a_row(began=AT + 5, ended=AT + 60),
        ),
        (
            "its beginning was lost: who called is known all the same",
            [CallIdentified(CALL, AT + 2, number="+447700900123", tier=2)],
            a_row(began=AT + 2, number="+447700900123", tier=2),
        ),
        ("its beginning comes late", [CallEnded(CALL, AT + 60), CallBegan(CALL, AT)], a_row()),
        (
            "its recordings are counted",
            [CallBegan(CALL, AT), RecorderStarted(CALL, AT + 9, AGENT), RecorderStarted(CALL, AT + 30, OFFICER)],
            a_row(recordings=2),
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
@pytest.mark.parametrize("batch", ["all at once", "one by one"])
async def test_a_call_is_what_was_said_of_it(
    register: Register, claim: str, notices: list[Notice], row: CallRow, batch: str
) -> None:
    for each in [notices] if batch == "all at once" else [[notice] for notice in notices]:
        await register.write(each)
    assert await register.call(CALL) == row, claim
    assert await register.open_calls() == ([CALL] if row.ended is None else [])


async def test_nobody_knows_a_call_that_never_was(register: Register) -> None:
    await register.write([])
    assert await register.call(CALL) is None
    assert await register.timeline(CALL) == []
    assert await register.recordings(CALL) == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({"since": AT, "until": AT + 100}, ["c", "b", "a"]),
        ({"since": AT, "until": AT + 20}, ["b", "a"]),  # `until` is not of it
        ({"since": AT + 10, "until": AT + 100}, ["c", "b"]),
        ({"since": AT, "until": AT + 100, "service": "housing"}, ["c", "a"]),
        ({"since": AT, "until": AT + 100, "limit": 1}, ["c"]),
        ({"since": AT, "until": AT + 100, "service": "housing' OR 'a'='a"}, []),
        ({"since": AT + 100, "until": AT}, []),
    ],
)
async def test_calls_are_listed_by_time_and_service_the_newest_first(
    register: Register, question: dict[str, Any], expected: list[str]
) -> None:
    await register.write(
        [
            CallIdentified("a", AT, service="housing"),
            CallIdentified("b", AT + 10, service="general"),
            CallIdentified("c", AT + 20, service="housing"),
        ]
    )
    assert [row.id for row in await register.calls(**question)] == expected


# --- two calls become one --------------------------------------------------------------------------------------------

CONSULTED: list[Notice] = [
    CallBegan(CALL, AT),
    CallIdentified(CALL, AT, "+441443425003", "+447700900123", "housing", "cy", 1),
    LegBegan(CALL, AT, CALLER, "PJSIP/trunk-00000001"),
    CallBegan(OTHER, AT + 60),
    LegBegan(OTHER, AT + 60, OFFICER, "PJSIP/1009-00000007"),
    QueueJoined(OTHER, AT + 61, OFFICER, "payments"),
    RecorderStarted(OTHER, AT + 62, OFFICER),
    Transferred(OTHER, AT + 70, OFFICER, "attended", CALLER),
    CallMerged(OTHER, AT + 71, CALL),
]


async def test_after_a_merger_all_of_both_calls_is_found_under_either_name(register: Register) -> None:
    await register.write(CONSULTED)
    whole = await register.call(CALL)
    assert whole == a_row(
        dialled="+441443425003", number="+447700900123", service="housing", language="cy", tier=1, recordings=1
    )
    assert await register.call(OTHER) == whole
    assert await register.calls(0, AT + 100) == [whole]
    assert await register.open_calls() == [CALL]
    assert await register.open_legs() == [(CALLER, CALL), (OFFICER, CALL)]
    assert [each.leg for each in await register.recordings(CALL)] == [OFFICER]
    assert [(each.at - AT, each.kind) for each in await register.timeline(CALL)] == [
        (0, "leg began"),
        (60, "leg began"),
        (61, "joined queue"),
        (62, "recorder started"),
        (70, "attended transfer"),
        (71, "merged"),
    ]


async def test_a_call_that_merges_again_takes_along_what_merged_into_it(register: Register) -> None:
    await register.write([*CONSULTED, CallBegan("0.1", AT - 9), CallMerged(CALL, AT + 80, "0.1")])
    assert {(await register.call(each) or a_row("?")).id for each in ("0.1", CALL, OTHER)} == {"0.1"}
    assert [row.id for row in await register.calls(0, AT + 100)] == ["0.1"]
    assert "attended transfer" in [each.kind for each in await register.timeline("0.1")]


@pytest.mark.parametrize("order", ["known before", "known after"])
async def test_who_called_is_known_though_the_call_became_part_of_an_older_one(register: Register, order: str) -> None:
    """A clerk talks to a colleague, takes a caller on the second line, and joins the two."""
    caller = CallIdentified(OTHER, AT + 9, "+441443425003", "+447700900123", "housing", "cy", 1)
    merged = CallMerged(OTHER, AT + 60, CALL)
    told: list[Notice] = [caller, merged] if order == "known before" else [merged, caller]
    await register.write([CallBegan(CALL, AT), CallBegan(OTHER, AT + 5), *told])
    assert await register.call(CALL) == a_row(
        dialled="+441443425003", number="+447700900123", service="housing", language="cy", tier=1
    )


async def test_what_is_known_of_the_older_call_is_never_that_of_the_younger(register: Register) -> None:
    await register.write([*CONSULTED, CallIdentified(OTHER, AT + 90, "+441443111111", "+447700900999", "ict", "en", 2)])
    known = await register.call(CALL)
    assert known is not None
    assert (known.number, known.service, known.language, known.tier) == ("+447700900123", "housing", "cy", 1)


async def test_a_call_may_merge_into_one_whose_beginning_was_lost(register: Register) -> None:
    await register.write([CallMerged(OTHER, AT + 60, CALL)])
    assert await register.call(OTHER) == a_row(began=AT + 60)


# --- legs, queues, timeline ------------------------------------------------------------------------------------------


async def test_legs_are_open_until_they_end(register: Register) -> None:
    await register.write([LegBegan(CALL, AT, CALLER, "PJSIP/trunk-1"), LegBegan(CALL, AT, AGENT, "PJSIP/1001-2")])
    await register.write([LegEnded(CALL, AT + 60, AGENT, 16), LegEnded(CALL, AT + 60, "never heard of", None)])
    assert await register.open_legs() == [(CALLER, CALL)]


@pytest.mark.parametrize(
    ("claim", "notices", "visits"),
    [
        ("still waiting", [QueueJoined(CALL, AT, CALLER, "housing")], [("housing", None, None)]),
        (
            "answered, which corrects what came before it",
            [
                QueueJoined(CALL, AT, CALLER, "housing"),
                QueueLeft(CALL, AT + 9, CALLER, "housing", "unanswered"),
                QueueLeft(CALL, AT + 9, CALLER, "housing", "answered", "PJSIP/1001"),
            ],
            [("housing", "answered", "PJSIP/1001")],
        ),
        (
            "twice in the same queue",
            [
                QueueJoined(CALL, AT, CALLER, "housing"),
                QueueLeft(CALL, AT + 9, CALLER, "housing", "unanswered"),
                QueueJoined(CALL, AT + 10, CALLER, "housing"),
                QueueLeft(CALL, AT + 19, CALLER, "housing", "abandoned"),
            ],
            [("housing", "unanswered", None), ("housing", "abandoned", None)],
        ),
        (
            "from one queue to the next",
            [
                QueueJoined(CALL, AT, CALLER, "housing-cy"),
                QueueLeft(CALL, AT + 9, CALLER, "housing-cy", "unanswered"),
                QueueJoined(CALL, AT + 10, CALLER, "housing"),
            ],
            [("housing-cy", "unanswered", None), ("housing", None, None)],
        ),
        (
            "found to be waiting by a daemon that has just started",
            [QueueJoined(CALL, AT, CALLER, "housing"), QueueJoined(CALL, AT + 5, CALLER, "housing")],
            [("housing", None, None)],
        ),
        ("left without having joined", [QueueLeft(CALL, AT, CALLER, "housing", "abandoned")], []),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_every_visit_to_a_queue_has_its_own_end(
    register: Register, file: Path, claim: str, notices: list[Notice], visits: list[Any]
) -> None:
    await register.write(notices)
    assert asked(file, "SELECT queue, outcome, member FROM visits ORDER BY id") == visits, claim


async def test_a_timeline_tells_everything_in_its_order_and_in_words(register: Register) -> None:
    await register.write(
        [
            CallBegan(CALL, AT),
            LegBegan(CALL, AT + 1, CALLER, "PJSIP/trunk-1"),
            Heard(CALL, AT + 2, "housing", "main", "cy", "pressed 2"),
            Announced(CALL, AT + 3, "cy", whole=True),
            Decided(CALL, AT + 4, "queue housing", "recorded"),
            QueueJoined(CALL, AT + 5, CALLER, "housing"),
            QueueLeft(CALL, AT + 6, CALLER, "housing", "answered", "PJSIP/1001"),
            Bridged(CALL, AT + 7, AGENT, "b1"),
            RecorderStarted(CALL, AT + 8, AGENT),
            Transferred(CALL, AT + 9, AGENT, "blind", "6100"),
            RecorderStopped(CALL, AT + 10, AGENT, "it was told to stop"),
            Bridged(CALL, AT + 11, AGENT, "b1", apart=True),
            LegEnded(CALL, AT + 12, CALLER, 16),
            CallEnded(CALL, AT + 12),
        ]
    )
    assert [(each.at - AT, each.kind, each.leg, each.detail) for each in await register.timeline(CALL)] == [
        (1, "leg began", CALLER, {"channel": "PJSIP/trunk-1"}),
        (2, "menu", None, {"service": "housing", "menu": "main", "language": "cy", "did": "pressed 2"}),
        (3, "announcement", None, {"language": "cy", "whole": True}),
        (4, "decision", None, {"result": "queue housing", "reason": "recorded"}),
        (5, "joined queue", CALLER, {"queue": "housing"}),
        (6, "left queue", CALLER, {"queue": "housing", "outcome": "answered", "member": "PJSIP/1001"}),
        (7, "entered bridge", AGENT, {"bridge": "b1"}),
        (8, "recorder started", AGENT, {}),
        (9, "blind transfer", AGENT, {"to": "6100"}),
        (10, "recorder stopped", AGENT, {"reason": "it was told to stop"}),
        (11, "left bridge", AGENT, {"bridge": "b1"}),
        (12, "leg ended", CALLER, {"channel": "PJSIP/trunk-1", "cause": 16}),
    ]


async def test_words_in_any_letters_come_back_as_they_went_in(register: Register) -> None:
    await register.write([Decided(CALL, AT, "ciw Tŷ Dŵr", "'; DROP TABLE calls; --")])
    (moment,) = await register.timeline(CALL)
    assert moment.detail == {"result": "ciw Tŷ Dŵr", "reason": "'; DROP TABLE calls; --"}


# --- recordings ------------------------------------------------------------------------------------------------------

FILE = Recording(
    AGENT, CALL, "housing", AT + 9, AT + 60, "the leg ended", "2026/07/06/x.wav", 51.0, 1632044, HASH, None
)


@pytest.mark.parametrize(
    ("claim", "notices", "expected"),
    [
        (
            "it runs",
            [RecorderStarted(CALL, AT + 9, AGENT)],
            Recording(AGENT, CALL, "housing", AT + 9),
        ),
        (
            "it was told to stop, and its leg ended later",
            [
                RecorderStarted(CALL, AT + 9, AGENT),
                RecorderStopped(CALL, AT + 20, AGENT, "it was told to stop"),
                RecorderStopped(CALL, AT + 60, AGENT, "the leg ended"),
                LegEnded(CALL, AT + 60, AGENT, 16),
            ],
            Recording(AGENT, CALL, "housing", AT + 9, AT + 20, "it was told to stop"),
        ),
        (
            "its leg ended, of which alone we heard: a recorder dies with its leg",
            [RecorderStarted(CALL, AT + 9, AGENT), LegEnded(CALL, AT + 60, AGENT, None)],
            Recording(AGENT, CALL, "housing", AT + 9, AT + 60, "the leg ended"),
        ),
        (
            "it started once, whatever else is said",
            [RecorderStarted(CALL, AT + 9, AGENT), RecorderStarted(CALL, AT + 30, AGENT)],
            Recording(AGENT, CALL, "housing", AT + 9),
        ),
        (
            "another leg's end is no end of it",
            [RecorderStarted(CALL, AT + 9, AGENT), LegEnded(CALL, AT + 60, CALLER, 16)],
            Recording(AGENT, CALL, "housing", AT + 9),
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_a_recording_says_when_it_ran_and_why_it_stopped(
    register: Register, claim: str, notices: list[Notice], expected: Recording
) -> None:
    await register.write([CallIdentified(CALL, AT, service="housing"), *notices])
    assert await register.recordings(CALL) == [expected], claim
    assert await register.unfinished_recordings() == [expected]
    assert await register.finished_files() == set()


async def test_a_finished_recording_has_file_length_size_and_hash(register: Register) -> None:
    await register.write([RecorderStarted(CALL, AT + 9, AGENT), RecorderStopped(CALL, AT + 60, AGENT, "the leg ended")])
    await register.finish_recording(replace(FILE, started=None, stopped=AT + 99, reason="no idea"))
    assert await register.recordings(CALL) == [FILE]  # what was known of its beginning and end stays
    assert await register.finished_files() == {FILE.file}
    assert await register.unfinished_recordings() == []


async def test_what_is_heard_of_a_recorder_after_its_file_was_found_completes_the_row(register: Register) -> None:
    await register.finish_recording(replace(FILE, started=None, stopped=None, reason="found"))
    await register.write([RecorderStarted(CALL, AT + 9, AGENT), RecorderStopped(CALL, AT + 60, AGENT, "the leg ended")])
    assert await register.recordings(CALL) == [FILE]


async def test_a_recording_without_a_file_says_what_is_wrong_and_is_looked_for_no_longer(register: Register) -> None:
    await register.write([RecorderStarted(CALL, AT + 9, AGENT)])
    (row,) = await register.unfinished_recordings()
    await register.finish_recording(replace(row, fault="there is no file"))
    assert await register.unfinished_recordings() == []
    assert [each.fault for each in await register.recordings(CALL)] == ["there is no file"]


async def test_a_file_of_a_call_that_became_part_of_another_is_found_with_that_one(register: Register) -> None:
    await register.write(CONSULTED)
    await register.finish_recording(replace(FILE, call=OTHER))
    assert [each.leg for each in await register.recordings(CALL)] == [AGENT, OFFICER]


# --- whole batches ---------------------------------------------------------------------------------------------------


async def test_a_batch_is_entered_whole_or_not_at_all(register: Register) -> None:
    await register.write([CallBegan(CALL, AT)])
    wrong = CallBegan(CALL, float("nan"))  # to SQLite that is nothing, and a call has a beginning
    with pytest.raises(sqlite3.IntegrityError):
        await register.write([CallEnded(CALL, AT + 60), Decided(CALL, AT, "queue housing", ""), wrong])
    assert await register.call(CALL) == a_row()
    assert await register.timeline(CALL) == []
    await register.write([CallEnded(CALL, AT + 60)])  # and the next one is taken
    assert await register.open_calls() == []


async def test_a_full_disk_takes_nothing_and_takes_everything_once_there_is_room(file: Path) -> None:
    batch = a_long_batch(0)
    async with narrow_register(file) as (register, disk):
        await register.write([CallBegan(CALL, AT)])
        await disk.fill()
        with pytest.raises(RegisterFull, match="full"):
            await register.write(batch)
        with pytest.raises(RegisterFull, match="full"):
            await register.finish_recording(replace(FILE, fault="the recording is empty " * 1000))
        assert [row.id for row in await register.calls(0, AT + 1)] == [CALL]  # it can still be read
        await disk.make_room()
        await register.write(batch)
        assert len(await register.timeline(CALL)) == len(batch)


async def test_batches_that_come_at_the_same_time_are_written_one_after_the_other(register: Register) -> None:
    await asyncio.gather(*(register.write(a_long_batch(number)) for number in range(10)))
    assert len(await register.timeline(CALL)) == 10 * len(a_long_batch(0))


async def test_a_batch_that_is_given_up_in_the_middle_leaves_the_register_usable(register: Register) -> None:
    for steps in range(40):  # given up a little later each time
        writing = asyncio.create_task(register.write(a_long_batch(steps)))
        for _ in range(steps):
            await asyncio.sleep(0)
        writing.cancel()
        (outcome,) = await asyncio.gather(writing, return_exceptions=True)
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)  # on a fast machine it was done before
    await register.write([CallEnded(CALL, AT + 60)])
    assert len(await register.timeline(CALL)) % len(a_long_batch(0)) == 0
    assert await register.open_calls() == []


def a_long_batch(number: int) -> list[Notice]:
    return [Decided(CALL, AT + number, f"queue {number}", "a reason that takes some room" * 10) for _ in range(50)]


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from tests.builders import a_register

from tests.test_store import a_long_batch

async def write():
    async with a_register(Path(sys.argv[1])) as register:
        for number in itertools.count():
            await register.write(a_long_batch(number))
            print(number, flush=True)

asyncio.run(write())
"""


@pytest.mark.parametrize("batches", [1, 7, 30])
async def test_a_register_whose_writer_was_killed_holds_whole_batches(file: Path, batches: int) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(file), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert writer.stdout is not None
    async with asyncio.timeout(DEADLINE):
        said = [int(await writer.stdout.readline()) for _ in range(batches)]
        writer.send_signal(signal.SIGKILL)
        said += [
            int(line) for line in (await writer.communicate())[0].splitlines(keepends=True) if line.endswith(b"\n")
        ]
    async with a_register(file) as register:
        found = [each.at - AT for each in await register.timeline(CALL)]
    written = numbers_of(found)
    assert found == [number for number in written for _ in a_long_batch(0)]
    assert written in (said, [*said, len(said)])  # the last one may have been written and not said


def numbers_of(found: Iterable[float]) -> list[float]:
    return sorted(set(found))
