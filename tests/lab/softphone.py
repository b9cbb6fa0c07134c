"""A phone with another SIP stack than Asterisk's, on which people do what Asterisk cannot: put a line on hold."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from tests.lab.phones import AGENT
from tests.lab.site import ROOT, SOFTPHONES, Site
from tests.lab.stage import TALK, Act, Stage
from tests.lab.ways import ASSIST, PAYMENTS

DESK = SOFTPHONES[1]
PATIENCE = 20.0  # seconds for anything that must happen
INSTALLED = find_spec("pjsua2") is not None  # there is none for Python 3.13 and later


class Softphone:
    """What `tests.lab.pjsua_phone` is told, and says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: set[str] = set()
        self._more = asyncio.Condition()

    async def listen(self) -> None:
        assert self._process.stdout is not None, "it has none to read"
        async for line in self._process.stdout:
            async with self._more:
                self._said.add(line.decode().strip())
                self._more.notify_all()

    def do(self, command: str) -> None:
        assert self._process.stdin is not None, "it has none to write to"
        self._process.stdin.write(f"{command}\n".encode())

    async def said(self, *words: str) -> str:
        """Wait until it has said one of them, ever."""
        async with asyncio.timeout(PATIENCE), self._more:
            await self._more.wait_for(lambda: self._said.intersection(words))
        return next(word for word in words if word in self._said)


@asynccontextmanager
async def softphone(site: Site, extension: str) -> AsyncIterator[Softphone]:
    """A phone that is registered as an extension, with a voice like that of all agents."""
    own = site.addresses.pbx.rsplit(".", 1)[0] + ".4"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.lab.pjsua_phone", own, site.addresses.pbx, extension, str(AGENT)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    phone = Softphone(process)
    hearing = asyncio.create_task(phone.listen())
    try:
        await phone.said("registered")
        yield phone
    finally:
        assert process.stdin is not None, "it was given one"
        process.stdin.close()
        await process.wait()
        await hearing


async def replaces_from_a_held_line(stage: Stage, number: str) -> Act:
    """REFER with Replaces, by an agent who put the caller on hold before they asked an officer on line 2."""
    act = stage.act(number, DESK)
    async with softphone(act.centre.site, DESK) as phone, asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.call(act, None, ASSIST, "10"))
        await phone.said("first rings")
        phone.do("answer")
        await phone.said("first talks")
        act.agent, act.leg = DESK, (await act.channel(f"PJSIP/{DESK}-"))["Uniqueid"]
        await asyncio.sleep(TALK)
        await stage.pass_gate()
        phone.do("hold")
        await phone.said("first holds", "first ended")
        phone.do(f"call {PAYMENTS}")
        if await act.with_officer():
            phone.do("transfer")
            await phone.said("first transferred 200", "first ended")
            await asyncio.sleep(2 * TALK)
        act.over.set()
    return act
