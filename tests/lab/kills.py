"""A daemon's work with what is kept, killed at random moments again and again: nothing is lost, doubled, or left plain.

`python -m tests.lab.kills FOLDER TIMES SEED` prints how often it was killed in the middle of what. The work is that of
the daemon's own flows, on a real disk: recordings are finished, lines taken in, holds made, and what is due expires.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from ccdaemon import audio, drop, foreign
from ccdaemon.archive import Archive
from ccdaemon.flows.expiry import Expiry
from ccdaemon.flows.importing import Importing
from ccdaemon.flows.recordings import Finishing
from ccdaemon.kept import Hold, Kept
from ccdaemon.keys import SIZE, Keys
from ccdaemon.notices import CallIdentified
from ccdaemon.signing import Signer
from ccdaemon.store import Register
from tests.builders import LONDON, Noticeboard, a_raw_file, a_register, example_site

OLD, NEW = datetime(2026, 7, 6, 10, tzinfo=LONDON), datetime(2026, 12, 24, 10, tzinfo=LONDON)
NOW = datetime(2027, 8, 2, 3, tzinfo=LONDON).timestamp()
EACH = 12  # recordings and messages between two kills: old, new, and old ones under a hold
# What is killed, and within how many seconds of its beginning: about as long as it takes.
SPANS = {"finishing": 0.15, "import": 0.02, "hold": 0.01, "expiry": 0.05, "snapshot": 0.02}
NUMBER, HELD_NUMBER = "+447700900123", "+447700900124"


@dataclass(frozen=True)
class Given:
    """A call with a recording, and a message: when they began, and whether a hold keeps them."""

    call: str
    leg: str
    message: str
    began: datetime
    held: bool

    @property
    def stays(self) -> bool:
        return self.began == NEW or self.held


def given(number: int) -> list[Given]:
    """What the daemon is given before a kill."""
    return [
        Given(
            call=f"{number}.{each}0",
            leg=f"{number}.{each}1",
            message=f"s{number}-{each}",
            began=OLD if each % 2 else NEW,
            held=each == EACH - 1,
        )
        for each in range(EACH)
    ]


def content(leg: str) -> bytes:
    """What a recorder wrote of a leg, and of no other."""
    return leg.encode().ljust(32, b"~") * 400


class Room:
    """The folders of one register."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("spool", "recordings", "keys", "drop/sms"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def archive(self) -> Archive:
        return Archive(self.folder / "spool", self.folder / "recordings", self.keys())

    def keys(self) -> Keys:
        return Keys(self.folder / "keys", bytes(SIZE))

    async def prepare(self, number: int) -> None:
        """New calls with recorders' files in the spool, and a file of messages: all that Asterisk and others do."""
        async with a_register(self.folder / "register.sqlite3") as register:
            lines = []
            for each in given(number):
                who = HELD_NUMBER if each.held else NUMBER
                await register.write([CallIdentified(each.call, each.began.timestamp(), number=who, service="housing")])
                a_raw_file(self.folder / "spool", each.call, each.leg, content(each.leg))
                said = {"id": each.message, "at": each.began.isoformat(), "party": who, "direction": "in", "text": "-"}
                lines.append(json.dumps(said))
        (self.folder / "drop" / "sms" / f"{number}.jsonl").write_text("\n".join(lines))

    async def work(self, tell: Callable[[str], object] = lambda _: None) -> None:
        """All of it, to its end; `tell` hears what it is at."""
        async with a_register(self.folder / "register.sqlite3") as register:
            for at, flow in (
                ("finishing", self._finish),
                ("import", self._take_in),
                ("hold", self._hold),
                ("expiry", self._expire),
                ("snapshot", self._copy),
            ):
                tell(at)
                await flow(register)

    async def _finish(self, register: Register) -> None:
        finishing = Finishing(self.archive(), register, Noticeboard(), set, example_site, time.time)
        await finishing.compare()
        await finishing.look()
        await finishing.look()

    async def _take_in(self, register: Register) -> None:
        await Importing(register, drop.Drop(self.folder / "drop"), example_site, Noticeboard()).look()

    async def _hold(self, register: Register) -> None:
        if not await register.standing_holds():
            await register.add_hold(Hold("complaint", "C-1", number=HELD_NUMBER), "dpo", NOW)

    async def _expire(self, register: Register) -> None:
        drop = str(self.folder / "drop")
        signer = Signer(self.folder / "audit.key")
        await Expiry(
            *(register, self.archive(), self.keys(), foreign, signer, drop, example_site, Noticeboard(), lambda: NOW)
        ).run()

    async def _copy(self, register: Register) -> None:
        await asyncio.to_thread(lambda: [*register.snapshot()])

    async def check(self, rounds: int, *, at_the_end: bool = False) -> None:
        """Of what was given in so many rounds. Raises `AssertionError` with what is lost, doubled, or out of place."""
        archive = self.archive()
        raws = {raw.leg: raw for raw in archive.raw()}
        async with a_register(self.folder / "register.sqlite3") as register:
            rows = {row.leg: row for row in await register.recordings_between(0, 1e12)}
            openable = set()
            for leg in rows:
                kept = await register.kept(leg, 1)
                assert kept is not None, leg
                assert archive.holds(kept), f"{leg} cannot be opened"
                assert self._samples(archive, kept) == content(leg), leg
                openable.add(leg)
            dropped = "".join(file.read_text() for file in (self.folder / "drop").rglob("*.jsonl"))
            for each in (each for number in range(rounds) for each in given(number)):
                taken = await register.item("sms", each.message) is not None
                for name, waits, there in (
                    (each.leg, each.leg in raws, each.leg in openable),
                    (each.message, f'"{each.message}"' in dropped, taken),
                ):
                    assert waits or there or not each.stays, f"{name} is lost"
                    assert not (at_the_end and waits), f"{name} was never taken"
                    assert not (at_the_end and there and not each.stays), f"{name} is due, and still there"
            files = archive.files()
            known = await register.finished_files()
            strange = {file for file in files - known if not any(leg in file for leg in raws)}
            assert not (at_the_end and strange), f"files that no row speaks of: {strange}"
            assert (await register.verify()).faults == []
        with closing(sqlite3.connect(self.folder / "register.sqlite3")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        archived = [file for file in (self.folder / "recordings").rglob("*") if file.is_file()]
        plain = [file for file in archived if file.read_bytes().startswith(b"fLaC") or b"~" * 8 in file.read_bytes()]
        assert not plain, f"plain audio in the archive: {plain}"

    def _samples(self, archive: Archive, kept: Kept) -> bytes:
        with tempfile.TemporaryFile() as sink:
            sink.writelines(archive.open(kept))
            sink.seek(0)
            return b"".join(audio.samples(sink))


def _forked(work: Callable[[], Coroutine[None, None, None]]) -> int:
    """The process that does some work. Forked, because a new interpreter each time would be most of the time.

    Who forks does nothing else: a thread of theirs that is just ending might leave a lock behind in the other.
    """
    if (child := os.fork()) == 0:
        asyncio.run(work())
        os._exit(0)
    return child


def _done(work: Callable[[], Coroutine[None, None, None]]) -> None:
    _, status = os.waitpid(_forked(work), 0)
    if status:
        sys.exit(os.waitstatus_to_exitcode(status))


def _killed(room: Room, during: str, chance: random.Random) -> str:
    """Kill who works, some time after they have begun with something; what they were at then."""
    reader, writer = os.pipe()
    child = _forked(lambda: room.work(lambda at: os.write(writer, f"{at}\n".encode())))
    os.close(writer)
    with os.fdopen(reader) as told:
        at = next(line for line in told if line.strip() == during)
        time.sleep(chance.uniform(0, SPANS[during]))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return str([at, *told][-1]).strip()


def main(folder: Path, times: int, seed: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    drop.REST = 0.0
    room, chance, killed = Room(folder), random.Random(seed), Counter[str]()
    for number in range(times):
        _done(partial(room.prepare, number))
        killed[_killed(room, chance.choice([*SPANS]), chance)] += 1
        _done(partial(room.check, number + 1))
    _done(room.work)
    _done(partial(room.check, times, at_the_end=True))
    print(json.dumps(killed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
