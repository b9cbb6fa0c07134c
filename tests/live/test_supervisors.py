"""Supervisors at real handsets: who hears whom, by tones in 20 ms frames, and what is written down of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest_asyncio
from typer.testing import CliRunner

from ccdaemon.cli import app
from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import AGENT, CALLER, OFFICER, Phone
from tests.lab.scripts import PAYMENTS, presses
from tests.lab.site import queues
from tests.lab.supervisors import CAREFUL, LISTENER, SUPERVISOR, WRONG_PIN, dials, supervisors
from tests.lab.tones import FRAME, RATE, find, levels, read_capture
from tests.lab.watched import watched
from tests.lab.ways import HOUSING
from tests.live.conftest import RUN

AGENTS = ["1001", "1002"]
SPOKEN = 2.0  # seconds in each mode
SETTLES = 0.7  # seconds after a key
SILENT = -60.0  # dBFS
TONE = 1004  # Hz: by which agents are told that somebody listens (cc-watched)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    async with contact_centre(
        RUN / "supervisors",
        asterisk={"queues.conf": queues(housing=AGENTS)},
        changes={**supervisors(), "\ntone = false ": "\ntone = true "},
    ) as centre:
        yield centre


@dataclass
class Talk:
    """A caller and an agent in a conversation, until `over`."""

    talking: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    phones: dict[str, Phone] = field(default_factory=dict)

    async def agent(self, phone: Phone) -> None:
        self.phones["agent"] = phone
        await phone.answer()
        await phone.speak(AGENT)
        self.talking.set()
        await phone.wait_until_gone()

    async def caller(self, phone: Phone) -> None:
        self.phones["caller"] = phone
        await phone.speak(CALLER)
        await self.over.wait()


@asynccontextmanager
async def _talking(centre: Centre, talk: Talk) -> AsyncIterator[asyncio.TaskGroup]:
    """A caller of Housing with an agent, to the end of which it lasts."""
    async with asyncio.timeout(90), asyncio.TaskGroup() as going:
        going.create_task(centre.world.call(HOUSING, presses("2", "0", then=talk.caller)))
        await talk.talking.wait()
        await centre.until('it["bridged"] >= 2', 10)
        yield going


async def _supervised(centre: Centre, since: int, rows: int) -> list[dict[str, Any]]:
    """What was written down after the first so many rows, once it is so many more."""
    async with asyncio.timeout(5):
        while len(found := (await _supervision(centre))[since:]) < rows:
            await asyncio.sleep(0.1)
    return found


async def _supervision(centre: Centre) -> list[dict[str, Any]]:
    rows = await centre.calls()
    found = []
    for row in rows:
        told = await centre.ask("call", call=row["id"])
        found += [moment for moment in told["timeline"] if moment["kind"] == "supervision"]
    return [each["detail"] for each in sorted(found, key=lambda each: each["at"])]


async def test_listen_is_heard_by_nobody_whisper_by_the_agent_and_barge_by_both(centre: Centre) -> None:
    talk, clock = Talk(), asyncio.get_running_loop().time
    spans: dict[str, tuple[float, float]] = {}

    async def supervises(phone: Phone) -> None:
        talk.phones["supervisor"] = phone
        await phone.stay(1)
        for mode, key in (("listen", ""), ("whisper", "5"), ("barge", "6"), ("listen again", "4")):
            if key:
                await phone.press(key)
            await phone.speak(SUPERVISOR)
            await phone.stay(SETTLES)
            began = clock()
            await phone.stay(SPOKEN)
            spans[mode] = began, clock()
        talk.over.set()

    centre.world.desk("*", talk.agent)
    async with _talking(centre, talk) as going:
        (key,) = [key for key in (f"*90{each}" for each in AGENTS) if await centre.light(key) == "InUse"]
        going.create_task(dials(centre, CAREFUL, key, supervises))
        await talk.over.wait()
        over = clock()
    captures = {name: read_capture(await phone.whole()) for name, phone in talk.phones.items()}
    pieces = {
        (mode, name): captures[name][-int((over - began) * RATE) : -int((over - ended) * RATE) or None]
        for mode, (began, ended) in spans.items()
        for name in ("agent", "caller")
    }
    found = {where: find(piece, SUPERVISOR) for where, piece in pieces.items()}
    hear = {where for where, tone in found.items() if tone.seconds > SPOKEN * 0.8}
    assert hear == {("whisper", "agent"), ("barge", "agent"), ("barge", "caller")}
    # A click of a busy machine is in every band, for a moment: a tone stands out of the bands beside it, or stays.
    assert {where: str(tone) for where, tone in found.items() if tone.frames and where not in hear} == {}
    stays = {where: np.median(levels(piece, SUPERVISOR)) for where, piece in pieces.items() if where not in hear}
    assert max(stays.values()) < SILENT, stays
    assert 0.2 < find(captures["agent"], TONE).pure * FRAME / RATE < 0.6  # once, whatever mode comes then
    listening = captures["caller"][-int((over - spans["listen"][0] + SETTLES + 1) * RATE) :]
    assert find(listening, TONE).frames == ()
    for hertz in (AGENT, CALLER):
        assert (levels(captures["supervisor"], hertz) > SILENT).sum() * FRAME / RATE > 3 * SPOKEN
    supervision = await _supervised(centre, 0, 5)
    assert [(each["did"], each["mode"]) for each in supervision] == [
        ("joined", "listen"),
        ("changed", "whisper"),
        ("changed", "barge"),
        ("changed", "listen"),
        ("left", "listen"),
    ]
    assert {(each["who"], each["service"]) for each in supervision} == {("careful", "housing")}
    assert supervision[-1]["seconds"] > 4 * SPOKEN


async def test_a_call_to_payments_throws_the_supervisor_off_with_a_word_and_cannot_be_joined(centre: Centre) -> None:
    talk = Talk()
    joined, said_no = asyncio.Event(), asyncio.Event()
    officers: list[Phone] = []

    async def agent(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(AGENT)
        talk.talking.set()
        await joined.wait()
        await phone.refer(f"sip:{PAYMENTS}@{centre.site.addresses.pbx}:5060")
        await phone.wait_until_gone()

    async def officer(phone: Phone) -> None:
        officers.append(phone)
        await phone.answer()
        await phone.speak(OFFICER)
        await said_no.wait()
        talk.over.set()
        await phone.wait_until_gone()

    async def supervises(phone: Phone) -> None:
        talk.phones["supervisor"] = phone
        await phone.stay(2)
        joined.set()
        await phone.wait_until_gone()

    async def tries(phone: Phone) -> None:
        talk.phones["tries"] = phone
        await phone.wait_until_gone()
        said_no.set()

    for extension in AGENTS:
        centre.world.desk(extension, agent)
    for extension in ("8001", "8002"):
        centre.world.desk(extension, officer)
    before = len(await _supervision(centre))
    async with _talking(centre, talk):
        await dials(centre, CAREFUL, "*90", supervises)
        await _until(lambda: bool(officers))
        await dials(centre, CAREFUL, f"*90{8001}", tries)
        await dials(centre, CAREFUL, "*90", tries)
    assert "spy-payments" in {each.prompt for each in heard(await talk.phones["supervisor"].whole(), SOUNDS)}
    capture = read_capture(talk.phones["supervisor"].heard)
    assert find(capture, OFFICER).pure == 0
    supervision = await _supervised(centre, before, 4)
    assert supervision[1]["did"] in {"thrown off", "left"}  # the agent's own leg may be gone first
    assert [(each["did"] == "refused", each["reason"]) for each in supervision] == [
        (False, None),
        (False, "the call goes to payments"),
        (True, "the call is with payments"),
        (True, "none of their services has a call"),
    ]


async def test_who_may_only_listen_stays_there_and_a_wrong_pin_hears_nothing(centre: Centre) -> None:
    talk = Talk()

    async def supervises(phone: Phone) -> None:
        talk.phones["supervisor"] = phone
        await phone.stay(1)
        await phone.press("5")
        await phone.speak(SUPERVISOR)
        await phone.stay(SPOKEN)

    async def tries(phone: Phone) -> None:
        talk.phones["tries"] = phone
        await phone.until_spoken_to()
        await phone.press("#")
        await phone.until_spoken_to()
        await phone.press("#")
        await phone.wait_until_gone()
        talk.over.set()

    centre.world.desk("*", talk.agent)
    for extension in AGENTS:
        centre.world.desk(extension, talk.agent)
    before = len(await _supervision(centre))
    async with _talking(centre, talk):
        await dials(centre, LISTENER, "*90", supervises)
        await dials(centre, LISTENER, "*91", tries)
        await dials(centre, CAREFUL, "*90", tries, pin=WRONG_PIN)
    assert find(read_capture(await talk.phones["agent"].whole()), SUPERVISOR).frames == ()
    assert find(read_capture(await talk.phones["tries"].whole()), AGENT).pure == 0
    supervision = await _supervised(centre, before, 4)
    assert [(each["did"], each["mode"], each["reason"]) for each in supervision] == [
        ("joined", "listen", None),
        ("left", "listen", None),
        ("refused", None, "may not whisper"),
        ("refused", None, "the PIN was wrong"),
    ]


async def test_a_restart_of_the_daemon_keeps_who_was_let_in_and_hangs_up_who_listens_to_nobody_knows_whom(
    centre: Centre,
) -> None:
    talk = Talk()
    again = asyncio.Event()

    async def supervises(phone: Phone) -> None:
        await phone.stay(1)
        centre.daemon.kill(signal.SIGKILL)
        await centre.daemon.wait()
        await centre.restart_daemon()
        await centre.until('it["synchronised"]', 15)
        again.set()
        await phone.stay(2)
        assert not phone.gone.is_set()
        talk.over.set()

    for extension in AGENTS:
        centre.world.desk(extension, talk.agent)
    before = len(await _supervision(centre))
    async with _talking(centre, talk):
        await dials(centre, CAREFUL, "*90", supervises)
    supervision = await _supervised(centre, before, 3)
    assert [(each["did"], each["reason"]) for each in supervision] == [
        ("joined", None),
        ("joined", "found after a restart"),
        ("left", None),
    ]


async def test_who_guesses_is_locked_out_until_somebody_unlocks_them(centre: Centre) -> None:
    async def guesses(phone: Phone) -> None:
        for _ in range(2):
            await phone.until_spoken_to()
            await phone.press(f"{WRONG_PIN}#")
        await phone.wait_until_gone()

    async def waits(phone: Phone) -> None:
        said.append(phone)
        await phone.wait_until_gone()

    said: list[Phone] = []
    for _ in range(2):
        await dials(centre, LISTENER, "*90", guesses, pin=WRONG_PIN)
    await dials(centre, LISTENER, "*90", waits)  # the right one is of no use
    assert "pin-locked" in {each.prompt for each in heard(await said[0].whole(), SOUNDS)}
    config = ["--config", str(centre.site.config)]
    listed = await asyncio.to_thread(CliRunner().invoke, app, ["supervisors", "list", *config])
    assert "locked for" in listed.output
    done = await asyncio.to_thread(CliRunner().invoke, app, ["supervisors", "unlock", "listener", *config])
    assert "listener may try again at once" in done.output
    await dials(centre, LISTENER, "*90", waits)
    assert "spy-nobody" in {each.prompt for each in heard(await said[1].whole(), SOUNDS)}


async def test_supervisors_in_a_crowd_harm_no_call_and_everything_is_written_down() -> None:
    seen = await watched(RUN / "watched", calls=4, spying=2, seconds=12)
    assert seen.pressed > 4
    assert seen.rows["joined"] >= 2


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.05)
