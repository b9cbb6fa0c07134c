"""Messages that callers leave: who may leave one, what becomes of it, and when an agent is brought it."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sqlite3
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio

from ccdaemon import audio
from ccdaemon.archive import Archive
from ccdaemon.cases import Erasure
from ccdaemon.faults import SwitchRefused
from ccdaemon.flows.delivering import Delivering
from ccdaemon.flows.erasing import erase
from ccdaemon.flows.messages import Taking
from ccdaemon.flows.reminders import remind
from ccdaemon.kept import Hold, Keep, Messages, Task
from ccdaemon.keys import SIZE, Keys
from ccdaemon.lent import Lent
from ccdaemon.model import Event, Ruling, Site
from ccdaemon.notices import CallIdentified, Notice
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.messages import (
    delivery_of,
    is_due,
    is_overdue,
    kept_for,
    nothing_said,
    queue_for,
    tries_today,
    when_left,
)
from ccdaemon.rules.numbers import to_dial
from ccdaemon.rules.queues import Member, Queues, Waiting
from ccdaemon.rules.turns import TakeMessage, Transferred, Unanswered
from ccdaemon.store import Register
from tests.builders import (
    LONDON,
    Edit,
    Noticeboard,
    a_register,
    an_event,
    converse,
    dialling,
    example_site,
    faults_of,
    london,
    written_site,
)

EVENING, MORNING = london("2026-07-06 20:00"), london("2026-07-07 09:00")  # of a Monday and a Tuesday
NOTICE = ("message-notice", "message-kept-12-months", "message-how")
NUMBER = "+447700900123"


# --- who may leave one -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["cy", "en"])
@pytest.mark.parametrize("service", ["environmental", "complaints", "blue-badge"])
def test_after_hours_a_caller_hears_what_becomes_of_a_message_and_leaves_it(service: str, language: str) -> None:
    key = str(example_site().services[service].languages.index(language) + 1)
    told = converse(example_site(), dialling(service), f"{key}2", EVENING)
    assert told.heard[-3:] == [f"{language}/{prompt}" for prompt in NOTICE]
    assert told.end == TakeMessage(service, language)


def test_who_has_chosen_no_language_hears_it_in_both() -> None:
    told = converse(example_site(), dialling("blue-badge"), "--2", EVENING)
    assert told.heard[-6:] == [f"{language}/{prompt}" for language in ("cy", "en") for prompt in NOTICE]
    assert told.end == TakeMessage("blue-badge", None)


@pytest.mark.parametrize(
    ("entry", "keys", "now"),
    [
        (dialling("environmental"), "12", london("2026-12-25 10:00")),  # on a bank holiday
        (Unanswered("environmental", "cy"), "2", MORNING),  # nobody has answered
        (Transferred("environmental", "cy"), "2", EVENING),
    ],
)
def test_a_message_may_be_left_wherever_nobody_is_there(entry: Unanswered, keys: str, now: datetime) -> None:
    assert converse(example_site(), entry, keys, now).end == TakeMessage("environmental", "cy")


@pytest.mark.parametrize(
    ("sealed", "whole"),
    [(True, True), (False, False)],  # the call is sealed; the notice could not be heard to its end
)
def test_no_message_is_taken_of_a_call_that_is_sealed_nor_without_the_notice(*, sealed: bool, whole: bool) -> None:
    entry = Unanswered("environmental", "en", sealed=sealed)
    told = converse(example_site(), entry, "2", MORNING, whole=whole)
    assert told.heard[-2:] == ["en/message-refused", "en/goodbye"]
    assert not isinstance(told.end, TakeMessage)


CLOSED = '[menus.closed]\nprompt = "payments-closed"\n'


@pytest.mark.parametrize(
    ("edit", "key", "text"),
    [
        (
            Edit("services/payments.toml", CLOSED, f'{CLOSED}keys.2 = "message"\n'),
            ("services/payments.toml", "menus.closed.keys.2"),
            "takes a message: nothing is ever recorded on the payments line",
        ),
        (
            Edit("services/environmental.toml", 'keys.3 = "queue"', 'keys.3 = "message"'),
            ("services/environmental.toml", "menus.main.keys.3"),
            "takes a message though people are there: only menus closed, holiday and unanswered may, and those behind "
            "them",
        ),
        (
            Edit("ccdaemon.toml", 'message = "12 months"', 'message = "9 months"'),
            ("services/complaints.toml", "menus"),
            "there is no prompt 'message-kept-9-months' in the catalogue: correct the name, or write "
            '[message-kept-9-months] with cy = "...", en = "..." into a .toml in prompts/ beside ccdaemon.toml, then '
            "`ccdaemon prompts build`",
        ),
        (
            Edit("ccdaemon.toml", 'message = "12 months"', 'message = "24 months"'),
            ("ccdaemon.toml", "retention.call"),
            "must be as long as that of a message: nobody could find it any more by who called",
        ),
        (
            Edit("ccdaemon.toml", "longest = 180", "longest = 3"),
            ("ccdaemon.toml", "messages.longest"),
            "must be greater than or equal to 10",
        ),
    ],
)
def test_a_site_that_would_take_messages_where_it_may_not_is_refused(
    tmp_path: Path, edit: Edit, key: tuple[str, str], text: str
) -> None:
    assert faults_of(written_site(tmp_path, [edit]))[key] == text


@pytest.mark.parametrize(
    ("keep", "prompt"),
    [(Keep(months=12), "message-kept-12-months"), (Keep(days=90), "message-kept-90-days")],
)
def test_callers_are_told_how_long_it_is_kept_there(keep: Keep, prompt: str) -> None:
    assert kept_for(keep) == prompt


# --- the rules of delivery -------------------------------------------------------------------------------------------


def a_task(**values: object) -> Task:
    known = Task("5.1", 1, "5.1", "environmental", "cy", EVENING.timestamp(), 12.0)
    return replace(known, **values)  # type: ignore[arg-type]  # a test's own


@pytest.mark.parametrize(
    ("seconds", "sounding", "nothing"),
    [
        (0.0, 0.0, True),
        (1.0, 0.0, True),
        (8.0, 0.2, True),  # a click
        (2.0, 0.4, False),  # a word
        (60.0, 0.0, False),  # too quiet for us, perhaps, and not for Asterisk
    ],
)
def test_silence_is_no_message(seconds: float, sounding: float, *, nothing: bool) -> None:
    assert nothing_said(seconds, sounding) is nothing


@pytest.mark.parametrize(
    ("tries", "tried", "now", "due"),
    [
        (0, None, "2026-07-07 09:00", True),
        (1, "2026-07-07 09:00", "2026-07-07 09:14", False),  # a quarter of an hour between
        (1, "2026-07-07 09:00", "2026-07-07 09:15", True),
        (6, "2026-07-07 12:00", "2026-07-07 16:00", False),  # six times a day
        (6, "2026-07-07 12:00", "2026-07-08 09:00", True),
    ],
)
def test_a_message_is_brought_again_but_not_at_once_nor_too_often_a_day(
    tries: int, tried: str | None, now: str, *, due: bool
) -> None:
    task = a_task(tries=tries, tried=tried and london(tried).timestamp())
    assert is_due(task, Messages(), london(now)) is due
    if not due:
        assert tries_today(task, london(now)) == tries


def queues_of(**members: str) -> Queues:
    """Agents by queue: `f` is free, `b` busy, `p` paused, `a` away; `w` is a caller who waits."""
    queues = Queues()
    for name, who in members.items():
        queue = queues[name.replace("_", "-")]
        for number, each in enumerate(who):
            if each == "w":
                queue.waiting[str(number)] = Waiting("1.1", 0.0)
            else:
                status = {"f": "1", "b": "2", "p": "1", "a": "5"}[each]
                queue.members[f"PJSIP/{name}{number}"] = Member(status, paused=each == "p")
    return queues


OURS, COMMON = "environmental_cy", "environmental"


@pytest.mark.parametrize(
    ("members", "language", "tries", "waited", "queue"),
    [
        ({OURS: "f", COMMON: "ff"}, "cy", 0, 0, "environmental-cy"),
        ({OURS: "f", COMMON: "ff"}, "en", 0, 0, "environmental"),
        ({OURS: "f", COMMON: "ff"}, None, 0, 0, "environmental"),
        ({OURS: "b", COMMON: "bf"}, "cy", 0, 60, None),  # a speaker is at work: they are waited for
        ({OURS: "b", COMMON: "bf"}, "cy", 0, 3600, "environmental"),  # for an hour
        ({OURS: "a", COMMON: "af"}, "cy", 0, 0, "environmental"),  # none is at work
        ({OURS: "p", COMMON: "pf"}, "cy", 0, 0, "environmental"),
        ({OURS: "f", COMMON: "ff"}, "cy", 2, 0, "environmental"),  # twice, and they did not do it
        ({OURS: "f", COMMON: "fw"}, "cy", 0, 0, None),  # callers first
        ({OURS: "fw", COMMON: "f"}, "en", 0, 0, None),
        ({OURS: "b", COMMON: "b"}, "en", 0, 0, None),
        ({}, "cy", 0, 0, None),
    ],
)
def test_a_message_goes_to_those_who_speak_its_language_first_and_behind_all_callers(
    members: dict[str, str], language: str | None, tries: int, waited: float, queue: str | None
) -> None:
    task = a_task(language=language, tries=tries, tried=MORNING.timestamp() if tries else None)
    service = example_site().services["environmental"]
    assert queue_for(task, service.queue, queues_of(**members), waited, MORNING, {}) == queue


@pytest.mark.parametrize(
    ("left", "now", "said"),
    [
        ("2026-07-07 08:05", "2026-07-07 09:00", ("message-left-today", "0805")),
        ("2026-07-06 20:00", "2026-07-07 09:00", ("message-left-yesterday", "2000")),
        ("2026-07-03 17:31", "2026-07-06 09:00", ("message-left-friday", "1731")),
        ("2026-06-30 17:31", "2026-07-07 09:00", ("message-left-earlier", "1731")),
    ],
)
def test_an_agent_hears_when_it_was_left(left: str, now: str, said: tuple[str, str]) -> None:
    assert when_left(london(left), london(now)) == said


@pytest.mark.parametrize(
    ("left", "now", "overdue"),
    [
        ("2026-07-06 20:00", "2026-07-08 23:00", False),  # Monday; Tuesday has gone by
        ("2026-07-06 20:00", "2026-07-09 00:01", True),  # and Wednesday
        ("2026-07-03 20:00", "2026-07-07 12:00", False),  # over a weekend
        ("2026-12-23 20:00", "2026-12-29 12:00", False),  # over Christmas
    ],
)
def test_days_on_which_the_line_is_closed_do_not_count(left: str, now: str, *, overdue: bool) -> None:
    assert is_overdue(a_task(left=london(left).timestamp()), example_site(), london(now)) is overdue


@pytest.mark.parametrize(
    ("channel", "found"),
    [
        ("Local/1783.4-1@cc-deliver-0000000a;1", ("1783.4-1", "1")),
        ("Local/pbx-1783.4-12@cc-deliver-0000000a;2", ("pbx-1783.4-12", "2")),
        ("Local/1783.4-1@cc-trial-0000000a;1", None),
        ("PJSIP/1001-0000002a", None),
        ("", None),
    ],
)
def test_a_channel_tells_which_message_it_brings(channel: str, found: tuple[str, str] | None) -> None:
    assert delivery_of(channel) == found


@pytest.mark.parametrize(
    ("number", "dialled"),
    [("+441597827460", "01597827460"), ("+33123456789", "0033123456789"), ("101", "101")],
)
def test_a_number_is_said_as_it_is_dialled(number: str, dialled: str) -> None:
    assert to_dial(number, "GB") == dialled


def test_what_stands_in_a_queue_for_a_message_is_no_caller() -> None:
    calls, channel = Calls(), "Local/5.1-1@cc-deliver-0000000a;2"
    for name in ("QueueCallerJoin", "AgentConnect", "QueueCallerLeave", "QueueCallerAbandon"):
        event = {
            **an_event(name, "9.2", "9.1"),
            "Channel": channel,
            "Queue": "environmental",
            "Interface": "PJSIP/1005",
        }
        assert calls.apply(event, 0.0) == []
    assert not calls.queues["environmental"].waiting


# --- from the spool to the register ----------------------------------------------------------------------------------


def a_sound(seconds: float, hertz: float = 440.0) -> bytes:
    count = round(seconds * audio.RATE)
    return b"".join(
        struct.pack("<h", round(9000 * math.sin(2 * math.pi * hertz * n / audio.RATE))) for n in range(count)
    )


@dataclass
class Room:
    """The folders of one register, and what is in them."""

    folder: Path
    register: Register
    archive: Archive
    taking: Taking
    site: Site = field(default_factory=example_site)

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    async def leave(
        self, content: bytes, leg: str = "5.1", number: str | None = NUMBER, at: float | None = None
    ) -> None:
        began = EVENING.timestamp() if at is None else at
        await self.register.write([CallIdentified(leg, began, number=number, service="environmental", language="cy")])
        file = self.spool / f"20260706-200000_environmental_{leg}_{leg}_1_cy.sln"
        file.write_bytes(content)
        ended = began + len(content) / audio.SAMPLE / audio.RATE
        os.utime(file, (ended, ended))
        await self.take()

    async def take(self) -> None:
        for raw in [*self.archive.raw()]:
            await self.taking.take(raw)


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    for name in ("spool", "recordings", "keys", "run"):
        (tmp_path / name).mkdir()
    archive = Archive(tmp_path / "spool", tmp_path / "recordings", Keys(tmp_path / "keys", bytes(SIZE)))
    async with a_register(tmp_path / "register.sqlite3") as register:
        yield Room(tmp_path, register, archive, Taking(archive, register, example_site, time.time))


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_a_message_is_sealed_and_waits(room: Room) -> None:
    await room.leave(a_sound(2.0))
    (task,) = await room.register.waiting_messages()
    assert (task.service, task.language, task.seconds, task.tries) == ("environmental", "cy", 2.0, 0)
    assert files(room.spool) == []
    kept = await room.register.kept("5.1", 1)
    assert kept is not None
    assert kept.period == "message-2027-07"
    (row,) = await room.register.recordings_between(0, 1e12)
    assert (row.kind, row.fault) == ("message", None)
    assert await room.register.recordings_between(0, 1e12, kind="recording") == []
    assert await room.register.count_messages() == {"environmental": 1}


async def test_taken_twice_it_is_one_message(room: Room) -> None:
    """As after a kill between the register's row and the removal of the raw file."""
    await room.leave(a_sound(2.0))
    await room.register.finish_message("5.1", 1, "1006", 1.0)
    await room.leave(a_sound(2.0))
    assert len(await room.register.recordings_between(0, 1e12)) == 1
    assert await room.register.waiting_messages() == []  # nor is it there to be done again


