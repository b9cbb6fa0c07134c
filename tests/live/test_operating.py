"""Telecoms staff at work on a real Asterisk: lines closed at once, calls seen as they go on, topics as promised."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
import pytest_asyncio
from pydantic import TypeAdapter

from ccdaemon.topics import TOPICS
from tests.lab.centre import Centre, contact_centre
from tests.lab.scripts import lets_it_ring, talks
from tests.lab.site import ROOT, queues
from tests.live.conftest import RUN
from tests.live.test_callers import Listener

HOUSING, HIGHWAYS = "01632960111", "01632960103"
COMMAND = ROOT / ".venv" / "bin" / "ccdaemon"
DEADLINE = 20.0  # seconds


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Everybody answers at once."""
    async with contact_centre(RUN / "operating", asterisk={"queues.conf": queues()}) as centre:
        centre.world.desk("*", talks())
        yield centre


async def ccdaemon(centre: Centre, *words: str) -> tuple[int, str]:
    """A command as staff type it: its exit status, and all that it says."""
    process = await asyncio.create_subprocess_exec(
        *map(str, (COMMAND, *words, "--config", centre.site.folder / "ccdaemon")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(DEADLINE):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def told(centre: Centre, topic: str) -> dict[str, Any]:
    status, said = await ccdaemon(centre, "status", "--json")
    assert status in {0, 1}
    payload: dict[str, Any] = json.loads(said)["topics"][topic]
    return payload


async def test_a_call_is_seen_where_it_is_with_its_agent_and_without_its_number(centre: Centre) -> None:
    caller = Listener(centre, HOUSING, "2", "0", caller="07700900611")
    await centre.until('[each["at"] for each in it] == ["talks"] and it[0]["recorded"]', DEADLINE, "live")
    status, said = await ccdaemon(centre, "calls", "--live")
    assert status == 0
    assert "housing" in said
    assert "recorded" in said
    assert "900611" not in said
    queue = await told(centre, "queues/housing")
    assert (queue["talking"], queue["answered"], queue["service_level"]) == (1, 1, 100.0)
    endpoints = await told(centre, "endpoints")
    assert endpoints["unavailable"] == 0
    await caller.hang_up()
    await centre.until("it == []", DEADLINE, "live")
    assert "No calls at this moment" in (await ccdaemon(centre, "calls", "--live"))[1]


async def test_when_the_building_is_left_every_caller_hears_so_in_both_languages_and_the_call_ends(
    centre: Centre,
) -> None:
    assert (await ccdaemon(centre, "close", "--all", "--message", "evacuation"))[0] == 0
    for number, caller in ((HOUSING, "07700900621"), (HIGHWAYS, "07700900622")):
        listener = Listener(centre, number, caller=caller)
        await listener.until_over()
        assert listener.heard == ["cy/evacuation", "en/evacuation"]
    assert (await told(centre, "services/housing")) == {"state": "emergency", "why": "command"}
    assert (await ccdaemon(centre, "open", "--all"))[0] == 0
    listener = Listener(centre, HOUSING, caller="07700900623")
    await listener.until_heard("cy/welcome")
    await listener.hang_up()


async def test_what_was_closed_stays_closed_when_the_daemon_is_killed(centre: Centre) -> None:
    await ccdaemon(centre, "close", "highways", "--message", "evacuation")
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    await centre.restart_daemon()
    listener = Listener(centre, HIGHWAYS, caller="07700900631")
    await listener.until_over()
    assert listener.heard == ["cy/evacuation", "en/evacuation"]
    await ccdaemon(centre, "open", "--all")


async def test_a_ring_that_nobody_answers_is_counted_and_shown(centre: Centre) -> None:
    centre.world.desk("*", lets_it_ring())
    caller = Listener(centre, HIGHWAYS, "2", "0", caller="07700900641")
    await centre.until('[each["waiting"] is not None for each in it] == [True]', DEADLINE, "live")
    assert "queue highways" in (await ccdaemon(centre, "calls", "--live"))[1]
    assert (await told(centre, "queues/highways"))["waiting"] == 1
    await caller.hang_up()
    await centre.until("it == []", DEADLINE, "live")
    assert (await told(centre, "queues/highways"))["abandoned"] == 1


async def test_every_topic_that_is_retained_says_what_its_schema_promises(centre: Centre) -> None:
    shapes = {topic.pattern.removesuffix("NAME"): TypeAdapter[Any](topic.payload) for topic in TOPICS}
    found = set()
    async with asyncio.timeout(DEADLINE), aiomqtt.Client(centre.site.addresses.pbx) as client:
        await client.subscribe("ccdaemon/#", qos=1)
        async for message in client.messages:
            topic = message.topic.value.removeprefix("ccdaemon/example/")
            kind = topic if topic in shapes else f"{topic.partition('/')[0]}/"
            assert isinstance(message.payload, bytes)
            shapes[kind].validate_json(message.payload, strict=True)
            found.add(kind)
            if found >= shapes.keys() - {"alarms/"}:
                break
    assert found >= shapes.keys() - {"alarms/"}
