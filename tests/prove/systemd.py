"""The service under a real systemd, with Asterisk and Mosquitto as services beside it: whatever may happen to it."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt

from ccdaemon.model import AlarmName
from tests.lab.centre import SOUNDS
from tests.lab.hearing import heard
from tests.lab.installed import Installed, installed
from tests.lab.machine import PROGRAM, CannotBoot, why_not
from tests.lab.phones import Phone
from tests.lab.service import (
    HIGHWAYS,
    SHORT,
    Step,
    first_tier,
    hangs,
    restarts,
    talking,
)
from tests.prove.proof import NotHeld

STATE = "/var/lib/ccdaemon"
ROOM = 12  # MiB of the small disk, beside twice of what is there: it is nowhere near full before something fills it
RETURNS = 30.0  # seconds until a link or an alarm is as it was
CAP_SYS_TIME = 25  # its number; linux/capability.h
TIMES = 20  # restarts
EVERY = 0.1  # seconds between calls
STAYS = 5.0  # seconds on the line
PROMPT = 3.0  # seconds from the answer within which a menu is heard
WRITTEN = 3.0  # seconds until Asterisk has closed the file of what a phone heard
DISK: AlarmName = "disk"
OF_A_FULL_DISK: frozenset[AlarmName] = frozenset({DISK, "register"})
LEFT_OUT = "left out"
REST = 2.0  # seconds between restarts, in which the daemon answers again


async def service(folder: Path) -> str:
    """All steps, one after the other; the figures of the last ones."""
    if (hindered := why_not()) is not None:
        raise NotHeld(hindered)
    steps = dict(SHORT)
    last = {name: steps.pop(name) for name in ("stop", "undo")}
    more: dict[str, Step] = {
        "SIGSTOP": hangs,
        "disk": has_a_full_disk,
        "broker": loses_the_broker,
        "Asterisk": loses_asterisk,
        "clock": has_its_clock_set,
        "crowd": restarts_amid_calls,
        "timer": makes_up_for_the_night,
    }
    said: dict[str, str] = {}
    try:
        async with installed(folder) as it:
            for name, step in {**steps, **more, **last}.items():
                said[name] = await step(it)
                print(f"    {name}: {said[name]}", flush=True)
    except CannotBoot as fault:
        raise NotHeld(str(fault)) from None
    except (AssertionError, TimeoutError) as fault:
        message = f"after {', '.join(said)}: {fault or 'it took too long'}"
        raise NotHeld(message) from fault
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    tried = [name for name in said if not said[name].startswith(LEFT_OUT)]
    return f"{len(tried)} of {len(said)} steps, without {', '.join(said.keys() - {*tried})}; {said['crowd']}"


# --- what it needs is away -------------------------------------------------------------------------------------------


@asynccontextmanager
async def small_disk(it: Installed) -> AsyncIterator[None]:
    """The daemon's state on a small file system, until the machine is halted."""
    box = it.machine
    await box.must("systemctl", "stop", "ccdaemon")
    used = int((await box.must("du", "-sm", STATE)).split()[0])
    await box.must("cp", "-a", STATE, "/var/tmp/state")
    await box.must("mount", "-t", "tmpfs", "-o", f"size={2 * used + ROOM}m,mode=711", "small", STATE)
    await box.must("cp", "-a", "/var/tmp/state/.", STATE)
    await box.must("systemctl", "start", "ccdaemon")
    await it.until_up()
    yield


async def alarms(it: Installed) -> set[str]:
    return {*(await it.state()).get("alarms", {})}


async def has_a_full_disk(it: Installed) -> str:
    """The disk's own alarm must come, whoever calls meanwhile, and nothing of it may stay once there is room again."""
    async with small_disk(it):
        assert DISK not in await alarms(it), "a disk is nearly full already"
        before = await restarts(it), await it.pid()
        filled = await it.machine.run("dd", "if=/dev/zero", f"of={STATE}/full", "bs=64k")
        assert "No space left" in filled.said, filled
        await first_tier(it)

        async def told() -> bool:
            return DISK in await alarms(it)

        told_after = await it.until(told, RETURNS)
        raised = await alarms(it)
        await first_tier(it)
        assert (await restarts(it), await it.pid()) == before
        await it.machine.must("rm", f"{STATE}/full")

        async def over() -> bool:
            return bool(state := await it.state()) and not OF_A_FULL_DISK & {*state["alarms"]}

        over_after = await it.until(over, RETURNS)
    return (
        f"no restart, callers hear the first tier; alarms: {', '.join(sorted(raised))}, {told_after:.0f} s after a "
        f"call, over {over_after:.0f} s after there was room"
    )


async def loses_the_broker(it: Installed) -> str:
    before = await it.pid()
    await it.machine.must("systemctl", "restart", "mosquitto")
    await first_tier(it)
    async with asyncio.timeout(RETURNS), aiomqtt.Client(it.site.addresses.pbx) as client:
        await client.subscribe("ccdaemon/example/daemon")
        said = bytes((await anext(client.messages)).payload)  # a new broker has nothing that was retained
    assert b"online" in said, said
    assert await it.pid() == before
    return "linked again, and said how it is; no restart"


