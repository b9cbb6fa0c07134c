"""Every way to a payments officer, for real: no frame of any recording holds what followed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio

from tests.lab.centre import Centre
from tests.lab.interlock import AGENTS, NUMBERS, OFFICERS, interlocked, tried
from tests.lab.phones import OFFICER, Phone
from tests.lab.scripts import presses, talks
from tests.lab.stage import Act, Stage
from tests.lab.ways import PAYMENTS_NUMBER, attended_code
from tests.live.conftest import RUN

OPEN_DOOR = "[cc-door]\nexten => s,1,Return(clear)\n[cc-refused]\nexten => s,1,Hangup()\n"
GUARDED_WITHIN = 0.1  # seconds; a few milliseconds here, and a busy machine


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    async with interlocked(RUN / "interlock") as centre:
        yield centre


async def test_no_way_by_the_door_leaves_a_frame_of_what_followed(centre: Centre) -> None:
    everything = await tried(centre)
    assert {each.route.name: each.found for each in everything if each.found} == {}
    assert [each.route.name for each in everything if each.connected != each.route.connects] == []
    assert [each.route.name for each in everything if each.recorded != each.route.recorded] == []


async def test_the_measure_finds_what_followed_where_door_and_guard_are_away() -> None:
    """Else all of the above would hold of recordings in which nothing is found whatever they hold."""
    async with interlocked(RUN / "open", {"ccdaemon/cc-door.conf": OPEN_DOOR}) as centre:

        async def alone(act: Act, phone: Phone) -> None:
            centre.daemon.kill(signal.SIGKILL)
            await centre.daemon.wait()
            await asyncio.gather(attended_code(act, phone), records_anew(act))

        async def records_anew(act: Act) -> None:
            """Else, in half of the runs, the old recorder would lose what comes from a new bridge."""
            await act.connected.wait()
            (first,) = centre.site.recordings.iterdir()
            channel = (await act.channel(f"PJSIP/{act.agent}-"))["Channel"]
            await centre.pbx.cli(f"mixmonitor stop {channel}")
            await asyncio.sleep(0.1)  # as cc-connected does: the next frame that comes lets the old one go
            await centre.pbx.cli(f"mixmonitor start {channel} {str(first).replace('_1.raw', '_2.raw')},D")

        stage = Stage(centre, AGENTS, OFFICERS)
        await stage.play(alone, NUMBERS[0])
        await centre.restart_daemon()
        found = await stage.heard_after()
    assert len(found) == 2
    assert OFFICER in {tone.hertz for tones in found.values() for tone in tones}


# --- what no door can see --------------------------------------------------------------------------------------------


@asynccontextmanager
async def _with_an_officer(centre: Centre) -> AsyncIterator[tuple[str, str]]:
    """Somebody who dialled payments speaks with an officer; the names of the two channels."""
    await centre.until('not it["live"]', 15)
    over = asyncio.Event()

    async def stays(_: Phone) -> None:
        await over.wait()

    for extension in OFFICERS:
        centre.world.desk(extension, talks(OFFICER))
    call = asyncio.create_task(centre.world.call(PAYMENTS_NUMBER, presses("2", then=stays), caller="07700900900"))
    try:
        await centre.until('it["bridged"] >= 2', 30)
        legs = [each["Channel"] for each in await centre.channels() if each["BridgeId"]]
        yield next(each for each in legs if "trunk" in each), next(each for each in legs if "trunk" not in each)
    finally:
        over.set()
        await call


async def _guarded(centre: Centre, channel: str) -> float:
    """For how long the guard let a recorder of this channel run, in seconds, as the register has it."""
    async with asyncio.timeout(10):
        while True:
            for row in await centre.calls():
                for moment in (await centre.ask("call", call=row["id"]))["timeline"]:
                    if moment["kind"] == "guard" and channel in moment["detail"]["channels"]:
                        return float(moment["detail"]["exposure"])
            await asyncio.sleep(0.1)


async def test_a_recorder_that_somebody_else_starts_on_a_payment_is_stopped_and_said(centre: Centre) -> None:
    async with _with_an_officer(centre) as (caller, _):
        await centre.pbx.cli(f"mixmonitor start {caller} {centre.site.folder}/pbx/spool/foreign.wav")
        exposure = await _guarded(centre, caller)
        assert "foreign" not in await centre.pbx.cli(f"mixmonitor list {caller}")
        assert "payment-guard" in (await centre.ask("state"))["alarms"]
    print(f"a foreign recorder on a sealed call: {1000 * exposure:.1f} ms")
    assert exposure < GUARDED_WITHIN


async def test_a_bridge_that_the_manager_makes_round_the_door_ends_the_recording_and_is_said(centre: Centre) -> None:
    bridged = asyncio.Event()

    async def stays(_: Act, phone: Phone) -> None:
        await bridged.wait()
        await phone.stay(1)

    stage = Stage(centre, AGENTS, [])
    async with _with_an_officer(centre) as (_, officer), asyncio.TaskGroup() as calls:
        playing = calls.create_task(stage.play(stays, NUMBERS[-1], officer=False))
        await centre.until('it["recorders"] == 1', 30)
        agent = next(each["Channel"] for each in await centre.channels() if each["Channel"].startswith("PJSIP/12"))
        await asyncio.sleep(1)  # of ordinary conversation
        async with centre.manager() as ami:
            await ami.action("Bridge", {"Channel1": agent, "Channel2": officer})
        exposure = await _guarded(centre, agent)
        assert "payment-guard" in (await centre.ask("state"))["alarms"]
        bridged.set()
        await playing
    print(f"the manager's Bridge: {1000 * exposure:.1f} ms")
    assert exposure < GUARDED_WITHIN
