"""What leads round the payments door: closed by our configuration, or where a site has opened it, seen by the guard."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.lab.archive import finished, voices, whose
from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import OFFICER, Phone
from tests.lab.scripts import lets_it_ring, presses, talks
from tests.lab.site import ROOT, SAMPLES, queues
from tests.lab.stage import Act, Stage
from tests.lab.tones import find, read_capture
from tests.lab.ways import ASSIST, HOUSING, PAYMENTS_NUMBER, attended_code
from tests.live.conftest import RUN

GUARDED_WITHIN = 0.1  # seconds; a few milliseconds here, and a busy machine
AGENT, LOCAL, OFFICER_WHO_DIALS = "1001", "1299", "8101"
OFFICERS = ["8001", "8002"]
SUPERVISORS = {"1301": "*80", "1302": "*81", "1303": "*82"}  # who listens, whispers, and barges

# What a site may have opened, against `ccdaemon check`; TARGET is the channel of an agent who is recorded.
OPENED = """
[cc-internal](+)
exten => _*80X.,1,ChanSpy(PJSIP/${EXTEN:3},q)
exten => _*81X.,1,ChanSpy(PJSIP/${EXTEN:3},qw)
exten => _*82X.,1,ChanSpy(PJSIP/${EXTEN:3},qB)
exten => *83,1,Answer()
 same => n,Bridge(${TARGET})
exten => *84,1,Answer()
 same => n,BridgeAdd(${TARGET})
exten => _*85X.,1,PickupChan(PJSIP/${EXTEN:3},p)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    members = queues(housing=[AGENT], assist=[]).replace(
        "[assist](cc-queue)\n", f"[assist](cc-queue)\nmember => Local/{LOCAL}@cc-extensions\n"
    )
    files = {"queues.conf": members, "extensions.conf": (SAMPLES / "extensions.conf").read_text() + OPENED}
    phones = [LOCAL, OFFICER_WHO_DIALS, *SUPERVISORS]
    async with contact_centre(RUN / "round", more_phones=phones, asterisk=files) as centre:
        yield centre


# --- the guard -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _with_an_officer(centre: Centre) -> AsyncIterator[tuple[str, str]]:
    """Somebody who dialled payments speaks with an officer; the names of the two channels."""
    over = asyncio.Event()

    async def stays(_: Phone) -> None:
        await over.wait()

    for extension in OFFICERS:
        centre.world.desk(extension, talks(OFFICER))
    call = asyncio.create_task(centre.world.call(PAYMENTS_NUMBER, presses("2", then=stays), caller="07700900900"))
    try:
        officer = await Act(centre, "", 0).channel("PJSIP/8", bridged=True)
        bridged = [each for each in await centre.channels() if each["BridgeId"] == officer["BridgeId"]]
        yield next(each["Channel"] for each in bridged if "trunk" in each["Channel"]), officer["Channel"]
    finally:
        over.set()
        await call


async def _guarded(centre: Centre, channel: str) -> float:
    """For how long the guard let a recorder of this channel run, in seconds, as the register has it."""
    async with asyncio.timeout(10):
        while True:
            for row in await centre.calls():
                for moment in (await centre.ask("call", call=row["id"]))["timeline"]:
                    if moment["kind"] == "guard" and channel in str(moment["detail"]["channels"]):
                        return float(moment["detail"]["exposure"])
            await asyncio.sleep(0.1)


async def test_a_recorder_that_somebody_else_starts_on_a_payment_is_stopped_and_said(centre: Centre) -> None:
    await centre.until('not it["live"]', 15)
    async with _with_an_officer(centre) as (caller, _):
        await centre.pbx.cli(f"mixmonitor start {caller} {centre.site.folder}/pbx/spool/foreign.wav")
        exposure = await _guarded(centre, caller)
        assert "foreign" not in await centre.pbx.cli(f"mixmonitor list {caller}")
        assert "payment-guard" in (await centre.ask("state"))["alarms"]
    print(f"a foreign recorder on a sealed call: {1000 * exposure:.1f} ms")
    assert exposure < GUARDED_WITHIN


async def _manager(act: Act, agent: str) -> None:
    """Another program takes the agent to an officer who speaks with somebody else."""
    async with _with_an_officer(act.centre) as (_, officer):
        await act.manage("Bridge", {"Channel1": agent, "Channel2": officer})
        await asyncio.sleep(1)


