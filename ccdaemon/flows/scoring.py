"""Recordings drawn for supervisors to score: lent to a handset for as long as they are at it, their cards kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
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

    async def lend(self, name: str, call: str | None, opened: Iterable[bytes]) -> str: ...

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
        self._choosing = asyncio.Lock()
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
                async with self._choosing:
                    chosen = await self._chosen(wanted, line)
                if chosen is None:
                    return None
                if (drawn := await self._opened(chosen, wanted, line)) is not None:
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

    async def _chosen(self, wanted: Draw, line: Line) -> Drawn | None:
        """Nobody else is given it as long as they have it, and it counts for its agent as if it were scored."""
        site, now = self._site(), self._clock()
        services = wanted.who.services - {site.payments}
        samples = await self._register.unscored(services, now - site.scoring.days * DAY, site.scoring.shortest)
        scored = await self._register.scored_since(month_began(datetime.fromtimestamp(now, site.timezone)))
        scored.update(each.agent for each in self._drawn.values())
        taken = self._heard[line.leg] | {each.sample.leg for each in self._drawn.values()}
        sample = draw((each for each in samples if each.leg not in taken), scored, site, wanted.who, self._dice)
        agent = agent_of(sample, site) if sample is not None else None
        if sample is None or agent is None:
            return None
        self._heard[line.leg].add(sample.leg)
        self._drawn[line.leg] = Drawn(sample, agent, "")
        return self._drawn[line.leg]

    async def _opened(self, chosen: Drawn, wanted: Draw, line: Line) -> Drawn | None:
        """It stands in the audit chain before anybody hears it."""
        leg, segment, call = chosen.sample.leg, chosen.sample.segment, chosen.sample.call
        try:
            kept = await self._register.kept(leg, segment)
            if kept is None:  # it has expired, or was erased, meanwhile
                return None
            access = {"leg": leg, "segment": segment, "purpose": "quality", "did": "hear", "who": wanted.who.id}
            reference = f"*95 at {line.phone.extension}"
            await self._register.audit(Link(self._clock(), "access", {**access, "reference": reference}))
            name = _name(line.leg)
            sound = await self._lent.lend(name, call, self._archive.open(kept))
        except ArchiveFault as fault:
            log.error("a recording cannot be scored", leg=leg, segment=segment, reason=str(fault))
            return None
        return replace(chosen, sound=sound)

    def _take_back(self, leg: str) -> None:
        if self._drawn.pop(leg, None) is not None:
            self._lent.take_back(_name(leg))

    def _over(self, leg: str) -> None:
        self._take_back(leg)
        del self._heard[leg], self._comments[leg]


def _name(leg: str) -> str:
    return f"{leg}-scored"
