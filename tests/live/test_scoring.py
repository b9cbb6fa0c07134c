"""Scoring at a real handset: a recording is heard as it was, wound by keys, scored and talked about, in both languages.

In the recording the agent speaks at one tone and the caller at another; whoever scores it hears both.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.lab.archive import voices
from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import AGENT, CALLER, Phone
from tests.lab.scripts import presses, stays, talks
from tests.lab.site import queues
from tests.lab.supervisors import CAREFUL, LISTENER, SUPERVISOR, a_supervisor, dials
from tests.lab.tones import FRAME, RATE, RIGHT, Samples, find, levels, read_capture
from tests.lab.ways import HOUSING
from tests.live.conftest import RUN
from tests.live.test_messages import audited, lent, plain, said
from tests.live.test_operating import ccdaemon

AGENTS = ["1001", "1002", "1003"]
TALKED = 26.0  # seconds
DEADLINE = 90.0
CRITERIA = 6  # of the example's card
WRITTEN = 4.5  # seconds until what a phone hears is written, and a little more


SAID = 6.0  # seconds of it until the agent answers
LOUD = -25.0  # dBFS
FEW, MANY = 10, 50  # frames: of a voice in which two tones happen to be loud, and of a conversation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Two who may score, at a Welsh phone and an English one."""
    tables = a_supervisor("careful", CAREFUL, '["score"]') + a_supervisor("other", LISTENER, '["score"]')
    changes = {
        "shortest = 30 ": "shortest = 8 ",
        "\n[phones]\n": f"\n{tables}[phones]\n",
        f'{LISTENER} = {{ service = "': f'{LISTENER} = {{ language = "en", service = "',
    }
    conf = {"queues.conf": queues(housing=AGENTS)}
    async with contact_centre(RUN / "scoring", asterisk=conf, changes=changes) as centre:
        centre.world.desk("*", talks())
        await recorded(centre)
        yield centre


async def recorded(centre: Centre) -> None:
    """A recording of Housing with each agent, all at the same time."""
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as going:
        for _ in AGENTS:
            going.create_task(centre.world.call(HOUSING, presses("2", "0", then=stays(TALKED))))
    asked = {"since": 0.0, "until": 1e12, "service": None, "limit": 100}
    await centre.until(f"len(it) == {len(AGENTS)}", DEADLINE, "recordings", **asked)


async def until_said(phone: Phone, prompt: str, times: int = 1) -> None:
    """Until a phone has heard a prompt so many times."""
    async with asyncio.timeout(DEADLINE):
        while sum(each.endswith(f"/{prompt}") for each in said(phone.heard)) < times:
            await asyncio.sleep(0.2)


def conversation(capture: Samples) -> list[int]:
    """Frames in which both sides of the recording are heard."""
    loud = (levels(capture, AGENT) > LOUD) & (levels(capture, CALLER) > LOUD)
    return [int(frame) for frame in loud.nonzero()[0]]


async def fills_in(phone: Phone, *points: str) -> None:
    for each in points:
        await phone.until_spoken_to()
        await phone.press(each)
        await phone.stay(0.8)


async def scores(centre: Centre, *words: str) -> list[dict[str, Any]]:
    status, told = await ccdaemon(centre, "scores", "--json", *words)
    assert status == 0, told
    rows: list[dict[str, Any]] = json.loads(told)
    return rows


