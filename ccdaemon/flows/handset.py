"""Leads a handset through its story: says, takes keys, does what the story asks of the world, and proves its end.

What is pressed here may be a PIN: no key is logged, or entered in the register.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Any, Protocol, TypeAlias

import structlog

from ccdaemon.flows.inbound import ANY_KEY, Gatekeeper, Question, Sounding, Sounds
from ccdaemon.model import Prompt, Site, endpoint_of
from ccdaemon.rules.handset.codes import story
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.talk import WINDING, Action, Do, End, GoTo, HangUp, Hear, Keys, Say, Speak, Story

ABOUT = "handset"  # what the dialplan's question is about (`cc-handset`)
LONGEST_CONVERSATION = 900  # seconds
SKIP = 10.0  # seconds by which a key winds
LONGEST_HEARING = 4  # times as long as a sound is: it may be wound back, and stand still
TONE, TONE_LASTS = "1000", "0.4"  # Hz and seconds, as callers hear it who leave a message (cc-message)
SILENCE = 8  # seconds, which end what is recorded
MARGIN = 10.0  # seconds beyond its longest time

Doing: TypeAlias = Callable[[Any, Line], Awaitable[object]]

log = structlog.get_logger()


class Handset(Protocol):
    """The channel of a phone. Each method raises once it has hung up."""

    async def play(self, file: str, escape: str = "") -> Sounding: ...

    async def keys(self, file: str, most: int, seconds: float) -> str: ...

    async def wind(self, file: str, stops: str, winding: tuple[str, str, str], skip: float, within: float) -> str: ...

    async def set(self, name: str, value: str) -> None: ...

    async def get(self, name: str) -> str | None: ...

    async def execute(self, application: str, *arguments: str, within: float = ...) -> str: ...


class Handsets:
    """Answers what handsets ask, any number of them at a time."""

    def __init__(
        self,
        site: Callable[[], Site],
        gatekeeper: Gatekeeper,
        sounds: Sounds,
        doing: Mapping[type[Do], Doing],
        clock: Callable[[], float],
    ) -> None:
        self._site = site
        self._gatekeeper = gatekeeper
        self._sounds = sounds
        self._doing = doing
        self._clock = clock

    async def answer(self, question: Question, channel: str, leg: str, handset: Handset) -> None:
        """Lead one conversation to its end, and say in CC_RESULT how the dialplan goes on."""
        if not self._gatekeeper.admits(question, self._clock()):
            log.warning("a handset's question that is not from our dialplan, or late, or asked twice: not answered")
            return
        await _bound(handset, LONGEST_CONVERSATION)
        site = self._site()
        phone = site.phone_at(endpoint_of(channel))
        if phone is None or not channel.startswith("PJSIP/"):
            log.error(
                "a handset that is no phone of the site: write it into [phones] of ccdaemon.toml", channel=channel
            )
            return
        told = story(site, phone, question.value)
        if told is None:
            log.error("the dialplan asks what we do not know: install the one of this version", about=question.about)
            return
        end = await self._lead(told, Line(phone, channel, leg, question.call), handset)
        await self._gatekeeper.prove(question, _result(end), handset)

    async def _lead(self, told: Story, line: Line, handset: Handset) -> End:
        came: object = None
        try:
            while True:
                came = await self._carry_out(told.send(came), line, handset)
        except StopIteration as over:
            end: End = over.value
            return end
        finally:
            told.close()
            line.after.close()

    async def _carry_out(self, action: Action, line: Line, handset: Handset) -> object:
        match action:
            case Say(prompts):
                for file in self._files(prompts):
                    await handset.play(file)
                return None
            case Keys(prompts, most, wait):
                return await self._take(self._files(prompts), most, wait, handset)
            case Hear(sound, seconds, stops):
                within = LONGEST_CONVERSATION + LONGEST_HEARING * seconds
                await _bound(handset, within)
                key = await handset.wind(sound, stops, WINDING, SKIP, within)
                await _bound(handset, LONGEST_CONVERSATION)
                return key
            case Speak():
                return await self._record(action, handset)
            case Do():
                return await self._doing[type(action)](action, line)

    async def _take(self, files: list[str], most: int, wait: float, handset: Handset) -> str:
        """Keys from the first one on, whichever prompt it cuts short."""
        for file in files[:-1]:
            if (first := (await handset.play(file, ANY_KEY)).digit) is not None:
                return "" if first == "#" else first + (await handset.keys("", most - 1, wait) if most > 1 else "")
        return await handset.keys(files[-1] if files else "", most, wait)

    async def _record(self, wanted: Speak, handset: Handset) -> str:
        """Whoever hangs up meanwhile has spoken nothing, unless that is to be kept: then Record() has an option, k."""
        options = "kq" if wanted.keeps else "q"
        await handset.execute("PlayTones", TONE)
        await handset.execute("Wait", TONE_LASTS)
        await handset.execute("StopPlayTones")
        about = (f"{wanted.file}.sln", str(SILENCE), str(ceil(wanted.most)), options)
        await handset.execute("Record", *about, within=wanted.most + MARGIN)
        return await handset.get("RECORD_STATUS") or ""

    def _files(self, prompts: tuple[Prompt, ...]) -> list[str]:
        return [file for prompt in prompts if (file := self._sounds.file(prompt)) is not None]


async def _bound(handset: Handset, seconds: float) -> None:
    """From now on."""
    await handset.set("TIMEOUT(absolute)", f"{seconds:.0f}")


def _result(end: End) -> str:
    """In the words of `cc-do`."""
    match end:
        case GoTo(words):
            return ":".join(words)
        case HangUp():
            return "goodbye"