def _dials(code: str) -> Callable[[Act, str], Coroutine[Any, Any, None]]:
    """An officer dials what a site has opened."""

    async def dials(act: Act, agent: str) -> None:
        await act.centre.pbx.cli(f"dialplan set global TARGET {agent}")

        async def speaks(officer: Phone) -> None:
            await officer.speak(OFFICER)
            await officer.stay(2)

        await act.line(code, speaks, OFFICER_WHO_DIALS)

    return dials


@pytest.mark.parametrize(
    "joins",
    [
        pytest.param(_manager, id="Bridge of the manager"),
        pytest.param(_dials("*83"), id="Bridge()"),
        pytest.param(_dials("*84"), id="BridgeAdd()"),
    ],
)
async def test_who_is_joined_to_an_officer_round_the_door_is_recorded_for_milliseconds_and_it_is_said(
    centre: Centre, joins: Callable[[Act, str], Coroutine[Any, Any, None]]
) -> None:
    exposures: list[float] = []

    async def way(act: Act, phone: Phone) -> None:
        agent = (await act.channel(f"PJSIP/{act.agent}-"))["Channel"]
        joining = asyncio.create_task(joins(act, agent))
        exposures.append(await _guarded(centre, agent))
        await joining
        phone.hang_up()

    await centre.until('not it["live"]', 15)
    stage = Stage(centre, [AGENT], [])
    act = await stage.play(way, HOUSING, officer=False)
    assert "payment-guard" in (await centre.ask("state"))["alarms"]
    await stage.heard_after()
    (file,) = (each for each in finished(centre.site) if whose(each)["leg"] == act.leg)
    heard = max(find(channel, OFFICER).seconds for channel in voices(centre.site, whose(file)))
    print(f"{1000 * exposures[0]:.1f} ms until it was stopped; an officer in {1000 * heard:.0f} ms of the recording")
    assert exposures[0] < GUARDED_WITHIN
    assert heard < GUARDED_WITHIN


async def test_an_officer_who_takes_an_agents_place_is_not_recorded_and_the_call_stays_sealed(centre: Centre) -> None:
    """INVITE with Replaces (RFC 3891): the phones know the dialogue's name, and Asterisk asks nobody."""

    async def way(act: Act, phone: Phone) -> None:
        name = await phone.replaces()

        async def takes_over(officer: Phone) -> None:
            await officer.speak(OFFICER)
            await act.channel(f"PJSIP/{OFFICER_WHO_DIALS}-", bridged=True)
            act.connected.set()
            await officer.stay(2)
            await officer.refer(act.sip("6111"))  # and back to Housing
            await act.channel(f"PJSIP/{AGENT}-", bridged=True)
            await asyncio.sleep(2)

        async with asyncio.timeout(30):
            await centre.world.call(AGENT, takes_over, via=OFFICER_WHO_DIALS, caller=OFFICER_WHO_DIALS, replaces=name)

    await centre.until('not it["live"]', 15)
    before = await _recordings(centre)
    stage = Stage(centre, [AGENT], [])
    act = await stage.play(way, HOUSING)
    assert act.connected.is_set()
    exposure = await _guarded(centre, f"PJSIP/{AGENT}-")
    assert "payment-guard" in (await centre.ask("state"))["alarms"]
    found = await stage.heard_after()
    (mine,) = await _recordings(centre) - before
    assert found[mine.name] == []
    print(f"{1000 * exposure:.1f} ms until it was seen")
    assert exposure < GUARDED_WITHIN
    newest = (await centre.calls())[0]["id"]
    timeline = (await centre.ask("call", call=newest))["timeline"]
    assert [each["detail"]["queue"] for each in timeline if each["kind"] == "joined queue"] == ["housing", "housing"]


# --- supervisors -----------------------------------------------------------------------------------------------------


