"""Parking spaces and conference rooms, as agents use them who have nothing to do with payments."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest_asyncio

from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import Phone
from tests.lab.site import ROOT, SAMPLES, queues
from tests.lab.stage import Act, Stage
from tests.lab.ways import ASSIST, HOUSING
from tests.live.conftest import RUN

ONE, OTHER = "1001", "1003"
PARKED = 4  # seconds until whom nobody fetches comes back, or whom nobody meets in a room
FULL = 10  # in a room
TALK = 1.5  # seconds


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Housing has one agent, who answers whoever comes back; a parked caller comes back soon."""
    parking = (SAMPLES / "res_parking.conf").read_text().replace("parkingtime = 120", f"parkingtime = {PARKED}")
    rooms = (ROOT / "dialplan" / "cc-meet.conf").read_text().replace("> 0],60,", f"> 0],{PARKED},")
    files = {
        "queues.conf": queues(housing=[ONE], assist=[OTHER]),
        "res_parking.conf": parking,
        "ccdaemon/cc-meet.conf": rooms,
    }
    async with contact_centre(RUN / "meetings", asterisk=files) as centre:
        yield centre


async def _timeline(centre: Centre, dialled: str = "+") -> list[dict[str, Any]]:
    """What happened to the newest call from outside, to a number."""
    newest = next(row["id"] for row in await centre.calls() if (row["dialled"] or "").startswith(dialled))
    timeline: list[dict[str, Any]] = (await centre.ask("call", call=newest))["timeline"]
    return timeline


async def _queued(centre: Centre, dialled: str = "+") -> int:
    """How often its caller has waited for a person."""
    return sum(moment["kind"] == "joined queue" for moment in await _timeline(centre, dialled))


async def _dials(act: Act, extension: str, number: str, doing: str, theirs: str = "") -> None:
    """Another phone dials a number, meets the caller there, and speaks with them for a while."""
    met = asyncio.Event()

    async def meets(phone: Phone) -> None:
        mine = await act.channel(f"PJSIP/{extension}-", bridged=True, doing=doing)
        caller = await act.channel("PJSIP/trunk-", bridged=True, doing=theirs)
        if caller["BridgeId"] == mine["BridgeId"]:
            met.set()
        await phone.stay(TALK)

    await act.line(number, meets, extension)
    assert met.is_set()


async def test_a_colleague_fetches_who_is_parked_and_nothing_is_sealed(centre: Centre) -> None:
    async def parks(act: Act, phone: Phone) -> None:
        await phone.refer(act.sip("*71"))
        await _dials(act, OTHER, "*71", "ParkedCall")

    await centre.until('not it["live"]', 15)
    act = await Stage(centre, [ONE], []).play(parks, HOUSING, officer=False)
    assert act.leg
    assert not [moment for moment in await _timeline(centre) if moment["kind"] in {"door", "refusal", "guard"}]


async def test_a_caller_is_parked_by_an_attended_transfer_too(centre: Centre) -> None:
    async def parks(act: Act, phone: Phone) -> None:
        async def transfers(second: Phone) -> None:
            await asyncio.sleep(TALK)  # "nobody is waiting here"
            await phone.refer(f"{act.sip('*72')}?Replaces={quote(await second.replaces(), safe='')}")

        await act.line("*72", transfers, ONE)
        await _dials(act, OTHER, "*72", "ParkedCall")

    await centre.until('not it["live"]', 15)
    await Stage(centre, [ONE], []).play(parks, HOUSING, officer=False)


async def test_whom_nobody_fetches_is_back_with_a_person(centre: Centre) -> None:
    async def parks(act: Act, phone: Phone) -> None:
        await phone.refer(act.sip("*73"))
        await asyncio.sleep(PARKED)
        await act.channel(f"PJSIP/{ONE}-", bridged=True)
        await asyncio.sleep(TALK)

    await centre.until('not it["live"]', 15)
    await Stage(centre, [ONE], []).play(parks, HOUSING, officer=False)
    assert await _queued(centre) == 2