@pytest.mark.parametrize(("content", "dropped"), [(b"", 0), (bytes(16_000), 1), (a_sound(0.1) + bytes(16_000), 1)])
async def test_what_holds_no_word_is_dropped_and_counted_but_for_what_its_caller_took_back(
    room: Room, content: bytes, dropped: int
) -> None:
    await room.leave(content)
    assert files(room.spool) == files(room.folder / "recordings") == []
    assert room.taking.dropped == dropped
    assert await room.register.waiting_messages() == []


async def test_a_message_expires_by_its_own_class_with_its_task_and_not_under_a_hold(room: Room) -> None:
    await room.leave(a_sound(1.0))
    await room.leave(a_sound(1.0), "6.1", "+447700900124")
    await room.register.add_hold(Hold("complaint", "C-1", number="+447700900124"), "dai", 1.0)
    assert await room.register.take_recordings("recording", 1e12, 0, 10) == []
    assert await room.register.due_recordings("message", 1e12) == {"environmental": 1}
    (due,) = await room.register.take_recordings("message", 1e12, 0, 10)
    assert due.leg == "5.1"
    assert [task.leg for task in await room.register.waiting_messages()] == ["6.1"]  # nothing opens the other any more
    await room.register.drop_recordings([due], 2.0)
    with closing(sqlite3.connect(room.folder / "register.sqlite3")) as database:
        assert database.execute("SELECT leg FROM messages").fetchall() == [("6.1",)]


