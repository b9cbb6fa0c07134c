"""The nightly run: what has been kept for its whole time goes, unless a hold keeps it.

Of a recording first what opens it, then its file, then its row; of a call its caller and all that happened in it, while
it is counted still. At last the keys of months that are over are destroyed, which makes unreadable what old backups
hold of them; what a hold keeps was hung on its key before. A run that is killed begins again, and ends the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Any, NoReturn, Protocol, TypeAlias

import structlog

from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.flows import checkpoints, shredding
from ccdaemon.flows.journal import Alarms
from ccdaemon.flows.shredding import Shredding
from ccdaemon.kept import CLASSES, IMPORTED, RECORDED, Doomed, Due, Files, Imported, ItemClass, Left, Recorded
from ccdaemon.model import Site
from ccdaemon.rules.retention import cutoff, cutoff_at
from ccdaemon.rules.schedule import following, latest

BATCH = 5000  # recordings in one transaction: calls that end meanwhile wait for no longer than that takes
ROWS = 20_000  # a quarter of a second, in which nobody else enters anything
TOLD = 1000  # things that stay
LOOK = 600.0  # seconds between looks at the clock, which may have been set
AGAIN = 3600.0  # seconds after a run that failed

log = structlog.get_logger()

Tell: TypeAlias = Callable[[Mapping[str, Any]], None]
Expire: TypeAlias = Callable[[float, int], Awaitable[dict[str, int]]]


class Register(shredding.Register, checkpoints.Register, Protocol):
    async def due_recordings(self, kind: Recorded, before: float) -> dict[str, int]: ...

    async def due_calls(self, before: float) -> dict[str, int]: ...

    async def due_items(self, kind: Imported, before: float) -> dict[str, int]: ...

    async def take_recordings(self, kind: Recorded, before: float, after: int, limit: int) -> list[Due]: ...

    async def drop_recordings(self, gone: Sequence[Due], now: float) -> None: ...

    async def expire_calls(self, before: float, limit: int) -> dict[str, int]: ...

    async def expire_items(self, kind: Imported, before: float, limit: int) -> dict[str, int]: ...

    async def refresh_holds(self) -> None: ...

    async def last_run(self, *, whole: bool = False) -> float | None: ...

    async def forget_closed(self, before: date, moment: float) -> None: ...

    async def ran(self, began: float, ended: float, detail: Mapping[str, Any], *, whole: bool) -> None: ...


class Archive(Protocol):
    def remove(self, files: Iterable[str]) -> dict[str, str]: ...


class Foreign(Protocol):
    """Files of other programs."""

    def due(self, rule: Files, before: float, now: float, zone: tzinfo) -> Iterable[Doomed | Left]: ...

    def expire(self, rule: Files, before: float, now: float, zone: tzinfo) -> Iterable[Doomed | Left]: ...


class AlreadyRunning(Exception):
    """A run is going on: one at a time."""


@dataclass
class Night:
    """What a run came to: counts by class and service, what could not be deleted, and which keys were destroyed."""

    gone: dict[ItemClass, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in CLASSES})
    files: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    why: Counter[str] = field(default_factory=Counter)  # without any name: names of files may hold numbers
    keys: list[str] = field(default_factory=list)
    audit: int = 0  # rows of the chain

    def leave(self, where: str, what: str, why: str) -> None:
        """Something that is due stays."""
        self.left.append(f"{what}: {why}")
        self.why[f"{where}: {why}"] += 1

    def counted(self) -> dict[str, Any]:
        """For the register and the log."""
        counts: dict[str, Any] = {kind: dict(each) for kind, each in self.gone.items()}
        return {**counts, "files": len(self.files), "left": dict(self.why), "keys": self.keys, "audit": self.audit}

    def told(self) -> dict[str, Any]:
        """For whoever asked."""
        return {**self.counted(), "left": self.left[:TOLD]}


class Expiry:
    """One run at a time, at night or when somebody asks for it."""

    def __init__(
        self,
        register: Register,
        archive: Archive,
        keys: shredding.Keys,
        foreign: Foreign,
        signer: checkpoints.Signer,
        drop: str,
        site: Callable[[], Site],
        alarms: Alarms,
        clock: Callable[[], float],
    ) -> None:
        self._register = register
        self._archive = archive
        self._shredding = Shredding(register, keys, site)
        self._foreign = foreign
        self._signer = signer
        self._drop = drop  # the folder in which other programs leave files for us
        self._site = site
        self._alarms = alarms
        self._clock = clock
        self.running = asyncio.Lock()  # also for whoever else deletes

    async def nightly(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> NoReturn:
        """Each night, and at once where a night was missed."""
        while True:
            now = self._now()
            last = await self._register.last_run()
            if last is None or last < latest(now, self._site().expires_at).timestamp():
                await sleep(0.0 if await self._tonight() else AGAIN)
            else:
                rest = following(now, self._site().expires_at).timestamp() - self._clock()
                await sleep(max(0.0, min(rest, LOOK)))

    async def missed(self) -> bool:
        """Has nothing that went on since the last night's hour come to its end and left nothing?"""
        last = await self._register.last_run(whole=True)
        return last is None or last < latest(self._now(), self._site().expires_at).timestamp()

    async def would(self) -> dict[str, Any]:
        """What a run would delete now: counts by class and service, and other programs' files by their paths."""
        await self._register.refresh_holds()
        return {
            **{kind: await self._register.due_recordings(kind, self._cutoff(kind)) for kind in RECORDED},
            "call": await self._register.due_calls(self._cutoff("call")),
            **{kind: await self._register.due_items(kind, self._cutoff(kind)) for kind in IMPORTED},
            "files": await self._other_files(self._foreign.due, Night()),
        }

    async def run(self, tell: Tell = lambda _: None) -> Night:
        """Raises `AlreadyRunning`, `RegisterFull`, or `OSError` for a key that cannot be written or destroyed."""
        if self.running.locked():
            message = "a run is going on already"
            raise AlreadyRunning(message)
        async with self.running:
            began, night = self._clock(), Night()
            await self._register.refresh_holds()
            for recorded in RECORDED:
                await self._expire_recordings(recorded, night, tell)
            await self._expire_rows("call", self._register.expire_calls, night, tell)
            for kind in IMPORTED:
                await self._expire_rows(kind, partial(self._register.expire_items, kind), night, tell)
            night.files = await self._other_files(self._foreign.expire, night)
            shredded = await self._shredding.run(self._now().date())
            night.keys = shredded.keys
            for period, why in shredded.left.items():
                night.leave("keys", period, why)
            await self._expire_audit(night)
            await self._register.ran(began, self._clock(), night.counted(), whole=not night.left)
        self._report(night)
        return night

    async def _tonight(self) -> bool:
        try:
            await self.run()
        except AlreadyRunning:
            return False
        except (RegisterFull, KeyUnusable, OSError) as fault:
            self._alarms.raise_("expiry", f"the nightly run failed: {fault}. It is tried again each hour")
            return False
        return True

    async def _expire_recordings(self, kind: Recorded, night: Night, tell: Tell) -> None:
        after, full = 0, True
        while full and (batch := await self._register.take_recordings(kind, self._cutoff(kind), after, BATCH)):
            after, full = batch[-1].row, len(batch) == BATCH
            left = await asyncio.to_thread(self._remove, batch)
            gone = [each for each in batch if each.name not in left]
            await self._register.drop_recordings(gone, self._clock())
            night.gone[kind].update(each.service for each in gone)
            for name, why in left.items():
                night.leave(f"{kind}s", name, why)
            tell({"class": kind, "done": night.gone[kind].total()})

    def _remove(self, batch: Sequence[Due]) -> dict[str, str]:
        """Files; what could not be removed, and why."""
        named = {each.file: each.name for each in batch if each.file is not None}
        return {named[file]: why for file, why in self._archive.remove(named).items()}

    async def _expire_rows(self, kind: ItemClass, expire: Expire, night: Night, tell: Tell) -> None:
        full = True
        while full and (counts := await expire(self._cutoff(kind), ROWS)):
            full = sum(counts.values()) == ROWS
            night.gone[kind].update(counts)
            tell({"class": kind, "done": night.gone[kind].total()})

    async def _expire_audit(self, night: Night) -> None:
        """The chain, and cases and disclosures that are long over: they name who of us did what."""
        now = self._now()
        before = cutoff_at(now, self._site().audit)
        try:
            night.audit = await checkpoints.retire(self._register, self._signer, before, now.timestamp())
        except KeyUnusable as fault:
            night.leave("audit chain", "rows whose time is over", str(fault))
        await self._register.forget_closed(cutoff(now.date(), self._site().audit), before)

    async def _other_files(self, do: Callable[..., Iterable[Doomed | Left]], night: Night) -> list[str]:
        """What goes, or would."""
        gone, now = list[str](), self._now()
        for rule in (*self._site().files, *self._own_files()):
            found = partial(do, rule, cutoff_at(now, rule.keep), now.timestamp(), now.tzinfo)
            for each in await asyncio.to_thread(lambda find: [*find()], found):
                path = f"{rule.folder}/{each.path}"
                if isinstance(each, Left):
                    night.leave(rule.folder, path, each.why)
                else:
                    gone.append(path if each.until is None else f"{path} (its first {each.until:,} bytes)")
        return gone

    def _own_files(self) -> list[Files]:
        """Lines that were not taken in are kept no longer than their class."""
        keeps = self._site().retention
        return [Files(f"{self._drop}/{kind}/rejected", "*", "changed", keeps[kind], "") for kind in IMPORTED]

    def _cutoff(self, kind: ItemClass) -> float:
        return cutoff_at(self._now(), self._site().retention[kind])

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), self._site().timezone)

    def _report(self, night: Night) -> None:
        counts: dict[str, int] = {kind: each.total() for kind, each in night.gone.items()}
        log.info("expiry has ended", **counts, files=len(night.files), keys=len(night.keys), left=len(night.left))
        for why, count in night.why.items():
            log.error("something that is due could not be deleted", why=why, count=count)
        if night.left:
            text = f"{len(night.left)} things that are due are still there: `ccdaemon expire` names them"
            self._alarms.raise_("expiry", f"{text}; {next(iter(night.why))}")
        else:
            self._alarms.clear("expiry")