@pytest.mark.parametrize(("handset", "language"), [(CAREFUL, "cy"), (LISTENER, "en")])
async def test_a_recording_is_heard_wound_scored_and_talked_about(centre: Centre, handset: str, language: str) -> None:
    before, phones, whole = len(await scores(centre)), list[Phone](), 0

    async def supervises(phone: Phone) -> None:
        nonlocal whole
        phones.append(phone)
        await until_said(phone, "scoring-heard")  # it was played to its end
        (file,) = lent(centre)
        assert file.stat().st_mode & 0o777 == 0o640
        whole = phone.heard.stat().st_size
        await phone.press("2")
        await phone.stay(3)
        await phone.press("5")
        await phone.stay(1)
        there = phone.heard.stat().st_size
        await phone.stay(WRITTEN)
        assert phone.heard.stat().st_size == there  # it stands still: nothing is sent
        await phone.press("5")
        await phone.stay(2)
        await phone.press("6")
        await until_said(phone, "scoring-heard", 2)
        await phone.press("1")
        await phone.stay(0.8)
        await fills_in(phone, *"444444"[:CRITERIA], "1")  # and that it is right
        await until_said(phone, "scoring-comment")
        assert lent(centre) == []
        await phone.press("1")
        await phone.stay(2)
        await phone.speak(SUPERVISOR)
        await asyncio.sleep(3)
        await phone.hush()
        await phone.press("#")
        await until_said(phone, "scoring-comment-kept")

    async with asyncio.timeout(3 * DEADLINE):
        await dials(centre, handset, "*95", supervises, within=3 * DEADLINE)
    await centre.until('it["live"] == []', DEADLINE)
    capture = await phones[0].whole()
    assert {f"{language}/scoring-agent", f"{language}/score-language", f"{language}/scoring-total"} <= {*said(capture)}
    assert f"{'en' if language == 'cy' else 'cy'}/" not in " ".join(said(capture))
    first, second = (read_capture(capture)[span] for span in (slice(whole), slice(whole, None)))
    assert len(conversation(first)) * FRAME / RATE > TALKED - SAID
    assert TALKED - SAID - 13 < len(conversation(second)) * FRAME / RATE < TALKED - SAID - 7  # without ten seconds
    row, *others = await scores(centre)
    assert len(others) == before
    assert (row["service"], row["total"], row["failed"]) == ("housing", 80, False)
    assert row["agent"] in AGENTS
    assert row["agent"] not in {each["agent"] for each in others}  # they are drawn evenly
    async with asyncio.timeout(DEADLINE):
        while (row := (await scores(centre))[0])["comment"] is None:
            await asyncio.sleep(0.5)
    assert plain(centre) == []
    leg, _, segment = row["comment"].rpartition("-")
    comment = await asyncio.to_thread(voices, centre.site, {"leg": leg, "segment": int(segment)})
    assert 2.5 < find(comment[RIGHT], SUPERVISOR).seconds < 4
    heard_of = [detail for kind, detail in audited(centre) if kind == "access" and detail.get("did") == "hear"]
    assert heard_of[-1]["purpose"] == "quality"
    assert heard_of[-1]["reference"] == f"*95 at {handset}"
    entered = [detail for kind, detail in audited(centre) if kind == "score"][-1]
    assert (entered["leg"], entered["scorer"]) == (row["leg"], row["scorer"])
    assert "total" not in entered  # the chain outlives what was thought of somebody


async def test_killed_while_it_is_heard_nothing_stays_open_and_nobody_hears_more_of_it(centre: Centre) -> None:
    phones, restarted = list[Phone](), 0

    async def supervises(phone: Phone) -> None:
        nonlocal restarted
        phones.append(phone)
        async with asyncio.timeout(DEADLINE):
            while len(conversation(read_capture(phone.heard))) < MANY:
                await asyncio.sleep(0.2)
        assert len(lent(centre)) == 1
        centre.daemon.kill(signal.SIGKILL)
        await centre.daemon.wait()
        await centre.restart_daemon()
        assert lent(centre) == []
        await phone.stay(WRITTEN)
        restarted = phone.heard.stat().st_size
        await phone.wait_until_gone()

    async with asyncio.timeout(3 * DEADLINE):
        await dials(centre, CAREFUL, "*95", supervises, within=3 * DEADLINE)
    await centre.until('it["live"] == []', DEADLINE)
    capture = await phones[0].whole()
    assert len(conversation(read_capture(capture)[restarted:])) < FEW
    assert plain(centre) == []
