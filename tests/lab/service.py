"""What systemd does with the daemon, and what callers notice of it: each a step that says what it saw.

A step raises `AssertionError` with what was otherwise. They go one after the other on one machine.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from tests.lab.centre import SOUNDS
from tests.lab.hearing import heard
from tests.lab.installed import MAIN, Installed
from tests.lab.machine import PROGRAM
from tests.lab.phones import Phone
from tests.lab.scripts import presses, stays, talks

RECEPTION, HIGHWAYS, HOUSING = "01632960100", "01632960103", "01632960111"
MOST_EXPOSED = 1.5  # of 10, as systemd-analyze counts
STARTED = 15.0  # seconds
LENT = "/run/ccdaemon/messages/5.1-1.sln"
NOT_BACK = 1.8  # less than RestartSec=: the daemon itself cannot have done it
KILLED = 10.0  # until a daemon that was killed is back: RestartSec= and a start
ENDED = 50.0  # TimeoutStopSec= and a little
SECRETS = ("manager.secret", "gateway.secret", "site.key", "audit.key")
KEEPS = (
    "/etc/ccdaemon/site.key",
    "/var/lib/ccdaemon/register.sqlite3",
    "/var/lib/ccdaemon-keys",
    "/var/spool/ccdaemon",
)

Step: TypeAlias = Callable[[Installed], Awaitable[str]]


async def hears(it: Installed, *keys: str, number: str = HIGHWAYS, seconds: float = 4) -> list[tuple[str, str]]:
    """Call, press keys, stay a little; which prompts were heard."""
    phones: list[Phone] = []

    async def script(phone: Phone) -> None:
        phones.append(phone)
        await presses(*keys, then=stays(seconds))(phone)

    await it.world.call(number, script)
    return [(each.language, each.prompt) for each in heard(phones[0].heard, SOUNDS)]


async def first_tier(it: Installed) -> None:
    """A caller gets the line's own menu."""
    prompts = await hears(it, "2")
    assert ("en", "highways-main") in prompts, f"no menu was heard, but {prompts}"


@dataclass
class Talk:
    """A caller and an agent who talk."""

    phone: Phone

    def goes_on(self) -> bool:
        return not self.phone.gone.is_set()


@asynccontextmanager
async def talking(it: Installed) -> AsyncIterator[Talk]:
    """Somebody talks with an agent meanwhile."""
    it.world.desk("*", talks())
    phones: list[Phone] = []

    async def script(phone: Phone) -> None:
        phones.append(phone)
        await phone.wait_until_gone()

    call = asyncio.create_task(it.world.call(RECEPTION, presses("2", "0", then=script)))

    async def bridged() -> bool:
        return bool(phones) and (await it.state()).get("bridged", 0) >= 2

    await it.until(bridged)
    try:
        yield Talk(phones[0])
    finally:
        await phones[0].hang_up_at_once()
        await asyncio.wait([call])


async def restarts(it: Installed) -> int:
    return int(await it.machine.show("ccdaemon.service", "NRestarts"))


# --- put there, started ----------------------------------------------------------------------------------------------


async def is_installed(it: Installed) -> str:
    again = await it.machine.must(PROGRAM, "install", "--yes")
    assert "Every file is as it should be." in again, again
    said = await it.machine.must("systemd-analyze", "security", "--no-pager", "ccdaemon.service")
    exposed = float(re.findall(r"exposure level for ccdaemon.service: ([\d.]+)", said)[0])
    assert exposed <= MOST_EXPOSED, said
    secrets = await it.machine.must("stat", "-c", "%U %a", *(f"/etc/ccdaemon/{name}" for name in SECRETS))
    assert set(secrets.splitlines()) == {"root 400"}, secrets
    return f"exposure {exposed}; secrets are root's alone"


async def starts(it: Installed) -> str:
    began = time.monotonic()
    await it.machine.must("systemctl", "enable", "--now", "ccdaemon")
    await it.until_up(STARTED)
    took = time.monotonic() - began
    status = (it.machine.inside("/proc") / str(await it.pid()) / "status").read_text()
    assert re.search(r"^Uid:\t(?!0\t)", status, re.MULTILINE), status
    return f"up after {took:.1f} s, as its own user"


async def is_recorded(it: Installed) -> str:
    """A call to Housing: its own menu, an agent, and a recording that is finished within the sandbox."""
    it.world.desk("*", talks())
    prompts = await hears(it, "2", "0", number=HOUSING, seconds=10)
    assert {("en", "housing-main"), ("en", "recording-announcement")} <= {*prompts}, prompts

    async def finished() -> bool:
        rows = json.loads(await it.machine.must(PROGRAM, "recordings", "--json"))
        return [row["file"] is not None for row in rows] == [True]

    await it.until(finished)
    alarms = {*(await it.state())["alarms"]}
    assert not alarms & {"recordings", "recordings-faulty", "recorders", "archive", "keys"}, alarms
    left = await it.machine.must("find", "/var/spool/ccdaemon/recordings", "-type", "f")
    assert left == "", left
    return "a caller heard the first tier and spoke with an agent; the recording is sealed"


