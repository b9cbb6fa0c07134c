"""Phones and callers whose hands and voices are scripts: they ring, answer, speak in tones, press keys, and transfer.

Each is a call on the phones' Asterisk that asks us, over FastAGI, what to do next. What a phone hears is written to a
file, so that a test can look for prompts in it sample by sample.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NoReturn, TypeAlias

from ccdaemon.asterisk.agi import AgiServer, AgiSession, CallerGone
from ccdaemon.asterisk.ami import Ami, AmiAddress, connect
from ccdaemon.faults import SwitchRefused
from tests.lab.asterisk import Asterisk
from tests.lab.site import MANAGER_SECRET, Site, phones

CALLER, CALLER_AFTER, AGENT, OFFICER = 440, 880, 620, 2600  # Hz: tones tell whose voice a recording holds
SCRIPT_PORT = 4574
ANSWER_DEADLINE = 20.0  # seconds
VOICE_DEADLINE = 20  # seconds
WRITTEN = 10.0  # seconds


class Phone:
    """One end of one call."""

    def __init__(self, session: AgiSession, heard: Path, ami: Ami) -> None:
        self._session = session
        self._ami = ami
        self.heard = heard
        self.gone = asyncio.Event()

    @property
    def shown(self) -> str:
        """The number that the display shows of the other side."""
        return self._session.environment.fields["callerid"]

    @property
    def over(self) -> bool:
        """Has the other side hung up?"""
        return self._session.hung_up.is_set()

    async def answer(self) -> None:
        await self._session.command("ANSWER")
        await self.listen()

    async def listen(self) -> None:
        """From now on write what is heard: A-law, 8,000 samples a second."""
        await self._session.execute("MixMonitor", "", f"r({self.heard})")

    async def whole(self) -> Path:
        """What was heard until the end, once Asterisk has written all of it: it does so in pieces of 32 KiB."""
        async with asyncio.timeout(WRITTEN):
            while self._is_open():
                await asyncio.sleep(0.05)
        return self.heard

    def _is_open(self) -> bool:
        for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):  # a process of somebody else's, or gone meanwhile
                if descriptor.readlink() == self.heard:
                    return True
        return False

    async def speak(self, hertz: int) -> None:
        """Sound a steady tone until told otherwise."""
        await self._session.execute("Playtones", str(hertz))

    async def hush(self) -> None:
        await self._session.execute("StopPlaytones")

    async def until_spoken_to(self) -> None:
        """Wait until there is a voice on the line, as people do before they press a key."""
        await self._session.execute("WaitForNoise", "100", "1", str(VOICE_DEADLINE), within=VOICE_DEADLINE + 10)
        if await self._session.get("WAITSTATUS") != "NOISE":
            message = f"nothing was said within {VOICE_DEADLINE} s; what was heard before is in {self.heard}"
            raise AssertionError(message)

    async def press(self, keys: str) -> None:
        await self._session.execute("SendDTMF", keys, "100", "120", within=60)

    async def key(self, key: str) -> None:
        """Press one key while a tone goes on."""
        channel = self._session.environment.fields["channel"]
        await self._ami.action("PlayDTMF", {"Channel": channel, "Digit": key, "Duration": "100"})

    async def refer(self, where: str) -> None:
        """Transfer the other party blindly, as a phone does: with a SIP REFER, or a 302 while it rings.

        It lasts until somebody answers whom the other party was sent to.
        """
        await self._session.execute("Transfer", f"PJSIP/{where}", within=120)

    async def replaces(self) -> str:
        """This call as a Replaces header names it to the other side (RFC 3891)."""
        names = ("call-id", "remote_tag", "local_tag")
        call, theirs, ours = [await self._session.get(f"CHANNEL(pjsip,{name})") for name in names]
        return f"{call};to-tag={theirs};from-tag={ours}"

    async def mix(self, room: str) -> None:
        """Let all calls of this phone that are in the room hear each other, as a phone does that mixes its lines."""
        await self._session.execute("ConfBridge", room, within=600)

    async def refused(self) -> bool:
        """Was the last transfer refused? (Then the other party is still there.)"""
        return await self._session.get("TRANSFERSTATUS") == "FAILURE"

    async def wait_until_gone(self) -> None:
        """Stay on the line until the other side hangs up. Keys may be pressed meanwhile."""
        await self._session.hung_up.wait()
        self.gone.set()

    async def stay(self, seconds: float) -> None:
        """Stay on the line for a while."""
        await self._session.execute("Wait", str(seconds), within=seconds + 30)

    def hang_up(self) -> None:
        """At the end of what the phone is doing."""
        self._session.close()

    async def hang_up_at_once(self) -> None:
        """In the middle of what the phone is doing, if it has not ended meanwhile."""
        with suppress(SwitchRefused):
            await self._ami.action("Hangup", {"Channel": self._session.environment.fields["channel"]})


Script: TypeAlias = Callable[[Phone], Awaitable[None]]


class Exchange:
    """All phones of a site, and the world outside it."""

    def __init__(self, site: Site, ami: Ami) -> None:
        self.site = site
        self._ami = ami
        self._numbers = itertools.count(1)
        self._callers: dict[str, Script] = {}
        self._desks: dict[str, Script] = {}
        self._ended: dict[str, asyncio.Future[None]] = {}

    def desk(self, extension: str, script: Script) -> None:
        """What the phone of an extension does when it rings."""
        self._desks[extension] = script

    async def call(
        self, number: str, script: Script, caller: str = "01597827460", via: str = "carrier", replaces: str = ""
    ) -> None:
        """Dial a number from outside (or from a phone, by its endpoint), run the script once answered, until it ends.

        `caller` is the number that is shown; an empty one is withheld. `replaces` names a call that this one is to
        take the place of, as `Phone.replaces` has it.
        """
        name = str(next(self._numbers))
        self._callers[name] = script
        ended = self._ended[name] = asyncio.get_running_loop().create_future()
        await self._ami.action(
            "Originate",
            {
                "Channel": f"PJSIP/{via}/sip:{number}@{self.site.addresses.pbx}:5060",
                "Context": "caller",
                "Exten": name,
                "Priority": "1",
                "CallerID": f"<{caller}>" if caller else "",
                **({"Variable": f"PJSIP_HEADER(add,Replaces)={replaces}"} if replaces else {}),
                "Timeout": str(int(ANSWER_DEADLINE * 1000)),
                "Async": "true",
            },
        )
        try:
            await ended
        finally:
            del self._ended[name], self._callers[name]

    async def converse(self, session: AgiSession) -> None:
        kind = session.environment.fields["network_script"]
        name = session.environment.arguments[0]
        heard = self.site.folder / "phones" / "spool" / f"{kind}-{name}-{next(self._numbers)}.alaw"
        phone = Phone(session, heard, self._ami)
        if kind == "rings":
            script = self._desks.get(name) or self._desks.get("*")
            if script is not None:
                await script(phone)
            return
        ended = self._ended[name]
        try:
            await phone.listen()
            await self._callers[name](phone)
        except CallerGone:
            phone.gone.set()
        except Exception as fault:  # noqa: BLE001 - it is raised where the call was made
            if not ended.done():
                ended.set_exception(fault)
            return
        if not ended.done():
            ended.set_result(None)


@asynccontextmanager
async def exchange(site: Site) -> AsyncIterator[tuple[Exchange, Asterisk]]:
    """The phones' Asterisk, running, and the scripts behind it."""
    asterisk = phones(site, SCRIPT_PORT)
    try:
        await asterisk.start()
        async with connect(AmiAddress(site.addresses.phones, 5038, "lab", MANAGER_SECRET)) as ami:
            world = Exchange(site, ami)
            scripts = AgiServer(world.converse)
            await scripts.listen(site.addresses.phones, SCRIPT_PORT)
            reading = asyncio.create_task(_read(ami))
            try:
                yield world, asterisk
            finally:
                reading.cancel()
                await scripts.stop(within=0)
    finally:
        await asterisk.stop()


async def _read(ami: Ami) -> NoReturn:
    """Nobody needs what the phones' Asterisk tells, but a link on which too much waits is dropped."""
    while True:
        await ami.events()
