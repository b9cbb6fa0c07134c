"""What has been kept for its whole time goes, with a real register, archive and keys; and nothing else does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ccdaemon import foreign
from ccdaemon.archive import Archive
from ccdaemon.chain import Link
from ccdaemon.faults import ArchiveFault
from ccdaemon.flows.expiry import AlreadyRunning, Expiry
from ccdaemon.flows.keyed import look_for_keys
from ccdaemon.kept import IMPORTED, Hold, Imported, Item, Keep, Recording
from ccdaemon.keys import SIZE, Keys
from ccdaemon.model import Site
from ccdaemon.notices import CallEnded, CallIdentified, CallMerged, Decided, LegBegan, QueueJoined
from ccdaemon.rules.retention import period_of
from ccdaemon.signing import Signer, new_key
from ccdaemon.store import Register
from tests.builders import LONDON, Noticeboard, a_raw_file, a_register, example_site

NUMBER, OTHER_NUMBER = "+447700900123", "+447700900124"
SAYS = b"\1\0\2\0" * 800
OLD, NEW = datetime(2026, 7, 6, 10, tzinfo=LONDON), datetime(2026, 12, 24, 10, tzinfo=LONDON)
TONIGHT = datetime(2027, 8, 2, 3, tzinfo=LONDON)  # July is over: what was recorded in July a year ago is due


@dataclass
class Room:
    """Everything that expiry touches."""

    folder: Path
    register: Register
    site: Site
    now: datetime = TONIGHT
    alarms: Noticeboard = field(default_factory=Noticeboard)

    @property
    def keys(self) -> Keys:
        return Keys(self.folder / "keys", bytes(SIZE))

    @property
    def archive(self) -> Archive:
        return Archive(self.folder / "spool", self.folder / "recordings", self.keys)

    def expiry(self, archive: Archive | None = None, keys: Keys | None = None) -> Expiry:
        return Expiry(
            self.register,
            archive or self.archive,
            keys or self.keys,
            foreign,
            Signer(self.folder / "audit.key"),
            str(self.folder / "drop"),
            lambda: self.site,
            self.alarms,
            lambda: self.now.timestamp(),  # noqa: PLW0108 - it goes on
        )

    async def call(
        self, call: str, began: datetime, number: str = NUMBER, *legs: str, service: str = "housing"
    ) -> None:
        """A call that ended, with a recording of each of its legs."""
        at = began.timestamp()
        await self.register.write(
            [
                CallIdentified(call, at, "+441632960111", number, service, "cy", 1),
                LegBegan(call, at, call, "PJSIP/trunk-00000001"),
                QueueJoined(call, at + 1, call, service),
                Decided(call, at + 1, f"queue:{service}", "the service records"),
                CallEnded(call, at + 60),
            ]
        )
        for leg in legs:
            await self.record(call, leg, at)

    async def record(self, call: str, leg: str, since: float) -> None:
        path = a_raw_file(self.folder / "spool", call, leg, SAYS)
        raw = next(raw for raw in self.archive.raw() if raw.path == path)
        done = self.archive.finish(raw, period_of("recording", since, self.site))
        row = Recording(leg, call, "housing", since, since + 30, file=done.file, seconds=0.1, sha256=done.sha256)
        await self.register.finish_recording(row, done, since)
        self.archive.discard(raw)

    async def calls(self) -> list[tuple[str, str | None]]:
        """All that are counted, with their number if it is known."""
        return sorted((row.id, row.number) for row in await self.register.calls(0, 1e12))

    async def recordings(self) -> list[str]:
        """Legs whose recordings can be heard."""
        found = []
        for row in await self.register.recordings_between(0, 1e12):
            kept = await self.register.kept(row.leg, row.segment)
            if kept is not None and self.archive.holds(kept):
                found.append(row.leg)
        return sorted(found)

    def files(self) -> int:
        return len(self.archive.files())


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    (tmp_path / "spool").mkdir()
    async with a_register(tmp_path / "register.sqlite3") as register:
        yield Room(tmp_path, register, example_site())


def hold(**about: object) -> Hold:
    return replace(Hold("complaint", "C-2027-3"), **about)  # type: ignore[arg-type]  # what is written as keywords


# --- what goes -------------------------------------------------------------------------------------------------------


async def test_what_is_due_goes_with_file_row_and_key_and_what_is_not_stays(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2", "1.3")
    await room.call("2.1", NEW, OTHER_NUMBER, "2.2")
    would = await room.expiry().would()
    night = await room.expiry().run()
    assert {kind: each for kind, each in would.items() if each} == {"recording": {"housing": 2}, "call": {"housing": 1}}
    assert (night.gone["recording"], night.gone["call"], night.left) == ({"housing": 2}, {"housing": 1}, [])
    assert night.keys == ["call-2027-07", "recording-2027-07"]
    assert await room.calls() == [("1.1", None), ("2.1", OTHER_NUMBER)]
    assert await room.recordings() == ["2.2"]
    assert room.files() == 1
    assert room.keys.names() == ["call-2027-12", "recording-2027-12"]
    assert not (room.folder / "recordings" / "2026" / "07").exists()
    assert not any((await room.expiry().would()).values())


async def test_of_a_call_that_is_expired_what_is_counted_stays(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.expiry().run()
    (row,) = await room.register.calls(0, 1e12)
    assert (row.service, row.language, row.tier, row.ended) == ("housing", "cy", 1, OLD.timestamp() + 60)
    assert [moment.kind for moment in await room.register.timeline("1.1")] == ["joined queue"]


async def test_nothing_of_who_called_is_left_in_any_file_or_log(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    kept = await room.register.kept("1.2", 1)
    assert kept is not None
    await room.expiry().run()
    logged = "".join(capfd.readouterr())
    assert "expiry has ended" in logged
    assert not [text for text in (NUMBER, "PJSIP/trunk-00000001") if text in logged]
    for file in (path for path in room.folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert NUMBER.encode() not in content
        assert kept.wrapped not in content
        assert b"PJSIP/trunk-00000001" not in content


async def test_a_copy_of_the_register_and_archive_from_before_is_unreadable_afterwards(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    kept = await room.register.kept("1.2", 1)
    assert kept is not None
    copy = (room.folder / "recordings" / kept.file).read_bytes()
    await room.expiry().run()
    (room.folder / "recordings" / kept.file).parent.mkdir(parents=True)
    (room.folder / "recordings" / kept.file).write_bytes(copy)
    with pytest.raises(ArchiveFault, match="there is no key of the period recording-2027-07"):
        next(room.archive.open(kept))


async def test_all_legs_of_a_call_go_in_one_night(room: Room) -> None:
    """Also the second, which was recorded past midnight."""
    began = datetime(2026, 7, 31, 23, 59, tzinfo=LONDON)
    await room.call("1.1", began, NUMBER, "1.2")
    await room.record("1.1", "1.3", began.timestamp())
    room.now = datetime(2027, 7, 31, 3, tzinfo=LONDON)
    await room.expiry().run()
    assert await room.recordings() == ["1.2", "1.3"]
    room.now += timedelta(days=1)
    await room.expiry().run()
    assert await room.recordings() == []


async def test_each_class_has_its_own_time(room: Room) -> None:
    room.site = replace(room.site, retention={**room.site.retention, "recording": Keep(days=30)})
    await room.call("1.1", OLD, NUMBER, "1.2")
    room.now = datetime(2026, 8, 6, 3, tzinfo=LONDON)
    await room.expiry().run()
    assert (await room.calls(), await room.recordings()) == ([("1.1", NUMBER)], [])


async def test_it_stands_in_the_audit_chain_what_went(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.expiry().run()
    said = [json.loads(row.detail) for row in await room.register.audited_between(0, 1e12) if row.kind == "expiry"]
    assert said[0] == {"class": "recording", "items": ["1.2-1"]}
    assert said[1]["whole"] is True
    assert said[1]["call"] == {"housing": 1}
    assert (await room.register.verify()).faults == []


async def test_many_go_in_small_portions_and_each_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccdaemon.flows.expiry.BATCH", 2)
    monkeypatch.setattr("ccdaemon.flows.expiry.ROWS", 2)
    for number in range(5):
        await room.call(f"{number}.1", OLD, NUMBER, f"{number}.2")
    told: list[object] = []
    night = await room.expiry().run(told.append)
    assert (night.gone["recording"].total(), night.gone["call"].total()) == (5, 5)
    assert told == [{"class": kind, "done": done} for kind in ("recording", "call") for done in (2, 4, 5)]


# --- what other programs brought -------------------------------------------------------------------------------------


def an_item(kind: Imported, source: str, at: datetime = OLD, **known: Any) -> Item:  # noqa: ANN401 - any field of it
    item = Item(
        kind, source, at.timestamp(), "housing", NUMBER, None, None, f'{{"text": "the roof of {source} leaks"}}'
    )
    return replace(item, **known)


async def there(room: Room, *items: Item) -> list[str]:
    """Those that can be read."""
    found = [await room.register.item(each.kind, each.source) for each in items]
    return [each.source for each, now in zip(items, found, strict=True) if now is not None and now.body == each.body]


async def test_each_class_goes_when_its_time_is_over(room: Room) -> None:
    old = [an_item(kind, f"old {kind}") for kind in IMPORTED]
    new = [an_item(kind, f"new {kind}", NEW) for kind in IMPORTED]
    assert await room.register.add_items([*old, *new]) == 2 * len(IMPORTED)
    assert await room.register.add_items([*old, *new]) == 0
    assert await there(room, *old, *new) == [each.source for each in (*old, *new)]
    would = await room.expiry().would()
    night = await room.expiry().run()
    for kind in IMPORTED:
        assert (would[kind], night.gone[kind]) == ({"housing": 1}, {"housing": 1})
    assert await there(room, *old, *new) == [each.source for each in new]
    assert night.keys == [f"{kind}-2027-07" for kind in sorted(IMPORTED)]


async def test_what_was_said_and_with_whom_stands_nowhere_in_the_file(room: Room) -> None:
    await room.register.add_items([an_item("sms", "s1"), an_item("webchat", "w1", party="sian@example.com")])
    for file in room.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [text for text in (b"roof", NUMBER.encode(), b"sian@") if text in content]


async def test_a_transcript_goes_with_the_call_or_the_chat_that_it_is_of(room: Room) -> None:
    room.site = replace(room.site, retention={**room.site.retention, "transcript": Keep(months=60)})
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.call("2.1", NEW, NUMBER, "2.2")
    transcripts = [
        an_item("transcript", "of the old call", call="1.1"),
        an_item("transcript", "of the new call", call="2.1"),
        an_item("transcript", "of the old chat", chat="c1"),
        an_item("transcript", "of the new chat", chat="c2"),
    ]
    chats = [an_item("webchat", "c1"), an_item("webchat", "c2", NEW)]
    await room.register.add_items([*transcripts, *chats])
    await room.expiry().run()
    assert await there(room, *transcripts) == ["of the new call", "of the new chat"]


@pytest.mark.parametrize(
    "about", [{"number": NUMBER}, {"since": OLD.timestamp() - 1, "until": OLD.timestamp() + 1}, {"call": "1.1"}]
)
async def test_a_hold_keeps_what_other_programs_brought_too_until_it_is_released(
    room: Room, about: dict[str, object]
) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    items = [an_item("sms", "s1"), an_item("transcript", "t1", call="1.1", party=None)]
    await room.register.add_items(items)
    number = await room.register.add_hold(hold(**about), "dpo", room.now.timestamp())
    await room.expiry().run()
    assert await there(room, *items) == (["t1"] if "call" in about else ["s1", "t1"])
    assert room.keys.names() == [f"hold-{number}"]
    await room.register.release_hold(number, "dpo", room.now.timestamp())
    await room.expiry().run()
    assert await there(room, *items) == []
    assert room.keys.names() == []


async def test_a_hold_on_who_chatted_keeps_the_transcript_of_the_chat(room: Room) -> None:
    items = [an_item("webchat", "c1"), an_item("transcript", "t1", chat="c1", party=None)]
    await room.register.add_items(items)
    await room.register.add_hold(hold(number=NUMBER), "dpo", room.now.timestamp())
    await room.expiry().run()
    assert await there(room, *items) == ["c1", "t1"]


# --- what stays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "about",
    [
        {"call": "1.1"},
        {"number": NUMBER},
        {"since": OLD.timestamp() - 60, "until": OLD.timestamp() + 60},
    ],
)
async def test_what_a_hold_keeps_stays_until_it_is_released(room: Room, about: dict[str, object]) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.call("2.1", OLD + timedelta(hours=1), OTHER_NUMBER, "2.2")
    number = await room.register.add_hold(hold(**about), "dpo", room.now.timestamp())
    night = await room.expiry().run()
    assert night.gone["recording"] == {"housing": 1}
    assert await room.calls() == [("1.1", NUMBER), ("2.1", None)]
    assert await room.recordings() == ["1.2"]
    assert f"hold-{number}" in room.keys.names()
    assert [row.number for row in await room.register.calls(0, 1e12, number=NUMBER)] == [NUMBER]
    assert await room.register.release_hold(number, "dpo", room.now.timestamp())
    await room.expiry().run()
    assert (await room.calls(), await room.recordings()) == ([("1.1", None), ("2.1", None)], [])
    assert room.keys.names() == []


async def test_a_hold_on_a_number_keeps_calls_that_come_later(room: Room) -> None:
    await room.register.add_hold(hold(number=NUMBER), "dpo", OLD.timestamp())
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.call("2.1", OLD, OTHER_NUMBER, "2.2")
    await room.expiry().run()
    assert await room.recordings() == ["1.2"]


async def test_of_calls_that_became_one_a_hold_keeps_both(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.call("2.1", OLD, OTHER_NUMBER, "2.2")
    await room.register.write([CallMerged("2.1", OLD.timestamp() + 30, "1.1")])
    await room.register.add_hold(hold(number=OTHER_NUMBER), "dpo", room.now.timestamp())
    await room.expiry().run()
    assert await room.recordings() == ["1.2", "2.2"]


async def test_a_hold_that_is_made_while_a_run_goes_on_keeps_what_is_not_taken_yet(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccdaemon.flows.expiry.BATCH", 1)
    for number in range(3):
        await room.call(f"{number}.1", OLD, NUMBER, f"{number}.2")
    holding: list[asyncio.Task[int]] = []

    def tell(_: object) -> None:
        if not holding:
            adding = room.register.add_hold(hold(number=NUMBER), "dpo", room.now.timestamp())
            holding.append(asyncio.ensure_future(adding))

    await room.expiry().run(tell)
    assert len(await room.recordings()) in {1, 2}  # the second may have been under way
    await room.expiry().run()
    assert await room.recordings()


async def test_where_things_are_kept_for_longer_than_they_were_their_keys_are_too(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    room.site = replace(room.site, retention=dict.fromkeys(room.site.retention, Keep(months=24)))
    night = await room.expiry().run()
    assert night.keys == ["call-2027-07", "recording-2027-07"]
    assert room.keys.names() == ["call-2028-07", "recording-2028-07"]
    assert (await room.calls(), await room.recordings()) == ([("1.1", NUMBER)], ["1.2"])


async def test_a_released_hold_is_said_to_be_and_cannot_be_released_twice(room: Room) -> None:
    number = await room.register.add_hold(hold(number=NUMBER, review=1.0), "dpo", 5.0)
    (row,) = await room.register.holds()
    assert (row.number, row.reason, row.maker, row.review, row.released) == (NUMBER, "complaint", "dpo", 1.0, None)
    assert await room.register.release_hold(number, "boss", 6.0)
    assert not await room.register.release_hold(number, "boss", 7.0)
    assert not await room.register.release_hold(99, "boss", 7.0)
    (row,) = await room.register.holds()
    assert (row.number, row.released, row.releaser) == (None, 6.0, "boss")
    kinds = [row.kind for row in await room.register.audited_between(0, 1e12)]
    assert kinds == ["hold", "release"]
    details = " ".join(row.detail for row in await room.register.audited_between(0, 1e12))
    assert NUMBER not in details


# --- mishaps ---------------------------------------------------------------------------------------------------------


async def test_one_file_that_cannot_be_deleted_is_said_and_stops_nothing_else(room: Room) -> None:
    for number in range(3):
        await room.call(f"{number}.1", OLD, NUMBER, f"{number}.2")
    kept = await room.register.kept("1.2", 1)
    assert kept is not None
    file = room.folder / "recordings" / kept.file
    content = file.read_bytes()
    file.unlink()
    file.mkdir()
    night = await room.expiry().run()
    assert night.gone["recording"].total() == 2
    assert night.left == [f"1.2-1: {kept.file} cannot be removed: Is a directory"]
    assert "1 things that are due are still there" in room.alarms.standing["expiry"]
    file.rmdir()
    file.write_bytes(content)
    night = await room.expiry().run()
    assert (night.gone["recording"].total(), room.alarms.standing, room.files()) == (1, {}, 0)
    assert await room.register.last_run() == room.now.timestamp()


class Killed(BaseException):
    """The daemon ended here."""


@pytest.mark.parametrize(
    "step", ["remove", "drop_recordings", "expire_calls", "hanging", "hang_calls", "destroy", "ran"]
)
@pytest.mark.parametrize("after", [False, True])
async def test_a_run_that_is_killed_anywhere_ends_the_same_when_it_is_begun_again(
    room: Room, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool
) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2", "1.3")
    await room.call("2.1", OLD, OTHER_NUMBER, "2.2")
    await room.call("3.1", NEW, NUMBER, "3.2")
    await room.register.add_hold(hold(number=OTHER_NUMBER), "dpo", room.now.timestamp())
    owner: type[Archive | Keys | Register] = {"remove": Archive, "destroy": Keys}.get(step, Register)
    real = getattr(owner, step)

    def dies(*given: object, **named: object) -> object:
        if after:
            done = real(*given, **named)
            if isinstance(done, Awaitable):
                return then_die(done)
        raise Killed

    async def then_die(done: Awaitable[object]) -> None:
        await done
        raise Killed

    monkeypatch.setattr(owner, step, dies)
    with pytest.raises(Killed):
        await room.expiry().run()
    monkeypatch.setattr(owner, step, real)
    await room.expiry().run()
    assert await room.calls() == [("1.1", None), ("2.1", OTHER_NUMBER), ("3.1", NUMBER)]
    assert await room.recordings() == ["2.2", "3.2"]
    assert room.files() == 2
    assert room.keys.names() == ["call-2027-12", "hold-1", "recording-2027-12"]
    assert (await room.register.verify()).faults == []


async def test_there_is_one_run_at_a_time(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    expiry = room.expiry()
    first = asyncio.ensure_future(expiry.run())
    await asyncio.sleep(0)
    with pytest.raises(AlreadyRunning):
        await expiry.run()
    assert (await first).gone["recording"].total() == 1


# --- nights ----------------------------------------------------------------------------------------------------------


class Morning(Exception):
    """Enough was slept."""


async def nights(room: Room, expiry: Expiry, naps: int) -> list[float]:
    """For how long the flow slept, each time; the clock goes on meanwhile."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        room.now = datetime.fromtimestamp(room.now.timestamp() + seconds, LONDON)
        if len(slept) == naps:
            raise Morning

    with pytest.raises(Morning):
        await expiry.nightly(sleep)
    return slept


