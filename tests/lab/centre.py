"""A whole contact centre, up and running: PBX, phones, broker and daemon on loopback addresses of their own."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ccdaemon.asterisk.ami import Ami, AmiAddress, connect
from ccdaemon.control import NotRunning, ask
from ccdaemon.voices import build, sounds
from tests.lab.asterisk import CCDAEMON, Asterisk
from tests.lab.phones import Exchange, exchange
from tests.lab.programs import Program, broker, daemon, until_broker_up, until_up
from tests.lab.site import MANAGER_SECRET, ROOT, Site, pbx, write_site

PBX_PORT = 5038
SOUNDS = ROOT / ".run" / "sounds"
LIT = 5.0  # seconds until a light follows


@dataclass
class Centre:
    """What runs, and where."""

    site: Site
    pbx: Asterisk
    broker: Program
    daemon: Program
    world: Exchange

    async def ask(self, question: str, **values: Any) -> Any:  # noqa: ANN401 - any JSON
        """Ask the daemon at its control socket."""
        try:
            return await asyncio.to_thread(ask, self.site.folder / "run" / "control", question, **values)
        except NotRunning as fault:
            fault.add_note(f"the end of its log:\n{self.daemon.log.read_text(errors='replace')[-2000:]}")
            raise

    @asynccontextmanager
    async def manager(self) -> AsyncIterator[Ami]:
        """A manager link of somebody else's, who may do what ours may."""
        async with connect(AmiAddress(self.site.addresses.pbx, PBX_PORT, "ccdaemon", MANAGER_SECRET)) as ami:
            yield ami

    async def channels(self) -> list[dict[str, str]]:
        """What is up in the PBX, as CoreShowChannels lists it."""
        async with self.manager() as ami:
            return await ami.listing("CoreShowChannels")

    async def calls(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self.ask("calls", since=0, until=1e12)
        return rows

    async def restart_daemon(self) -> None:
        """A new process in the place of one that has ended."""
        self.daemon = daemon(self.site)
        await self.daemon.start()
        await until_up(self.site, self.daemon)

    async def light(self, key: str) -> str:
        """What a light shows that subscribes to this: InUse, or Idle."""
        lines = (await self.pbx.cli("core show hints")).splitlines()
        return next(line.split("State:")[1].split()[0] for line in lines if line.startswith(f"{key}@"))

    async def until_light(self, key: str, state: str) -> None:
        async with asyncio.timeout(LIT):
            while await self.light(key) != state:
                await asyncio.sleep(0.1)

    async def until(self, claim: str, within: float, question: str = "state", **values: Any) -> Any:  # noqa: ANN401 - JSON
        """Wait until the daemon's answer makes a claim true, such as `len(it["live"]) == 0`."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            it = await self.ask(question, **values)
            if eval(claim, {"it": it}):
                return it
            if asyncio.get_running_loop().time() > deadline:
                message = f"not within {within} s: {claim}; it is {it}"
                raise AssertionError(message)
            await asyncio.sleep(0.05)


class AlreadyUp(Exception):
    """Another centre is up in this folder."""


def play(main: Coroutine[Any, Any, int | None]) -> NoReturn:
    """Run what has a contact centre in it, and exit: at its end, or, all put away, at Ctrl-C, SIGTERM or SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        sys.exit(asyncio.run(main))
    except AlreadyUp as fault:
        sys.exit(str(fault))
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Another one is up in {folder}: end it first, with Ctrl-C where it runs"
            raise AlreadyUp(message) from None
        yield


def make_sounds(site: Site) -> None:
    """All prompts of a site, in the folder that all centres share; only what is missing is made.

    Who comes while somebody else makes them waits for that.
    """
    SOUNDS.mkdir(parents=True, exist_ok=True)
    with SOUNDS.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in build(sounds(site.configuration().catalogue), SOUNDS):
            pass


def _copy_sounds(own: Path) -> None:
    """A copy of that folder, which is the daemon's."""
    shutil.copytree(SOUNDS, own)
    for path in (own, *own.rglob("*")):
        CCDAEMON.own(path, 0o755 if path.is_dir() else 0o644)


@asynccontextmanager
async def contact_centre(
    folder: Path,
    closed: Iterable[str] = (),
    more_phones: Iterable[str] = (),
    manager_port: int = PBX_PORT,
    asterisk: Mapping[str, str] | None = None,
    level: str = "debug",
    more_numbers: Iterable[str] = (),
    changes: Mapping[str, str] | None = None,
    *,
    own_sounds: bool = False,
) -> AsyncIterator[Centre]:
    """Start everything; end it again, whatever happens in between. Raises `AlreadyUp`.

    Where prompts are replaced, a centre needs `own_sounds`.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(_only_one(folder))
        played = folder / "sounds" if own_sounds else SOUNDS
        site = write_site(folder, played, closed, more_phones, manager_port, more_numbers, changes or {})
        make_sounds(site)
        if own_sounds:
            _copy_sounds(played)
        switch = pbx(site, asterisk)
        stack.push_async_callback(switch.stop)
        mosquitto = broker(site)
        stack.push_async_callback(mosquitto.stop)
        await asyncio.gather(switch.start(), mosquitto.start())
        await until_broker_up(site)
        world, phones = await stack.enter_async_context(exchange(site))
        centre = Centre(site, switch, mosquitto, daemon(site, level), world)
        stack.push_async_callback(lambda: centre.daemon.stop())  # noqa: PLW0108 - it may be another one by then
        stack.push_async_callback(phones.stop)  # first, so that the daemon has no conversation to wait for
        if manager_port == PBX_PORT:  # else the caller of this puts something in between, and starts the daemon
            await centre.daemon.start()
            await until_up(site, centre.daemon)
        yield centre
