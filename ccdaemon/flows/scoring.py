"""Recordings drawn for supervisors to score: lent to a handset for as long as they are at it, their cards kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Protocol

import structlog

from ccdaemon.chain import Link
from ccdaemon.faults import ArchiveFault, RegisterFull
from ccdaemon.flows.handset import Doing
from ccdaemon.kept import Kept
from ccdaemon.model import Site
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.scoring import Comment, Draw, Drawn, Keep
from ccdaemon.rules.handset.talk import Do
from ccdaemon.rules.scoring import DAY, agent_of, draw, has_failed, month_began, total
from ccdaemon.scoring import Sample, Score

TRIES = 3  # recordings that are drawn until one can be opened

log = structlog.get_logger()


class Register(Protocol):
    async def unscored(self, services: Collection[str], since: float, shortest: float) -> list[Sample]: ...

    async def scored_since(self, since: float) -> Counter[str]: ...

    async def kept(self, leg: str, segment: int) -> Kept | None: ...

    async def audit(self, link: Link) -> None: ...

    async def enter_score(self, score: Score) -> bool: ...


class Archive(Protocol):
    def open(self, kept: Kept) -> Iterable[bytes]: ...


class Lent(Protocol):
    """Where Asterisk can play what is sealed."""

    def lend(self, name: str, opened: Iterable[bytes]) -> str: ...

    def take_back(self, name: str) -> None: ...


class Scorers:
    """All who score at the same time: a recording is drawn for one of them alone. `spool` is where comments go."""

    def __init__(
        self,
        register: Register,
        archive: Archive,
        lent: Lent,
        spool: Path,
        site: Callable[[], Site],
        dice: Random,
        clock: Callable[[], float],
    ) -> None:
        self._register = register
        self._archive = archive
        self._lent = lent
        self._spool = spool
        self._site = site
        self._dice = dice
        self._clock = clock
        self._drawn: dict[str, Drawn] = {}  # by the leg of the handset
        self._heard: dict[str, set[str]] = {}  # legs of calls that were drawn there already
        self._comments: Counter[str] = Counter()  # that were asked for there

    def doing(self) -> Mapping[type[Do], Doing]:
        return {Draw: self.draw, Keep: self.keep, Comment: self.comment}

    async def draw(self, wanted: Draw, line: Line) -> Drawn | None:
        if line.leg not in self._heard:
            self._heard[line.leg] = set()
            line.after.callback(self._over, line.leg)
        self._take_back(line.leg)
        try:
            for _ in range(TRIES):
                sample = await self._one_of(wanted, line)
                if sample is None:
                    return None
                self._heard[line.leg].add(sample.leg)
                if (drawn := await self._opened(sample, wanted, line)) is not None:
                    return drawn
        except RegisterFull as fault:
            log.error("nothing can be scored", reason=str(fault))
        return None

    async def keep(self, wanted: Keep, line: Line) -> bool:
        drawn, scoring = wanted.drawn, self._site().scoring
        self._comments[line.leg] += 1
        score = Score(
            leg=drawn.sample.leg,
            segment=drawn.sample.segment,
            at=self._clock(),
            scorer=wanted.who.id,
            agent=drawn.agent,
            points=wanted.points,
            total=total(wanted.points, scoring),
            failed=has_failed(wanted.points, scoring.fatal),
            comment_leg=line.leg,
            comment_segment=self._comments[line.leg],
        )
        self._take_back(line.leg)
        try:
            return await self._register.enter_score(score)
        except RegisterFull as fault:
            log.error("a score is lost", scorer=score.scorer, reason=str(fault))
            return False

    async def comment(self, wanted: Comment, line: Line) -> str:
        """Where it is to be recorded. What lies there once the handset has gone is sealed, as messages are."""
        when, sample = datetime.fromtimestamp(self._clock(), UTC), wanted.drawn.sample
        name = f"{sample.service}_{sample.call}_{line.leg}_{self._comments[line.leg]}"
        return str(self._spool / f"{when:%Y%m%d-%H%M%S}_{name}.comment")

    async def _one_of(self, wanted: Draw, line: Line) -> Sample | None:
        site, now = self._site(), self._clock()
        since = now - site.scoring.days * DAY
        services = wanted.who.services - {site.payments}
        samples = await self._register.unscored(services, since, site.scoring.shortest)
        taken = self._heard[line.leg] | {each.sample.leg for each in self._drawn.values()}
        scored = await self._register.scored_since(month_began(datetime.fromtimestamp(now, site.timezone)))
        return draw((each for each in samples if each.leg not in taken), scored, site, wanted.who, self._dice)

    async def _opened(self, sample: Sample, wanted: Draw, line: Line) -> Drawn | None:
        """It stands in the audit chain before anybody hears it."""
        kept, agent = await self._register.kept(sample.leg, sample.segment), agent_of(sample, self._site())
        if kept is None or agent is None:  # it has expired, or was erased, meanwhile
            return None
        access = {"leg": sample.leg, "segment": sample.segment, "purpose": "quality", "did": "hear"}
        reference = f"*95 at {line.phone.extension}"
        await self._register.audit(
            Link(self._clock(), "access", {**access, "reference": reference, "who": wanted.who.id})
        )
        self._drawn[line.leg] = drawn = Drawn(sample, agent, "")
        try:
            sound = await asyncio.to_thread(lambda: self._lent.lend(_name(line.leg), self._archive.open(kept)))
        except ArchiveFault as fault:
            log.error("a recording cannot be scored", leg=sample.leg, segment=sample.segment, reason=str(fault))
            del self._drawn[line.leg]
            return None
        return Drawn(drawn.sample, agent, sound)

    def _take_back(self, leg: str) -> None:
        if self._drawn.pop(leg, None) is not None:
            self._lent.take_back(_name(leg))

    def _over(self, leg: str) -> None:
        self._take_back(leg)
        del self._heard[leg], self._comments[leg]


def _name(leg: str) -> str:
    return f"{leg}-scored"
