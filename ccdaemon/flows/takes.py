"""What is spoken at handsets: judged, made a sound, put in the place of a prompt, and taken away when it is over.

What nobody approved, and messages that are on no line any more, lie there for as long as a conversation may last that
has begun with them; then they go, and at the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import NoReturn, Protocol

import structlog

from ccdaemon.chain import Link
from ccdaemon.faults import RegisterFull, SoundFault
from ccdaemon.flows.handset import LONGEST_CONVERSATION, Doing
from ccdaemon.flows.lines import OURSELVES
from ccdaemon.model import Catalogue, Numbers, Prompt
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.prompts import Find, Replace, Wanted
from ccdaemon.rules.handset.takes import CUT_OFF, LONGEST, WHOLE, MakeRoom, Room, TakeIn, Wrong
from ccdaemon.rules.handset.talk import Do
from ccdaemon.rules.takes import Refusal, frames, judge

RATE, SAMPLE = 8000, 2  # of what Asterisk writes
MOST = int(RATE * SAMPLE * (LONGEST + 30))  # bytes
LOOK = 60.0  # seconds between two looks at what is over

log = structlog.get_logger()


class Spoken(Protocol):
    """The files. Each method but `room` raises `OSError` or `SoundFault`."""

    def begin(self) -> None: ...

    def room(self) -> tuple[str, str]: ...

    def take_away(self, name: str, most: int) -> bytes: ...

    def make(self, spoken: Prompt, samples: bytes) -> None: ...

    def remove(self, name: str) -> None: ...

    def names(self) -> set[str]: ...

    def replace(self, prompt: Prompt, text: str, approved: Prompt) -> str: ...

    def mend(self, catalogue: Catalogue) -> Iterator[Prompt]: ...


class Register(Protocol):
    async def audit(self, link: Link) -> None: ...


class Prompts(Protocol):
    """Of the configuration that counts."""

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def numbers(self) -> Numbers: ...


class Takes:
    """Of all handsets. `on_lines` are the messages that callers hear now."""

    def __init__(
        self,
        spoken: Spoken,
        register: Register,
        prompts: Callable[[], Prompts],
        on_lines: Callable[[], Collection[str]],
        clock: Callable[[], float],
    ) -> None:
        self._spoken = spoken
        self._register = register
        self._prompts = prompts
        self._on_lines = on_lines
        self._clock = clock
        self._replacing = asyncio.Lock()  # a recording, its sound and its row in the chain belong together
        self._over: dict[str, float] = {}  # what is on no line, and since when we know

    def doing(self) -> dict[type[Do], Doing]:
        return {MakeRoom: self.make_room, TakeIn: self.take_in, Find: self.find, Replace: self.replace}

    # --- what handsets ask -------------------------------------------------------------------------------------------

    async def make_room(self, _: MakeRoom, __: Line) -> Room:
        return Room(*self._spoken.room())

    async def take_in(self, wanted: TakeIn, _: Line) -> Prompt | Wrong:
        taken = Prompt(wanted.room.name, wanted.language)
        try:
            return await asyncio.to_thread(self._take_in, taken, wanted.ended)
        except (OSError, SoundFault) as fault:
            log.error("what was spoken at a handset cannot be kept", reason=str(fault))
            return Wrong.NOT_KEPT

    def _take_in(self, taken: Prompt, ended: str) -> Prompt | Wrong:
        samples = self._spoken.take_away(taken.id, MOST)
        if ended not in WHOLE:
            return Wrong.LONG if ended == CUT_OFF else Wrong.NOT_KEPT
        spoken = judge(frames(samples, RATE))
        if isinstance(spoken, Refusal):
            return Wrong[spoken.name]
        begins, ends = (SAMPLE * round(at * RATE) for at in (spoken.begins, spoken.ends))
        self._spoken.make(taken, samples[begins:ends])
        return taken

    async def find(self, wanted: Find, _: Line) -> Wanted | None:
        prompts = self._prompts()
        for name, number in prompts.numbers.items():
            if str(number) == wanted.number and name in prompts.catalogue:
                return Wanted(name, tuple(prompts.catalogue[name]))
        return None

    async def replace(self, wanted: Replace, line: Line) -> bool:
        """It stands in the audit chain before anybody hears it, and again if nobody does."""
        text = self._prompts().catalogue.get(wanted.prompt.id, {}).get(wanted.prompt.language)
        if text is None:  # it is no prompt any more
            return False
        what = {"who": wanted.who, "handset": line.phone.extension}
        what |= {"prompt": wanted.prompt.id, "language": wanted.prompt.language}
        async with self._replacing:
            try:
                await self._register.audit(Link(self._clock(), "prompt", {**what, "did": "replace"}))
                done = await asyncio.to_thread(self._spoken.replace, wanted.prompt, text, wanted.approved)
                await self._note({**what, "did": "replaced", "sha256": done})
            except (OSError, SoundFault, RegisterFull) as fault:
                log.error("a prompt is not replaced", **what, reason=str(fault))
                await self._note({**what, "did": "failed"})
                return False
        log.info("a prompt was recorded at a handset", **what)
        return True

    async def _note(self, what: dict[str, str]) -> None:
        try:
            await self._register.audit(Link(self._clock(), "prompt", what))
        except RegisterFull as fault:  # that it was begun stands there
            log.error("what came of a prompt is not in the audit chain", **what, reason=str(fault))

    # --- what is over ------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Nobody is in a conversation with us yet; and a prompt that was being replaced is replaced."""
        try:
            for mended in await asyncio.to_thread(self._begin):
                log.warning("a prompt that was recorded is heard now", prompt=mended.id, language=mended.language)
                what = {"who": OURSELVES, "prompt": mended.id, "language": mended.language}
                await self._note({**what, "did": "replaced"})
        except (OSError, SoundFault) as fault:
            log.error("nothing can be recorded at handsets, or not all of it is heard", reason=str(fault))

    def _begin(self) -> list[Prompt]:
        self._spoken.begin()
        for name in self._spoken.names() - {*self._on_lines()}:
            self._spoken.remove(name)
        return [*self._spoken.mend(self._prompts().catalogue)]

    async def run(self) -> NoReturn:
        """Takes away what is over."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.sweep()
            except OSError as fault:
                log.error("what was spoken at a handset cannot be taken away", reason=str(fault))

    async def sweep(self) -> None:
        now = self._clock()
        there = await asyncio.to_thread(self._spoken.names)
        self._over = {name: self._over.get(name, now) for name in there - {*self._on_lines()}}
        for name in [name for name, since in self._over.items() if now - since > LONGEST_CONVERSATION]:
            await asyncio.to_thread(self._spoken.remove, name)
            del self._over[name]