async def test_who_asks_is_given_their_message_and_it_is_erased_for_them(room: Room) -> None:
    await room.leave(a_sound(1.0))
    found = await room.register.subject([NUMBER])
    assert [(each.leg, each.kind) for each in found.recordings] == [("5.1", "message")]
    assert "message" in {moment.kind for moment in await room.register.timeline("5.1")}
    await room.register.write([CallIdentified("5.1", EVENING.timestamp())])
    gone = await erase(room.register, room.archive, Erasure(1.0, found.calls, ()), 2.0)
    assert gone.recordings == 1
    chain = [json.loads(row.detail) for row in await room.register.audited_between(0, 1e12) if row.kind == "expiry"]
    assert {"class": "message", "items": ["5.1-1"]} in chain
    assert files(room.folder / "recordings") == []
    assert await room.register.messages(0, 1e12, None, 10) == []


async def test_a_message_that_waits_too_long_is_an_alarm_until_it_is_done(room: Room) -> None:
    await room.leave(a_sound(1.0))
    board = Noticeboard()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            await remind(room.register, example_site, board, london("2099-01-05 12:00").timestamp)
    assert "1 callers' messages have waited for more than 2 working days" in board.standing["messages"]
    await room.register.finish_message("5.1", 1, "1006", 1.0)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            await remind(room.register, example_site, board, london("2099-01-05 12:00").timestamp)
    assert "messages" not in board.standing