async def runs(room: Room) -> list[str]:
    rows = await room.register.audited_between(0, 1e12)
    said = [(row.at / 1000, json.loads(row.detail)) for row in rows if row.kind == "expiry"]
    return [f"{datetime.fromtimestamp(at, LONDON):%d %H:%M}" for at, detail in said if "whole" in detail]


async def test_it_runs_each_night_and_at_once_where_one_was_missed(room: Room) -> None:
    room.now = datetime(2027, 8, 2, 12, tzinfo=LONDON)
    await nights(room, room.expiry(), 200)  # some 33 hours, in steps of ten minutes
    assert await runs(room) == ["02 12:00", "03 03:00"]
    room.now = datetime(2027, 8, 9, 9, tzinfo=LONDON)  # the machine was off
    await nights(room, room.expiry(), 1)
    assert await runs(room) == ["02 12:00", "03 03:00", "09 09:00"]


async def test_what_cannot_be_deleted_is_tried_again_the_next_night_and_no_sooner(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    kept = await room.register.kept("1.2", 1)
    assert kept is not None
    file = room.folder / "recordings" / kept.file
    file.unlink()
    file.mkdir()
    room.now = datetime(2027, 8, 2, 12, tzinfo=LONDON)
    await nights(room, room.expiry(), 200)
    assert await runs(room) == ["02 12:00", "03 03:00"]
    assert "expiry" in room.alarms.standing


async def test_what_becomes_due_while_a_run_goes_on_is_left_to_the_next(room: Room) -> None:
    """A hold is released, and an old message brought, once this run has passed them."""
    await room.call("1.1", OLD, NUMBER, "1.2")
    number = await room.register.add_hold(hold(number=NUMBER), "dpo", room.now.timestamp())

    class Meanwhile(Keys):
        def names(self) -> list[str]:
            loop.call_soon_threadsafe(went.set)
            asyncio.run_coroutine_threadsafe(late(), loop).result()
            return super().names()

    async def late() -> None:
        await room.register.release_hold(number, "dpo", room.now.timestamp())
        await room.register.add_items([an_item("sms", "s1")])

    loop, went = asyncio.get_running_loop(), asyncio.Event()
    expiry = room.expiry(keys=Meanwhile(room.folder / "keys", bytes(SIZE)))
    async with asyncio.timeout(10):
        night = await expiry.run()
    assert went.is_set()
    assert night.keys == [f"hold-{number}"]
    assert await room.recordings() == ["1.2"]
    await room.expiry().run()
    assert (await room.recordings(), await there(room, an_item("sms", "s1")), room.keys.names()) == ([], [], [])


async def test_a_key_that_is_spoilt_is_said_and_the_rest_goes_on(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.register.add_hold(hold(number=NUMBER), "dpo", room.now.timestamp())
    file = room.folder / "keys" / "recording-2027-07.key"
    file.chmod(0o600)
    file.write_bytes(bytes(60))
    await room.call("2.1", OLD, OTHER_NUMBER)
    night = await room.expiry().run()
    assert night.gone["call"] == {"housing": 1}
    assert night.left[0].startswith("recording-2027-07: the key of the period recording-2027-07 in ")
    assert "1 things that are due are still there" in room.alarms.standing["expiry"]


async def test_at_the_start_it_is_said_of_what_no_key_is_there(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    await look_for_keys(room.register, room.keys, room.alarms)
    assert room.alarms.standing == {}
    room.keys.destroy("call-2027-07")
    file = room.folder / "keys" / "recording-2027-07.key"
    file.chmod(0o600)
    file.write_bytes(b"spoilt")
    await look_for_keys(room.register, room.keys, room.alarms)
    assert room.alarms.standing["keys"].startswith("no key opens what is kept of call-2027-07, recording-2027-07: ")


async def test_while_somebody_reads_the_chain_a_run_ends_all_the_same(room: Room) -> None:
    for number in range(30):
        await room.call(f"{number}.1", OLD, NUMBER)
    checking = asyncio.ensure_future(room.register.verify())
    await room.expiry().run()
    assert (await checking).faults == []


async def test_a_recording_whose_call_nobody_knows_is_kept_by_a_hold_on_its_time(room: Room) -> None:
    await room.record("9.1", "9.2", OLD.timestamp())
    about = {"since": OLD.timestamp() - 60, "until": OLD.timestamp() + 60}
    await room.register.add_hold(hold(**about), "dpo", room.now.timestamp())
    await room.expiry().run()
    assert await room.recordings() == ["9.2"]


async def test_a_transcript_of_a_call_that_became_part_of_another_is_kept_with_that(room: Room) -> None:
    await room.call("1.1", OLD, NUMBER, "1.2")
    await room.call("2.1", OLD, OTHER_NUMBER)
    await room.register.write([CallMerged("2.1", OLD.timestamp() + 30, "1.1")])
    items = [an_item("transcript", "t1", call="2.1", party=None)]
    await room.register.add_items(items)
    await room.register.add_hold(hold(call="1.1"), "dpo", room.now.timestamp())
    await room.expiry().run()
    assert await there(room, *items) == ["t1"]


async def test_a_night_without_a_run_is_an_alarm_and_it_is_tried_again_each_hour(room: Room) -> None:
    expiry = room.expiry()

    class Broken(Archive):
        def remove(self, files: Iterable[str]) -> dict[str, str]:
            raise OSError(5, "Input/output error", *files)

    broken = Broken(room.folder / "spool", room.folder / "recordings", room.keys)
    await room.call("1.1", OLD, NUMBER, "1.2")
    assert set(await nights(room, room.expiry(broken), 3)) == {3600.0}
    assert "the nightly run failed: [Errno 5] Input/output error" in room.alarms.standing["expiry"]
    await nights(room, expiry, 1)
    assert room.alarms.standing == {}


async def test_rows_of_the_audit_chain_go_when_their_own_time_is_over(room: Room) -> None:
    (room.folder / "audit.key").write_bytes(new_key())
    room.site = replace(room.site, audit=Keep(months=6))
    for at in (OLD, NEW, TONIGHT - timedelta(days=1)):
        await room.register.audit(Link(at.timestamp(), "backup", {}))
    night = await room.expiry().run()
    assert (night.audit, night.left) == (2, [])
    assert (await room.register.verify()).faults == []
    assert (await room.register.verify()).behind.seq == 2


async def test_without_a_key_that_signs_the_chain_stays_and_the_night_is_not_whole(room: Room) -> None:
    room.site = replace(room.site, audit=Keep(months=6))
    for at in (OLD, TONIGHT - timedelta(days=1)):
        await room.register.audit(Link(at.timestamp(), "backup", {}))
    night = await room.expiry().run()
    assert night.audit == 0
    assert "audit key --new" in night.left[0]
    assert "audit chain" in room.alarms.standing["expiry"]
