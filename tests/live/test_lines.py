"""Every line of the council, dialled for real in both languages: where it lands, and what is recorded of it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.lab.archive import finished, voices
from tests.lab.centre import SOUNDS, Centre
from tests.lab.hearing import heard
from tests.lab.phones import AGENT, CALLER, CALLER_AFTER, OFFICER, Phone
from tests.lab.scripts import presses, talks, transfers
from tests.lab.site import ROOT
from tests.lab.tones import LEFT, RIGHT, find
from tests.live.conftest import Eavesdropper

LANGUAGES = ("cy", "en")
RECORDED = {"housing", "assist"}
TALK = 2.0  # seconds before an agent transfers
AT_ONCE = 8  # calls


class Line:
    """One call to one line in one language, and what came of it."""

    def __init__(self, centre: Centre, service: str, language: str, number: int) -> None:
        self.service, self.language = service, language
        self.caller = f"0770090{number:04d}"
        self.heard: list[tuple[str, str]] = []
        self.told: dict[str, Any] = {}
        self._centre = centre
        self._service = centre.site.configuration().site.services[service]

    @property
    def expected_queue(self) -> str:
        return self._service.queue.by_language.get(self.language, self._service.queue.name)

    async def call(self) -> None:
        """Choose the language, press 0 for a person where there is a menu, talk until the transfer is through."""
        keys = [str(LANGUAGES.index(self.language) + 1)] if len(self._service.languages) > 1 else []
        keys += ["0"] if "main" in self._service.menus else []
        phones: list[Phone] = []

        async def hold(phone: Phone) -> None:
            phones.append(phone)
            await self._until_with("payments")
            await phone.speak(CALLER_AFTER)
            await asyncio.sleep(1.5)  # of speech with the officer

        number = "0" + self._service.numbers[0].removeprefix("+44")
        await self._centre.world.call(number, presses(*keys, then=hold), caller=self.caller)
        self.heard = [(each.language, each.prompt) for each in heard(phones[0].heard, SOUNDS)]

    async def finish(self) -> None:
        row = await self._row()
        assert row is not None, f"{self.service} in {self.language} is not in the register"
        claim = 'it["call"]["ended"] and all(each["file"] or each["fault"] for each in it["recordings"])'
        self.told = await self._centre.until(claim, 10, "call", call=row["id"])

    def queues(self) -> list[str]:
        return [moment["detail"]["queue"] for moment in self.told["timeline"] if moment["kind"] == "joined queue"]

    def talk(self) -> float:
        """Seconds from the answer of the first agent to the transfer, as the register tells it."""
        (answered, *_) = (moment["at"] for moment in self.told["timeline"] if moment["kind"] == "entered bridge")
        (transferred,) = (moment["at"] for moment in self.told["timeline"] if moment["kind"] == "blind transfer")
        return float(transferred - answered)

    async def _row(self) -> dict[str, Any] | None:
        rows = [row for row in await self._centre.calls() if row["number"] == f"+44{self.caller[1:]}"]
        return rows[0] if rows else None

    async def _until_with(self, service: str) -> None:
        """Until this call is answered in the queue of a service."""
        async with asyncio.timeout(60):
            while True:
                if (row := await self._row()) is not None:
                    told = await self._centre.ask("call", call=row["id"])
                    for moment in told["timeline"]:
                        queue, outcome = moment["detail"].get("queue", ""), moment["detail"].get("outcome")
                        if outcome == "answered" and queue.startswith(service):
                            return
                await asyncio.sleep(0.1)


async def test_every_line_lands_in_its_queue_and_only_housing_and_assist_leave_a_clean_recording(
    centre: Centre,
) -> None:
    site = centre.site.configuration().site
    for phone in site.phones.values():
        payments = phone.service == site.payments
        centre.world.desk(phone.extension, talks(OFFICER) if payments else transfers(_payments(centre), TALK))
    wanted = [(service.id, language) for service in site.services.values() for language in service.languages]
    lines = [
        Line(centre, service, language, number)
        for number, (service, language) in enumerate(wanted)
        if service != "refuse"  # closed in this centre
    ]
    door = asyncio.Semaphore(AT_ONCE)

    async def one(line: Line) -> None:
        async with door:
            await line.call()

    async with asyncio.TaskGroup() as calls:
        for line in lines:
            calls.create_task(one(line))
    for line in lines:
        await line.finish()
    assert {(line.service, line.language): line.queues()[0] for line in lines} == {
        (line.service, line.language): line.expected_queue for line in lines
    }
    assert {line.told["call"]["language"] for line in lines} == {"cy", "en"}
    for line in lines:
        assert line.told["call"]["language"] == line.language
        assert line.told["call"]["tier"] == 1
        _expect_languages(line)
        if line.service in RECORDED:
            _expect_clean_recording(centre, line)
        else:
            assert line.told["recordings"] == [], line.service
    recorded = {line.told["call"]["id"] for line in lines if line.service in RECORDED}
    files = [file.name for file in finished(centre.site)]
    assert sorted(name.split("_")[2] for name in files if name.split("_")[2] in recorded) == sorted(recorded)


def _payments(centre: Centre) -> str:
    return f"sip:8000@{centre.site.addresses.pbx}:5060"


def _expect_languages(line: Line) -> None:
    """After the question, everything was said in the language that was chosen."""
    said = {language for language, prompt in line.heard if prompt != "welcome"}
    assert said <= {line.language}, (line.service, line.language, line.heard)
    assert said, (line.service, line.language)
    announced = (line.language, "recording-announcement") in line.heard
    assert announced == (line.service in RECORDED), (line.service, line.heard)


def _expect_clean_recording(centre: Centre, line: Line) -> None:
    """Each voice on its own channel for the whole talk, nothing from before the answer or after the transfer."""
    (recording,) = line.told["recordings"]
    assert recording["fault"] is None
    left, right = voices(centre.site, recording)
    length = len(left) / 8000
    assert abs(length - recording["seconds"]) < 0.001
    talk = line.talk()
    assert abs(length - talk) < 0.3, f"{length} s were recorded of {talk} s of talk"
    assert find(left, AGENT).seconds > TALK - 0.2  # all that the agent said
    assert find(right, CALLER).seconds > length - 0.2  # who spoke already when the agent answered
    for channel, foreign in (
        (left, CALLER),
        (right, AGENT),
        *((c, h) for c in (left, right) for h in (OFFICER, CALLER_AFTER)),
    ):
        assert find(channel, foreign).frames == (), (
            line.service,
            LEFT if channel is left else RIGHT,
            str(find(channel, foreign)),
        )


async def test_status_was_published_and_nothing_personal_in_it_nor_in_the_log(
    centre: Centre, eavesdropper: Eavesdropper
) -> None:
    """Runs after the calls above: their numbers, in any spelling, are looked for in all that left the daemon."""
    topics = {topic.removeprefix("ccdaemon/example/") for topic, _ in eavesdropper.messages}
    assert {"daemon", "ami", "calls", "recorders", "queues/housing", "queues/housing-cy"} <= topics
    numbers = {row["number"].removeprefix("+44") for row in await centre.calls() if row["number"]}
    assert numbers, "no calls were made"
    published = b"\n".join(payload for _, payload in eavesdropper.messages).decode()
    logged = centre.daemon.log.read_text()
    assert '"level": "debug"' in logged
    assert [number for number in numbers if number in published or number in logged] == []


async def test_the_demo_tells_its_story_and_holds() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.lab.demo", "--json", stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    async with asyncio.timeout(120):
        said, _ = await process.communicate()
    report = json.loads(said.decode().splitlines()[-1])
    assert report["holds"], [check for chapter in report["chapters"] for check in chapter["checks"]]
    assert process.returncode == 0
    assert Path(report["recording"]).stat().st_size > 16_000