# --- brought to an agent ---------------------------------------------------------------------------------------------


@dataclass
class Switch:
    """An Asterisk that makes every call it is asked for, or refuses."""

    calls: Calls
    delivering: Delivering = field(init=False)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    refuses: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def action(self, name: str, fields: Mapping[str, str]) -> object:
        self.asked.append((name, fields))
        if self.refuses:
            raise SwitchRefused(name)
        if name == "Originate":
            await self.tells("Newchannel", 1)
        elif name == "Hangup":
            await self.tells("Hangup", 1)
        self.news.set()
        return None

    async def tells(self, name: str, half: int, **more: str) -> None:
        event: Event = {
            **an_event(name, f"9.{half}", "9.1"),
            "Channel": f"Local/5.1-1@cc-deliver-0000000a;{half}",
            "Queue": "environmental-cy",
            **more,
        }
        await self.hears(event)

    async def hears(self, event: Event) -> None:
        self.calls.apply(event, 0.0)
        for doing in self.delivering.heard(event):
            await doing


class Journal:
    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def note(self, *notices: Notice) -> None:
        self.notices += notices


@dataclass
class Office:
    """An open line with a free agent, and a message that waits for them."""

    room: Room
    switch: Switch
    calls: Calls
    journal: Journal
    delivering: Delivering

    @property
    def lent(self) -> list[Path]:
        return files(self.room.folder / "run" / "messages")

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not so():
                await asyncio.sleep(0.01)

    async def task(self) -> Task:
        (task,) = await self.room.register.messages(0, 1e12, None, 10)
        return task

    async def brings(self) -> asyncio.Task[None]:
        """One delivery, from the moment in which it rings."""
        ((task, queue),) = await self.delivering.look()
        bringing = asyncio.create_task(self.delivering.bring(task, queue))
        await self.until(lambda: bool(self.switch.asked) or bringing.done())
        return bringing