async def loses_asterisk(it: Installed) -> str:
    before = await it.pid()
    await it.machine.must("systemctl", "restart", "asterisk")
    took = await it.until_up(RETURNS)
    await first_tier(it)
    assert await it.pid() == before
    return f"linked again after {took:.1f} s; no restart"


async def has_its_clock_set(it: Installed) -> str:
    """Nobody tries: a container has no clock of its own, and that of the machine around it is others' too."""
    status = (it.machine.inside("/proc") / "1" / "status").read_text()
    may = int(re.findall(r"^CapBnd:\s*(\w+)", status, re.MULTILINE)[0], 16)
    assert not may & 1 << CAP_SYS_TIME, "the machine could set the clock of the one around it"
    return f"{LEFT_OUT}: it would be set for the machine around, too"


# --- the night -------------------------------------------------------------------------------------------------------


async def makes_up_for_the_night(it: Installed) -> str:
    """A run that is due now, as far as the site says, and that the daemon has not looked for yet."""
    box = it.machine
    timer = (
        await box.show("ccdaemon-expire.timer", "ActiveState"),
        await box.show("ccdaemon-expire.timer", "Persistent"),
    )
    assert timer == ("active", "yes"), timer
    assert "Nothing to do" in await box.must(PROGRAM, "expire", "--if-missed")
    moment = datetime.now(UTC) + timedelta(minutes=1)
    it.edit('at = "03:00"', f'at = "{moment:%H:%M}"')
    await box.must("systemctl", "reload", "ccdaemon")
    await asyncio.sleep(
        61 - datetime.now(UTC).second
    )  # the night's moment is a minute of the clock: nothing tells of it
    await box.must("systemctl", "start", "ccdaemon-expire")
    journal = await box.journal("ccdaemon-expire")
    assert "recordings deleted" in journal, journal
    assert "Nothing to do" in await box.must(PROGRAM, "expire", "--if-missed")
    return "a night that was missed is made up for, one that was not is left alone"


# --- restarts amid calls ---------------------------------------------------------------------------------------------


class Crowd:
    """Callers who come ten a second, hear a menu, stay a while, and hang up."""

    def __init__(self, it: Installed, folder: Path) -> None:
        self._it = it
        self._sounds = folder
        for language in ("cy", "en"):  # the first words of every tier
            (folder / language / "cc").mkdir(parents=True, exist_ok=True)
            for name in ("welcome.alaw", "hold.alaw"):
                shutil.copy(SOUNDS / language / "cc" / name, folder / language / "cc" / name)
        self.ends: Counter[str] = Counter()
        self.slowest = 0.0

    async def come(self, until: asyncio.Event) -> None:
        number = 0
        async with asyncio.TaskGroup() as calls:
            while not until.is_set():
                number += 1
                calls.create_task(self._call(f"07700{number:06d}"))
                await asyncio.sleep(EVERY)

    async def _call(self, caller: str) -> None:
        phones: list[Phone] = []

        async def script(phone: Phone) -> None:
            phones.append(phone)
            await phone.stay(STAYS)
            self.ends["stayed"] += 1

        try:
            await self._it.world.call(HIGHWAYS, script, caller=caller)
        except Exception as fault:  # noqa: BLE001 - it is counted
            self.ends[f"failed: {type(fault).__name__}"] += 1
            return
        if not phones or phones[0].gone.is_set():
            self.ends["dropped"] += 1
            return
        await asyncio.sleep(WRITTEN)
        found = await asyncio.to_thread(heard, phones[0].heard, self._sounds)
        first = found[0].at if found else STAYS
        self.slowest = max(self.slowest, first)
        self.ends["heard a menu in time" if first <= PROMPT else "heard none in time"] += 1
        phones[0].heard.unlink()


async def restarts_amid_calls(it: Installed) -> str:
    crowd, over = Crowd(it, it.site.folder / "first-words"), asyncio.Event()
    coming = asyncio.create_task(crowd.come(over))
    took = []
    async with talking(it) as talk:
        for _ in range(TIMES):
            await asyncio.sleep(REST)
            began = time.monotonic()
            await it.machine.must("systemctl", "restart", "ccdaemon")
            await it.until_up()
            took.append(time.monotonic() - began)
        over.set()
        await coming
        assert talk.goes_on()
    calls = crowd.ends["stayed"]
    assert crowd.ends["heard a menu in time"] == calls == crowd.ends.total() / 2, dict(crowd.ends)
    rows = await it.ask("calls", since=0, until=1e12, limit=10 * calls)
    tiers = Counter(row["tier"] for row in rows if row["dialled"] == f"+44{HIGHWAYS[1:]}")
    served = ", ".join(f"{count} in tier {tier}" for tier, count in sorted(tiers.items(), key=str))
    return (
        f"{TIMES} restarts ({min(took):.1f} to {max(took):.1f} s) under {calls} calls, 10 a second: none dropped, each "
        f"heard a menu, the latest after {crowd.slowest:.1f} s ({served})"
    )