# --- reload ----------------------------------------------------------------------------------------------------------


async def reloads(it: Installed) -> str:
    """Good, with two faults, and good again."""
    before = await it.pid()
    await it.machine.must("systemctl", "reload", "ccdaemon")
    it.edit('fallback_queue = "reception"', 'fallback_queue = "nobodys queue"')
    it.edit('general = "general"', 'general = "nobody"')
    refused = await it.machine.run("systemctl", "reload", "ccdaemon")
    assert refused.status == 1, refused
    journal = await it.machine.journal("ccdaemon")
    for key in ("asterisk.fallback_queue", "site.general"):
        assert key in journal, f"the journal does not name {key}:\n{journal}"
    assert "configuration" in (await it.state())["alarms"]
    await first_tier(it)
    it.edit('fallback_queue = "nobodys queue"', 'fallback_queue = "reception"')
    it.edit('general = "nobody"', 'general = "general"')
    await it.machine.must("systemctl", "reload", "ccdaemon")
    assert "configuration" not in (await it.state())["alarms"]
    assert await it.pid() == before
    return "a bad one fails, with all faults in the journal, and the old configuration stays"


# --- it dies, it hangs -----------------------------------------------------------------------------------------------


async def is_killed(it: Installed) -> str:
    async with talking(it) as talk:
        before = await restarts(it)
        assert await it.machine.show("ccdaemon.service", "MemorySwapMax") == "0"
        await it.machine.must("sh", "-c", f"echo plain > {LENT} && chown ccdaemon: {LENT}")
        with it.machine.inside(LENT).open("rb") as playing:  # as Asterisk has it open
            await it.machine.must("systemctl", "kill", "--signal=KILL", "ccdaemon")
            gone = await it.until(partial(_is_gone, it.machine.inside(LENT)), NOT_BACK)
            assert playing.read() == b""
        asked = time.monotonic()
        await it.ask("state")  # it waits at the socket
        took = time.monotonic() - asked
        await it.until_up(KILLED)
        assert await restarts(it) == before + 1
        assert talk.goes_on()
    return f"back {took:.1f} s after SIGKILL; who talked talks on; what was being heard was gone after {gone:.1f} s"


async def _is_gone(file: Path) -> bool:
    return not file.exists()


async def hangs(it: Installed) -> str:
    async with talking(it) as talk:
        before = await restarts(it)
        stopped = time.monotonic()
        await it.machine.must("systemctl", "kill", "--signal=STOP", "ccdaemon")
        prompts = await hears(it, "2")
        assert ("en", "hold") in prompts, f"no second tier was heard, but {prompts}"

        async def again() -> bool:
            return await restarts(it) > before

        await it.until(again, 60)
        await it.until_up(KILLED)
        took = time.monotonic() - stopped
        assert "watchdog" in (await it.machine.journal("ccdaemon")).lower()
        assert talk.goes_on()
    await first_tier(it)
    return f"up again {took:.0f} s after SIGSTOP, by the watchdog; a caller meanwhile got the second tier"


# --- it is stopped, and taken away -----------------------------------------------------------------------------------


async def is_stopped(it: Installed) -> str:
    async with talking(it) as talk:
        began = time.monotonic()
        await it.machine.must("systemctl", "stop", "ccdaemon", within=ENDED)
        took = time.monotonic() - began
        status = await it.machine.run(PROGRAM, "status")
        assert (status.status, "no daemon listens" in status.said) == (1, True), status
        assert await it.machine.show("ccdaemon.service", "ActiveState") == "inactive"
        assert await it.machine.show("ccdaemon.service", "Result") == "success"  # nobody had to kill it
        assert await it.machine.show("ccdaemon.socket", "ActiveState") == "inactive"
        assert talk.goes_on()
        prompts = await hears(it, "2")
        assert ("en", "hold") in prompts, f"no second tier was heard, but {prompts}"
    return f"ended in {took:.1f} s; who asks is told so, and starts nothing; callers get the second tier"


async def is_taken_away(it: Installed) -> str:
    said = await it.machine.must(PROGRAM, "install", "--undo", "--yes")
    assert await it.machine.show("ccdaemon.service", "LoadState") == "not-found"
    units = await it.machine.run("systemctl", "list-unit-files", "--no-legend", "ccdaemon*")
    assert units.said == "", units
    await it.machine.must("stat", MAIN, *KEEPS)
    await it.machine.must("id", "ccdaemon")
    assert "Left where they are: /etc/ccdaemon" in said
    return "units are gone; site, keys, register, spool and users are there"


SHORT: tuple[tuple[str, Step], ...] = (
    ("install", is_installed),
    ("start", starts),
    ("call", is_recorded),
    ("reload", reloads),
    ("SIGKILL", is_killed),
    ("stop", is_stopped),
    ("undo", is_taken_away),
)