def open_site() -> Site:
    ruling = Ruling("environmental", "open", None, 0.0, "tom")
    return replace(example_site(), rulings={"environmental": ruling})


@pytest_asyncio.fixture
async def office(room: Room) -> Office:
    await room.leave(a_sound(1.0))
    calls, journal = Calls(), Journal()
    calls.queues = queues_of(environmental_cy="f", environmental="f")
    switch, lent = Switch(calls), Lent(room.folder / "run" / "messages")
    kept = (room.register, room.archive, lent)
    delivering = Delivering(switch, calls, *kept, open_site, journal, dict, MORNING.timestamp)
    switch.delivering = delivering
    return Office(room, switch, calls, journal, delivering)


async def test_a_message_is_opened_for_the_length_of_a_call_and_who_heard_it_is_written_down(office: Office) -> None:
    bringing = await office.brings()
    ((name, fields),) = office.switch.asked
    assert (name, fields["Channel"], fields["CallerID"]) == (
        "Originate",
        "Local/5.1-1@cc-deliver/n",
        "<07700900123>",
    )
    variables = dict(each.split("=") for each in fields["Variable"].split(","))
    assert variables["CC_DELIVER"] == "environmental-cy"
    assert (variables["CC_WHEN"], variables["CC_TIME"]) == ("message-left-yesterday", "2000")
    (sound,) = office.lent
    assert str(sound) == f"{variables['CC_MESSAGE']}.sln"
    assert sound.read_bytes() == a_sound(1.0)
    assert sound.stat().st_mode & 0o777 == 0o640
    await office.switch.tells("AgentConnect", 2, Interface="PJSIP/1006")
    await office.switch.tells("UserEvent", 1, UserEvent="CCMessage", Did="done")
    assert (await office.task()).done is not None
    await office.switch.tells("Hangup", 1)
    await bringing
    assert office.lent == []
    rows = [(row.kind, json.loads(row.detail)) for row in await office.room.register.audited_between(0, 1e12)]
    assert [(kind, said.get("did"), said.get("who")) for kind, said in rows if kind != "recording"] == [
        ("access", "bring", "ccdaemon"),
        ("message", "heard", "1006"),
        ("message", "done", "a phone"),
    ]
    assert NUMBER not in str(office.journal.notices)