async def test_who_is_sent_to_a_space_that_is_taken_is_back_with_a_person(centre: Centre) -> None:
    over = asyncio.Event()

    async def takes_it(act: Act, phone: Phone) -> None:
        await phone.refer(act.sip("*74"))
        await over.wait()

    async def parks(act: Act, phone: Phone) -> None:
        other = asyncio.create_task(stage.play(takes_it, ASSIST, officer=False))
        await act.channel("PJSIP/trunk-", bridged=True, doing="Park")
        await phone.refer(act.sip("*74"))
        await act.channel(f"PJSIP/{ONE}-", bridged=True)
        await asyncio.sleep(TALK)
        over.set()
        await other

    await centre.until('not it["live"]', 15)
    stage = Stage(centre, [ONE, OTHER], [])
    await stage.play(parks, HOUSING, officer=False)
    assert await _queued(centre, "+441632960111") == 2


async def test_whom_nobody_meets_in_a_room_is_back_with_a_person(centre: Centre) -> None:
    async def brings(act: Act, phone: Phone) -> None:
        await phone.refer(act.sip("*62"))
        await act.channel(f"PJSIP/{ONE}-", bridged=True)
        await asyncio.sleep(TALK)

    await centre.until('not it["live"]', 15)
    await Stage(centre, [ONE], []).play(brings, HOUSING, officer=False)
    assert await _queued(centre) == 2


async def test_a_room_takes_ten_and_the_next_one_is_told_so(centre: Centre) -> None:
    over = asyncio.Event()
    last: list[Phone] = []

    async def stays(_: Phone) -> None:
        await over.wait()

    async def listens(phone: Phone) -> None:
        last.append(phone)
        await phone.wait_until_gone()

    await centre.until('not it["live"]', 15)
    async with asyncio.timeout(60), asyncio.TaskGroup() as calls:
        for _ in range(FULL):
            calls.create_task(centre.world.call("*63", stays, via=OTHER, caller=OTHER))
        while sum(each["Application"] == "ConfBridge" for each in await centre.channels()) < FULL:
            await asyncio.sleep(0.1)
        await centre.world.call("*63", listens, via=OTHER, caller=OTHER)
        over.set()
    assert "meeting-refused" in {each.prompt for each in heard(last[0].heard, SOUNDS)}


async def test_whoever_is_brought_into_a_room_is_back_with_a_person_once_the_last_phone_has_left(
    centre: Centre,
) -> None:
    async def brings(act: Act, phone: Phone) -> None:
        async with asyncio.TaskGroup() as both:  # a REFER is under way until the room is joined
            both.create_task(phone.refer(act.sip("*61")))
            both.create_task(_dials(act, OTHER, "*61", "ConfBridge", "ConfBridge"))
        await act.channel(f"PJSIP/{ONE}-", bridged=True)
        await asyncio.sleep(TALK)

    await centre.until('not it["live"]', 15)
    await Stage(centre, [ONE], []).play(brings, HOUSING, officer=False)
    assert await _queued(centre) == 2


async def test_while_the_daemon_hangs_nobody_joins_and_is_told_so_and_the_call_shows_it(centre: Centre) -> None:
    phones: list[Phone] = []

    async def listens(phone: Phone) -> None:
        phones.append(phone)
        await phone.wait_until_gone()

    await centre.until('not it["live"]', 15)
    before = len(await centre.calls())
    await centre.pbx.cli("dialplan set global CC_DOOR_WAIT 2")
    centre.daemon.kill(signal.SIGSTOP)
    async with asyncio.timeout(60):
        await centre.world.call("*61", listens, via=OTHER, caller=OTHER)
    centre.daemon.kill(signal.SIGCONT)
    assert "meeting-refused" in {each.prompt for each in heard(phones[0].heard, SOUNDS)}
    (newest, *_) = await centre.until(f"len(it) > {before}", 15, "calls", since=0, until=1e12)  # it has to catch up
    told = await centre.until('any(m["kind"] == "refusal" for m in it["timeline"])', 15, "call", call=newest["id"])
    (refusal,) = [moment for moment in told["timeline"] if moment["kind"] == "refusal"]
    assert refusal["detail"] == {"about": "conference", "service": ""}