async def test_supervisors_are_off_the_line_before_an_officer_is_there(centre: Centre) -> None:
    supervisors: list[Phone] = []

    async def spies(phone: Phone) -> None:
        supervisors.append(phone)
        await phone.wait_until_gone()

    async def way(act: Act, phone: Phone) -> None:
        async with asyncio.TaskGroup() as lines:
            for extension, code in SUPERVISORS.items():
                lines.create_task(act.line(f"{code}{act.agent}", spies, extension))
                await act.channel(f"PJSIP/{extension}-", doing="ChanSpy")
            await attended_code(act, phone)

    await centre.until('not it["live"]', 15)
    act = await Stage(centre, [AGENT], OFFICERS).play(way, HOUSING)
    assert act.officers
    assert all(phone.gone.is_set() for phone in supervisors)
    assert [find(read_capture(phone.heard), OFFICER).frames for phone in supervisors] == [()] * len(SUPERVISORS)
    row = next(each for each in await centre.calls() if each["number"] == "+447700900111")
    doors = [each for each in (await centre.ask("call", call=row["id"]))["timeline"] if each["kind"] == "door"]
    named = {name.split("-")[0] for name in doors[0]["detail"]["supervisors"]}
    assert named == {f"PJSIP/{extension}" for extension in SUPERVISORS}


# --- the lock --------------------------------------------------------------------------------------------------------


async def _said(centre: Centre, command: str) -> list[str]:
    """The faults that a command of ours finds, each with where it is."""
    words = [sys.executable, "-m", "ccdaemon", command, "--config", str(centre.site.config), "--json"]
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    found = json.loads((await process.communicate())[0])
    if command == "doctor":
        return [f"{each['where']}: {each['text']}" for each in found["found"] if each["state"] == "fault"]
    return [f"{each['file']} {each['key']}: {each['text']}" for each in found]


@pytest.mark.parametrize("command", ["check", "doctor"])
async def test_what_a_site_has_opened_is_named(centre: Centre, command: str) -> None:
    said = [each for each in await _said(centre, command) if "leads round the payments door" in each]
    assert sorted(re.findall(r" cc-internal: (\w+)\(\)", " ".join(said))) == [
        "Bridge",
        "BridgeAdd",
        *["ChanSpy"] * 3,
        "PickupChan",
    ]


async def test_only_the_doctor_sees_what_was_loaded_by_hand_and_what_is_not_loaded(centre: Centre) -> None:
    await centre.pbx.cli("dialplan add extension 66,1,Bridge(PJSIP/x) into mine")
    await centre.pbx.cli("dialplan remove extension s@cc-connected")
    said = await _said(centre, "doctor")
    assert [each for each in said if " mine: Bridge() leads round" in each]
    assert [each for each in said if " cc-connected: is not loaded as it is installed" in each]
    assert not [each for each in await _said(centre, "check") if "mine" in each or "cc-connected" in each]
    await centre.pbx.cli("dialplan reload")
    await centre.pbx.cli("dialplan remove context mine")
    assert not [each for each in await _said(centre, "doctor") if " mine: " in each or " cc-connected: " in each]


async def _recordings(centre: Centre) -> set[Path]:
    """All that are finished, once no call is live and none is in the spool."""
    await centre.until('not it["live"]', 15)
    async with asyncio.timeout(15):
        while any(centre.site.recordings.iterdir()):
            await asyncio.sleep(0.1)
    return finished(centre.site)


async def test_an_officer_who_picks_a_call_up_where_a_site_has_opened_that_is_not_recorded(centre: Centre) -> None:
    over = asyncio.Event()

    async def stays(_: Phone) -> None:
        await over.wait()

    async def picks_up(officer: Phone) -> None:
        await officer.speak(OFFICER)
        await centre.until('it["bridged"] >= 2', 10)
        await officer.stay(2)
        over.set()

    before = await _recordings(centre)
    centre.world.desk(AGENT, lets_it_ring())
    async with asyncio.TaskGroup() as calls:
        calls.create_task(centre.world.call(HOUSING, presses("2", "0", then=stays), caller="07700900901"))
        async with asyncio.timeout(30):
            while not any(each["Channel"].startswith(f"PJSIP/{AGENT}-") for each in await centre.channels()):
                await asyncio.sleep(0.2)
        await centre.world.call(f"*85{AGENT}", picks_up, via=OFFICER_WHO_DIALS, caller=OFFICER_WHO_DIALS)
    assert await _recordings(centre) == before


async def test_nothing_is_recorded_for_a_member_that_is_a_local_channel(centre: Centre) -> None:
    answered = asyncio.Event()

    async def answers(phone: Phone) -> None:
        answered.set()
        await talks()(phone)

    async def stays(phone: Phone) -> None:
        await answered.wait()
        await phone.stay(2)

    before = await _recordings(centre)
    centre.world.desk(LOCAL, answers)
    async with asyncio.timeout(60):
        await centre.world.call(ASSIST, presses("2", "0", then=stays), caller="07700900902")
    assert await _recordings(centre) == before
