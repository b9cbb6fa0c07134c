"""From a raw file in the spool to a finished recording with its row.

One loop serves every case, however a recorder came to its end: what lies in the spool, belongs to no live leg, and has
not grown between two looks since that leg ended is finished. (While a leg lasts, a recorder writes every two seconds
only: that nothing came between two looks says nothing.) It looks only while the graph of calls agrees with Asterisk,
because a recorder may still be running on a leg that we have not heard of yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath
from typing import NoReturn, Protocol

import structlog

from ccdaemon.faults import ArchiveFault, RegisterFull
from ccdaemon.flows import messages
from ccdaemon.flows.journal import Alarms
from ccdaemon.kept import FinishedFile, RawRecording, Recording
from ccdaemon.model import Site
from ccdaemon.rules.recording import fault_of
from ccdaemon.rules.retention import period_of

LOOK = 1.0  # seconds between looks; Asterisk writes what it still holds within milliseconds of a leg's end
HURRY = 0.1  # seconds between them at the end
GRACE = 15.0  # seconds in which a recorder that said it started must have made its file
FOUND = "the file was found without a row: its recorder started while we were away"
MISSING = "Asterisk said that it recorded, but there is no file: look for a full disk, or the owner of the spool"
LOST = "the finished file is no longer in the archive"

log = structlog.get_logger()


class Archive(messages.Archive, Protocol):
    def raw(self) -> Iterable[RawRecording]: ...

    def strays(self) -> list[str]: ...

    def files(self) -> set[str]: ...


class Register(messages.Register, Protocol):
    async def unfinished_recordings(self) -> list[Recording]: ...

    async def finished_files(self) -> set[str]: ...

    async def lose_recording(self, file: str, fault: str) -> None: ...

    async def finish_recording(
        self, recording: Recording, done: FinishedFile | None = None, since: float | None = None
    ) -> None: ...


class Finishing:
    """Watches the spool. `live` are the legs that are up, or None while that is not known for certain."""

    def __init__(
        self,
        archive: Archive,
        register: Register,
        alarms: Alarms,
        live: Callable[[], Container[str] | None],
        site: Callable[[], Site],
        clock: Callable[[], float],
    ) -> None:
        self._archive = archive
        self._register = register
        self._alarms = alarms
        self._live = live
        self._site = site
        self._clock = clock
        self._messages = messages.Taking(archive, register, site, clock)
        self._sizes: dict[tuple[str, int], int] = {}
        self._hurry, self._settled = asyncio.Event(), asyncio.Event()

    async def run(self) -> NoReturn:
        while True:
            try:
                await self.look()
            except OSError as fault:
                self._alarms.raise_("recordings", f"the spool cannot be read: {fault.strerror}. It is tried again")
            if not self._sizes:
                self._settled.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._hurry.wait()
            await asyncio.sleep(HURRY)

    @property
    def dropped(self) -> int:
        """Messages in which nothing was said."""
        return self._messages.dropped

    async def settle(self, within: float) -> None:
        """Wait until `run` has finished all of calls that are over, but no longer than so many seconds."""
        self._hurry.set()
        self._settled.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._settled.wait()

    async def compare(self) -> None:
        """At start: say where the register and the archive do not agree about finished recordings.

        A file whose raw one still lies in the spool was never entered: `look` finishes it once more.
        """
        files = await asyncio.to_thread(self._archive.files)
        again = tuple(f"{raw.path.stem}." for raw in await asyncio.to_thread(lambda: list(self._archive.raw())))
        known = await self._register.finished_files()
        lost = sorted(known - files)
        strange = sorted(file for file in files - known if not PurePath(file).name.startswith(again))
        for file in lost:
            log.error("a recording is missing from the archive", file=file)
        for file in strange:
            log.error("a file in the archive belongs to no recording of the register", file=file)
        for name in self._archive.strays():
            log.error("a file in the spool is no recording of ours: take it away", file=name)
        if lost or strange:
            self._alarms.raise_(
                "archive",
                f"{len(lost) + len(strange)} recordings are in the archive or in the register, but not in both",
            )
        else:
            self._alarms.clear("archive")
        try:
            for file in lost:
                await self._register.lose_recording(file, LOST)
        except RegisterFull as fault:
            log.error("what is missing from the archive is not entered", reason=str(fault))

    async def look(self) -> None:
        """Finish what can be finished; complain of what should be there and is not."""
        live = self._live()
        if live is None:
            return
        found = await asyncio.to_thread(lambda: list(self._archive.raw()))
        raws = {(raw.leg, raw.segment): raw for raw in found if raw.leg not in live}
        unfinished = {(row.leg, row.segment): row for row in await self._register.unfinished_recordings()}
        fault: ArchiveFault | RegisterFull | None = None
        try:
            for key, raw in raws.items():
                if self._sizes.get(key) == raw.size:
                    try:
                        await self._finish(raw, unfinished.get(key))
                    except ArchiveFault as one:  # the others may fare better
                        fault = one
            for key, row in unfinished.items():
                over = row.stopped is not None and self._clock() - row.stopped > GRACE
                if over and key not in raws and row.leg not in live:
                    await self._register.finish_recording(replace(row, fault=MISSING))
                    self._complain(MISSING, row)
        except RegisterFull as full:
            fault = full
        if fault is None:
            self._alarms.clear("recordings")
        else:
            self._alarms.raise_("recordings", f"{fault}. Nothing is lost yet: the raw recordings wait in the spool")
        self._sizes = {key: raw.size for key, raw in raws.items()}

    async def _finish(self, raw: RawRecording, row: Recording | None) -> None:
        if raw.kind != "recording":
            await self._messages.take(raw)
            return
        if row is None and await self._is_done(raw):
            return
        since = await self._register.began(raw.call) or raw.changed
        # All recordings of a call hang on the key of one period: they expire together.
        done = await asyncio.to_thread(self._archive.finish, raw, period_of("recording", since, self._site()))
        known = row or Recording(raw.leg, raw.call, raw.service, reason=FOUND, segment=raw.segment)
        fault = known.fault or fault_of(done, known)
        await self._register.finish_recording(
            replace(
                known,
                service=raw.service,
                file=done.file,
                seconds=done.seconds,
                bytes=done.bytes,
                sha256=done.sha256,
                fault=fault,
            ),
            done,
            since,
        )
        if fault is None:
            self._alarms.clear("recordings-faulty")
        else:
            self._complain(fault, known)
        await asyncio.to_thread(self._archive.discard, raw)
        if row is None:
            log.error(FOUND, leg=raw.leg, call=raw.call, file=done.file)
        else:
            log.info("recording finished", leg=raw.leg, call=raw.call, seconds=round(done.seconds, 1))

    async def _is_done(self, raw: RawRecording) -> bool:
        """Was it finished already by one who was killed before they removed the raw file?"""
        kept = await self._register.kept(raw.leg, raw.segment)
        if kept is None or not await asyncio.to_thread(self._archive.holds, kept):
            return False
        await asyncio.to_thread(self._archive.discard, raw)
        return True

    def _complain(self, fault: str, recording: Recording) -> None:
        log.error(fault, leg=recording.leg, segment=recording.segment, call=recording.call)
        self._alarms.raise_(
            "recordings-faulty", f"{fault}. `ccdaemon calls show {recording.call}` tells where it stopped"
        )
