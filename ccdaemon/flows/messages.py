"""From what a caller left, or a supervisor said about a recording, in the spool, to a sealed recording with its row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from ccdaemon.kept import FinishedFile, Kept, RawRecording, Recording
from ccdaemon.model import Site
from ccdaemon.rules.messages import nothing_said
from ccdaemon.rules.retention import period_of

SPOKEN = {"message": "the caller had finished, or hung up", "comment": "the supervisor had finished, or hung up"}

log = structlog.get_logger()


class Archive(Protocol):
    def finish(self, raw: RawRecording, period: str) -> FinishedFile: ...

    def holds(self, kept: Kept) -> bool: ...

    def discard(self, raw: RawRecording) -> None: ...

    def sounding(self, raw: RawRecording) -> tuple[float, float]: ...


class Register(Protocol):
    async def began(self, call: str) -> float | None: ...

    async def kept(self, leg: str, segment: int) -> Kept | None: ...

    async def take_message(
        self, row: Recording, done: FinishedFile, since: float, language: str | None, now: float
    ) -> None: ...

    async def is_comment(self, leg: str, segment: int) -> bool: ...

    async def finish_recording(
        self, recording: Recording, done: FinishedFile | None = None, since: float | None = None
    ) -> None: ...


class Taking:
    """Of those who have gone. `dropped` counts messages in which nothing was said."""

    def __init__(
        self, archive: Archive, register: Register, site: Callable[[], Site], clock: Callable[[], float]
    ) -> None:
        self._archive = archive
        self._register = register
        self._site = site
        self._clock = clock
        self.dropped = 0

    async def take(self, raw: RawRecording) -> None:
        """Killed in between, it is taken at the next start. Raises `ArchiveFault`, `RegisterFull`, `OSError`."""
        if not await self._is_done(raw):
            if raw.kind == "comment" and not await self._register.is_comment(raw.leg, raw.segment):
                log.info("a comment on a recording that is gone is not kept", call=raw.call)
            elif nothing_said(*await asyncio.to_thread(self._archive.sounding, raw)):
                self.dropped += raw.kind == "message" and bool(
                    raw.size
                )  # one without a sample was deleted by its caller
                log.info("nothing was said, and nothing is kept", kind=raw.kind, call=raw.call, service=raw.service)
            else:
                await self._enter(raw)
        await asyncio.to_thread(self._archive.discard, raw)

    async def _enter(self, raw: RawRecording) -> None:
        since = await self._register.began(raw.call) or raw.changed
        done = await asyncio.to_thread(self._archive.finish, raw, period_of(raw.kind, since, self._site()))
        row = Recording(
            leg=raw.leg,
            segment=raw.segment,
            call=raw.call,
            service=raw.service,
            started=raw.changed - done.seconds,
            stopped=raw.changed,
            reason=SPOKEN[raw.kind],
            file=done.file,
            seconds=done.seconds,
            bytes=done.bytes,
            sha256=done.sha256,
            kind=raw.kind,
        )
        if raw.kind == "message":
            await self._register.take_message(row, done, since, raw.language, self._clock())
        else:
            await self._register.finish_recording(row, done, since)
        log.info(
            "what was said is sealed",
            kind=raw.kind,
            leg=raw.leg,
            call=raw.call,
            service=raw.service,
            seconds=round(done.seconds, 1),
        )

    async def _is_done(self, raw: RawRecording) -> bool:
        """Was it sealed already by one who was killed before they removed the raw file?"""
        kept = await self._register.kept(raw.leg, raw.segment)
        return kept is not None and await asyncio.to_thread(self._archive.holds, kept)