async def test_whom_nobody_answers_and_who_hangs_up_leave_it_waiting(office: Office) -> None:
    bringing = await office.brings()
    assert await office.delivering.look() == []  # one at a time
    await office.switch.tells("Hangup", 1)
    await bringing
    task = await office.task()
    assert (task.tries, task.done) == (1, None)
    assert office.lent == []
    assert await office.delivering.look() == []  # not again at once


async def test_a_caller_who_comes_while_it_rings_is_first_and_it_counts_for_nothing(office: Office) -> None:
    bringing = await office.brings()
    await office.switch.hears({**an_event("QueueCallerJoin", "7.1", "7.1"), "Queue": "environmental"})
    await bringing
    assert [name for name, _ in office.switch.asked] == ["Originate", "Hangup"]
    assert (await office.task()).tries == 0
    assert office.lent == []
    assert await office.delivering.look() == []  # as long as they wait


async def test_an_agent_who_has_answered_is_not_cut_off_for_a_caller(office: Office) -> None:
    bringing = await office.brings()
    await office.switch.tells("AgentConnect", 2, Interface="PJSIP/1006")
    await office.switch.hears({**an_event("QueueCallerJoin", "7.1", "7.1"), "Queue": "environmental"})
    assert [name for name, _ in office.switch.asked] == ["Originate"]
    await office.switch.tells("Hangup", 1)
    await bringing


async def test_refused_by_asterisk_it_waits_on_and_nothing_stays_open(office: Office) -> None:
    office.switch.refuses = True
    await (await office.brings())
    assert office.lent == []
    assert (await office.task()).done is None


async def test_while_a_call_of_a_daemon_that_was_killed_goes_on_none_is_brought(office: Office) -> None:
    await office.switch.tells("Newchannel", 1)
    assert await office.delivering.look() == []
    await office.switch.tells("UserEvent", 1, UserEvent="CCMessage", Did="done")  # and it counts
    assert (await office.task()).done is not None


async def test_what_a_killed_daemon_left_open_goes_at_the_start(tmp_path: Path) -> None:
    Lent(tmp_path / "messages")
    (tmp_path / "messages" / "5.1-1.sln").write_bytes(b"plain")
    Lent(tmp_path / "messages")
    assert files(tmp_path) == []


async def test_a_closed_line_is_brought_nothing(room: Room) -> None:
    await room.leave(a_sound(1.0))
    calls = Calls()
    calls.queues = queues_of(environmental_cy="f", environmental="f")
    switch, lent = Switch(calls), Lent(room.folder / "run" / "messages")
    kept = (room.register, room.archive, lent)
    at_night = datetime(2026, 7, 7, 3, tzinfo=LONDON)
    assert await Delivering(switch, calls, *kept, example_site, Journal(), dict, at_night.timestamp).look() == []
