"""Who may answer for the daemon, and who may ask it: nobody but dialplan and daemon themselves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable

import aiomqtt
import pytest
import pytest_asyncio

from ccdaemon.asterisk.wire import agi_command
from ccdaemon.rules.proof import answer_proof
from tests.lab.asterisk import STRANGER
from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import Phone
from tests.lab.scripts import lets_it_ring
from tests.live.conftest import RUN

HOUSING = "01632960111"
FORGED = "queue:housing:cy:1:1"


@pytest_asyncio.fixture(loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """A centre of its own, because its daemon is killed."""
    async with contact_centre(RUN / "strangers") as centre:
        centre.world.desk("*", lets_it_ring())
        yield centre


@pytest.mark.skipif(os.geteuid() != 0, reason="without root, the laboratory cannot give the daemon a port below 1024")
async def test_nobody_else_can_listen_where_the_daemon_did(centre: Centre) -> None:
    port = centre.site.configuration().main.gateway.port
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    attempt = f"import socket; socket.create_server(('{centre.site.addresses.pbx}', {port}))"
    process = await asyncio.create_subprocess_exec(
        *STRANGER.command(sys.executable, "-c", attempt), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode != 0
    assert b"PermissionError" in said


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(lambda nonce: answer_proof(nonce, FORGED, "a-secret-that-somebody-guesses"), id="guessed"),
        pytest.param(lambda _: 'x" & 0 & "', id="an expression of its own"),
    ],
)
async def test_an_answer_without_proof_is_not_taken_and_the_script_answers(
    centre: Centre, forged: Callable[[str], str]
) -> None:
    port = centre.site.configuration().main.gateway.port
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    asked = asyncio.Event()

    async def forge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\n\n")).decode().splitlines()
        nonce = next(line.partition(": ")[2] for line in lines if line.startswith("agi_arg_1:"))
        for name, value in (("CC_RESULT", FORGED), ("CC_PROOF", forged(nonce))):
            writer.write(agi_command(["SET", "VARIABLE", name, value]))
            await reader.readline()
        asked.set()
        writer.close()

    server = await asyncio.start_server(forge, centre.site.addresses.pbx, port)
    phones: list[Phone] = []

    async def listen(phone: Phone) -> None:
        phones.append(phone)
        async with asyncio.timeout(60):
            while ("cy", "hold") not in _heard(phone):
                await asyncio.sleep(0.2)
                if _heard(phone) and len(_heard(phone)) == 1:
                    await phone.press("1")

    async with server:
        await centre.world.call(HOUSING, listen)
    assert asked.is_set(), "the heartbeat was over before the stranger could answer"
    assert ("cy", "recording-announcement") not in _heard(phones[0])
    assert [*centre.site.recordings.iterdir()] == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="no arguments"),
        pytest.param(
            ["1795466521-9c0e0f6e-0000-4000-8000-000000000000", "0" * 40, "1.1", "did", HOUSING, "", "", ""], id="old"
        ),
        pytest.param(
            ["{now}-9c0e0f6e-0000-4000-8000-000000000000", "0" * 40, "1.1", "did", HOUSING, "", "", ""], id="no secret"
        ),
    ],
)
async def test_a_question_from_somebody_else_is_not_answered(centre: Centre, arguments: list[str]) -> None:
    gateway = centre.site.configuration().main.gateway
    before = len(centre.daemon.log.read_text())
    now = int(time.time())
    lines = ["agi_network: yes", "agi_uniqueid: 1.1", "agi_callerid: 01597827460"]
    lines += [f"agi_arg_{number}: {value.format(now=now)}" for number, value in enumerate(arguments, 1)]
    reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
    writer.write("\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    assert said == b""
    assert await centre.calls() == []
    refusal = "not from our dialplan" if arguments else "who is not our dialplan"
    assert refusal in centre.daemon.log.read_text()[before:]


def _heard(phone: Phone) -> list[tuple[str, str]]:
    return [(each.language, each.prompt) for each in heard(phone.heard, SOUNDS)] if phone.heard.exists() else []


async def test_a_daemon_that_a_fault_ends_says_so_at_the_broker(centre: Centre) -> None:
    """An orderly farewell is for a broker no case for the last will, so we must say it ourselves."""
    topic = f"ccdaemon/{centre.site.configuration().site.name}/daemon"
    async with asyncio.timeout(20), aiomqtt.Client(centre.site.addresses.pbx) as client:
        await client.subscribe(topic)
        messages = aiter(client.messages)
        assert json.loads(str((await anext(messages)).payload, "utf8"))["state"] == "online"
        centre.site.missed.rmdir()
        assert await centre.daemon.wait() == 1
        assert json.loads(str((await anext(messages)).payload, "utf8"))["state"] == "offline"
