"""Three calls, told as they happen and measured when they are over.

A sleep is how long somebody talks, thinks, or lets it ring; what must have happened is waited for by itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from tests.lab.archive import save, voices
from tests.lab.centre import SOUNDS, Centre
from tests.lab.hearing import heard
from tests.lab.phones import AGENT, CALLER, CALLER_AFTER, OFFICER, Phone
from tests.lab.tones import LEFT, RIGHT, find

HOUSING, HIGHWAYS, REFUSE = "01632960111", "01632960103", "01632960104"
CLOSED = "refuse"
CALL_DEADLINE = 90.0  # seconds
TALK = 3.0  # seconds for which the agent speaks
EDGES = 0.2  # seconds that a tone may be short of
FOLLOWS = 0.4  # seconds in which topics follow what happened, a quarter of one at most; no check waits for it


@dataclass
class Chapter:
    """One call: what was told of it, and whether it was as it must be."""

    title: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    checks: list[tuple[str, bool]] = field(default_factory=list)
    recording: str | None = None
    began: float = field(default_factory=time.monotonic)

    def check(self, claim: str, holds: bool) -> None:  # noqa: FBT001 - a claim and whether it holds
        self.checks.append((claim, holds))

    @property
    def holds(self) -> bool:
        return bool(self.checks) and all(holds for _, holds in self.checks)


class Story:
    """Tells a chapter from three sources: the phones' scripts, the daemon's log and the status topics."""

    def __init__(self, centre: Centre, say: Callable[[str], None]) -> None:
        self._centre = centre
        self._say = say
        self._chapter = Chapter("")
        self._catalogue = centre.site.configuration().catalogue

    @asynccontextmanager
    async def chapter(self, title: str) -> AsyncIterator[Chapter]:
        self._chapter = Chapter(title)
        self._say(f"\n{title}")
        async with asyncio.TaskGroup() as tasks:
            listening = asyncio.Event()
            sources = [tasks.create_task(self._follow_log()), tasks.create_task(self._follow_topics(listening))]
            await listening.wait()
            yield self._chapter
            await asyncio.sleep(FOLLOWS)
            for source in sources:
                source.cancel()
        for claim, holds in self._chapter.checks:
            self._say(f"  {'yes' if holds else 'NO '}  {claim}")

    def tell(self, who: str, what: str) -> None:
        at = round(time.monotonic() - self._chapter.began, 2)
        self._chapter.lines.append({"at": at, "who": who, "what": what})
        self._say(f"  {at:6.2f}  {who:<9} {what}")

    async def _follow_log(self) -> None:
        with self._centre.daemon.log.open() as log:
            log.seek(0, 2)
            while True:
                line = log.readline()
                if not line:
                    await asyncio.sleep(0.02)
                    continue
                if not line.startswith("{"):
                    continue
                entry = json.loads(line)
                for prompt in entry.get("prompts", []):
                    language, _, name = prompt.partition("/")
                    self.tell("caller", f"hears [{language}] {self._catalogue[name][language]}")

    async def _follow_topics(self, listening: asyncio.Event) -> None:
        prefix = f"ccdaemon/{self._centre.site.configuration().site.name}/"
        known: dict[str, Any] = {}
        async with aiomqtt.Client(self._centre.site.addresses.pbx) as client:
            await client.subscribe(f"{prefix}#")
            listening.set()
            async for message in client.messages:
                topic = message.topic.value.removeprefix(prefix)
                payload = json.loads(message.payload) if message.payload else {}
                if topic == "recorders" and payload["running"] != known.get(topic, 0):
                    running = payload["running"]
                    self.tell("Asterisk", "records" if running else "records no more")
                    known[topic] = running
                elif topic.startswith("queues/") and payload.get("waiting", 0) > known.get(topic, 0):
                    self.tell("caller", f"waits in queue {topic.removeprefix('queues/')}")
                    known[topic] = payload["waiting"]


# --- the calls -------------------------------------------------------------------------------------------------------


async def takes(seconds: float) -> None:
    """People take their time: what is heard and said meanwhile is part of the story, and measured afterwards."""
    await asyncio.sleep(seconds)


async def housing_then_payments(story: Story, centre: Centre) -> Chapter:
    """In Welsh through the menu, told of the recording, an agent, by REFER to payments, an officer."""
    transferred, phones = asyncio.Event(), dict[str, Phone]()

    async def agent(phone: Phone) -> None:
        await takes(1.5)
        story.tell("agent", "answers, and speaks (620 Hz)")
        await phone.answer()
        await phone.speak(AGENT)
        await takes(TALK)
        story.tell("agent", "transfers the call to payments, 8000 (SIP REFER)")
        await phone.refer(f"sip:8000@{centre.site.addresses.pbx}:5060")
        transferred.set()
        await phone.wait_until_gone()

    async def officer(phone: Phone) -> None:
        story.tell("officer", "answers, and speaks (2600 Hz)")
        await phone.answer()
        await phone.speak(OFFICER)
        await phone.wait_until_gone()

    async def caller(phone: Phone) -> None:
        phones["caller"] = phone
        await takes(4.5)
        await phone.until_spoken_to()
        story.tell("caller", "presses 1: Welsh")
        await phone.press("1")
        await takes(3)
        await phone.until_spoken_to()
        story.tell("caller", "presses 3: risk of losing a home")
        await phone.press("3")
        await phone.speak(CALLER)
        await transferred.wait()
        await phone.speak(CALLER_AFTER)
        await takes(3)
        story.tell("caller", "hangs up")

    async with story.chapter("A call to Housing, in Welsh, and on to payments") as chapter:
        for extension in ("1001", "1002"):
            centre.world.desk(extension, agent)
        for extension in ("8001", "8002"):
            centre.world.desk(extension, officer)
        story.tell("caller", f"dials {HOUSING}")
        await asyncio.wait_for(centre.world.call(HOUSING, caller), CALL_DEADLINE)
        told = await _told(centre, expect_recording=True)
        await _measure(story, centre, chapter, told)
        prompts = [(each.language, each.prompt, each.whole) for each in heard(phones["caller"].heard, SOUNDS)]
        chapter.check(
            "the caller was greeted in Welsh first", [each[:2] for each in prompts[:1]] == [("cy", "welcome")]
        )
        chapter.check("after choosing Welsh the caller heard nothing in English", _only_welsh(prompts))
        announced = ("cy", "recording-announcement", True) in prompts
        chapter.check("the caller heard to its end that calls are recorded", announced)
    return chapter


async def highways(story: Story, centre: Centre) -> Chapter:
    """A Customer Services call, in English: no recording at all."""
    answered = asyncio.Event()

    async def agent(phone: Phone) -> None:
        story.tell("agent", "answers, and speaks (620 Hz)")
        await phone.answer()
        await phone.speak(AGENT)
        answered.set()
        await phone.wait_until_gone()

    async def caller(phone: Phone) -> None:
        await takes(1)
        await phone.until_spoken_to()
        story.tell("caller", "presses 2 while the greeting still speaks: English")
        await phone.press("2")
        await takes(1)
        await phone.until_spoken_to()
        story.tell("caller", "presses 1: a danger on the road")
        await phone.press("1")
        await phone.speak(CALLER)
        await answered.wait()
        await takes(3)
        story.tell("caller", "hangs up")

    async with story.chapter("A call to Highways, in English") as chapter:
        for extension in ("1005", "1006"):
            centre.world.desk(extension, agent)
        story.tell("caller", f"dials {HIGHWAYS}")
        await asyncio.wait_for(centre.world.call(HIGHWAYS, caller), CALL_DEADLINE)
        told = await _told(centre)
        outcomes = [moment["detail"].get("outcome") for moment in told["timeline"]]
        chapter.check("an agent answered", "answered" in outcomes)
        files = [
            *centre.site.recordings.iterdir(),
            *centre.site.folder.glob(f"state/recordings/**/*{told['call']['id']}*"),
        ]
        chapter.check("there is no recording, neither in the register nor on the disk", not told["recordings"] + files)
    return chapter


async def after_hours(story: Story, centre: Centre) -> Chapter:
    """A line that is closed says so in both languages, and what to do instead."""
    phones = dict[str, Phone]()

    async def caller(phone: Phone) -> None:
        phones["caller"] = phone
        await takes(1)
        await phone.until_spoken_to()
        story.tell("caller", "presses 1: Welsh")
        await phone.press("1")
        await phone.wait_until_gone()

    async with story.chapter("A call to Refuse, after hours") as chapter:
        story.tell("caller", f"dials {REFUSE}")
        await asyncio.wait_for(centre.world.call(REFUSE, caller), CALL_DEADLINE)
        story.tell("Asterisk", "ends the call")
        told = await _told(centre)
        prompts = [each.prompt for each in heard(phones["caller"].heard, SOUNDS)]
        chapter.check("the caller was told that the line is closed, and what to do", "refuse-closed" in prompts)
        chapter.check("the call ended with a goodbye", prompts[-1:] == ["goodbye"])
        chapter.check("nobody's phone rang", len({moment["leg"] for moment in told["timeline"] if moment["leg"]}) == 1)
    return chapter


# --- what is known afterwards ----------------------------------------------------------------------------------------


async def _told(centre: Centre, *, expect_recording: bool = False) -> dict[str, Any]:
    """The newest call, once it is over and its recording finished."""
    newest = (await centre.until('it and it[0]["ended"]', 10, "calls", since=0, until=1e12))[0]["id"]
    claim = 'it["recordings"] and all(each["file"] or each["fault"] for each in it["recordings"])'
    told: dict[str, Any] = await centre.until(claim if expect_recording else "True", 10, "call", call=newest)
    return told


async def _measure(story: Story, centre: Centre, chapter: Chapter, told: dict[str, Any]) -> None:
    (recording,) = told["recordings"]
    story.tell("recording", f"sealed in the archive as {recording['file']}, sha256 {recording['sha256'][:16]}...")
    file = centre.site.folder / "recording.wav"
    await asyncio.to_thread(save, centre.site, recording, file)
    chapter.recording = str(file)
    channels = voices(centre.site, recording)
    story.tell("recording", f"opened for this measurement: {recording['seconds']:.2f} s, agent left, caller right")
    tones = {
        (side, hertz): find(channels[side], hertz)
        for side in (LEFT, RIGHT)
        for hertz in (AGENT, CALLER, OFFICER, CALLER_AFTER)
    }
    for (side, hertz), found in tones.items():
        wanted = (side, hertz) in {(LEFT, AGENT), (RIGHT, CALLER)}
        if wanted or hertz in (OFFICER, CALLER_AFTER):
            story.tell("recording", f"{'left ' if side == LEFT else 'right'} {found}")
    agent, caller = tones[LEFT, AGENT], tones[RIGHT, CALLER]  # who spoke already when the agent answered
    chapter.check("the agent is on the left channel", agent.seconds > TALK - EDGES)
    chapter.check("the caller is on the right channel", caller.seconds > recording["seconds"] - EDGES)
    chapter.check("neither is on the other's", not tones[RIGHT, AGENT].frames + tones[LEFT, CALLER].frames)
    after = [tones[side, hertz].frames for side in (LEFT, RIGHT) for hertz in (OFFICER, CALLER_AFTER)]
    chapter.check("nothing that followed the transfer is in the recording", not any(after))
    picture = centre.site.folder / "recording.png"
    process = await asyncio.create_subprocess_exec("sox", str(file), "-n", "spectrogram", "-o", str(picture))
    await process.wait()
    story.tell("recording", f"spectrogram: {picture}")


def _only_welsh(prompts: list[tuple[str, str, bool]]) -> bool:
    chosen = [(language, prompt) for language, prompt, _ in prompts if prompt != "welcome"]
    return bool(chosen) and all(language == "cy" for language, _ in chosen)
