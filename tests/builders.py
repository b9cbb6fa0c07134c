"""Values that several tests build: sites, moments, conversations, events of Asterisk."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

import ccdaemon
from ccdaemon.alarms import Alarms
from ccdaemon.answers.access import permit
from ccdaemon.answers.operating import Operating
from ccdaemon.archive import Archive
from ccdaemon.cli import app
from ccdaemon.config import Configuration, ConfigurationFaults, load
from ccdaemon.control import Control
from ccdaemon.current import Current
from ccdaemon.edges import archive
from ccdaemon.flows.lines import Lines
from ccdaemon.keys import SIZE, Keys, new_site_key
from ccdaemon.model import AlarmName, Event, Hours, Prompt, Service, Site
from ccdaemon.parties import Parties
from ccdaemon.places import REGISTER, SOCKET, folders, keys, parties
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.hours import ROUND_THE_CLOCK
from ccdaemon.rules.menus import TURNS, begin, step
from ccdaemon.rules.turns import (
    Action,
    Collect,
    Dialled,
    Entry,
    Key,
    Outcome,
    Play,
    Played,
    Silence,
    State,
)
from ccdaemon.shipped import shipped
from ccdaemon.signing import new_key
from ccdaemon.sounds import Sounds
from ccdaemon.store import Register, open_register
from ccdaemon.store.database import Database
from ccdaemon.upkeep import Upkeep

EXAMPLE = Path(ccdaemon.__file__).parent / "example"
PROMPTS = shipped("prompts")
LONDON = ZoneInfo("Europe/London")

RECORDED = ("housing", "assist")  # as the council's privacy notice has it
SAMPLES = 800  # a tenth of a second; how long sounds are
TRUNK = "\n[trunk](cc-trunk)\naors = trunk\n[trunk]\ntype = aor\ncontact = sip:carrier.example\n"
MONDAY_MORNING = datetime(2026, 7, 6, 10, tzinfo=LONDON)  # every service of the example is open


# --- sites -----------------------------------------------------------------------------------------------------------


@cache
def example() -> Configuration:
    """The shipped example, read once."""
    return load(EXAMPLE, PROMPTS)


def example_site() -> Site:
    return example().site


@cache
def always_open() -> Site:
    """The example, with somebody there at any time."""
    whole_week = Hours(dict.fromkeys(range(7), (ROUND_THE_CLOCK,)), on_bank_holidays=True, closures=frozenset())
    services = {name: replace(service, hours=whole_week) for name, service in example_site().services.items()}
    return replace(example_site(), services=services)


def with_service(site: Site, service: Service) -> Site:
    return replace(site, services={**site.services, service.id: service})


@dataclass(frozen=True)
class Edit:
    """A change to a file of a site: `new` for `old`. Without `old`, all of it is new; without `new`, it is gone."""

    file: str
    old: str
    new: str | None


def written_site(folder: Path, edits: Iterable[Edit] = ()) -> Path:
    """The example site in a folder of its own, changed."""
    config = folder / "config"
    shutil.copytree(EXAMPLE, config)
    for edit in edits:
        file = config / edit.file
        if edit.new is None:
            file.unlink()
        elif not edit.old:
            file.parent.mkdir(exist_ok=True)
            file.write_text(edit.new)
        else:
            text = file.read_text()
            assert edit.old in text, f"{edit.file} has no {edit.old!r} to change"
            file.write_text(text.replace(edit.old, edit.new, 1))
    return config


def site_to_run(folder: Path, edits: Iterable[Edit] = ()) -> Path:
    """The same, with secrets, and with everything that is written and read elsewhere in this folder too."""
    config = written_site(folder, edits)
    for name in ("manager", "gateway"):
        (config / f"{name}.secret").write_text(f"the-{name}-secret-of-a-test\n")
    (config / "audit.key").write_bytes(new_key())
    (config / "site.key").write_bytes(new_site_key())
    main = config / "ccdaemon.toml"
    text = main.read_text().replace("/etc/ccdaemon/", f"{config}/")
    for place in (
        "/etc/asterisk",
        "/usr/share/asterisk",
        "/var/lib/ccdaemon",
        "/var/spool",
        "/var/log",
        "/run/ccdaemon",
    ):
        text = text.replace(f'"{place}', f'"{folder}{place}')
    main.write_text(text)
    return config


@asynccontextmanager
async def serving(config: Path) -> AsyncIterator[tuple[Register, Archive]]:
    """The part of a daemon that commands ask: its register and archive, behind the control socket."""
    site = load(config, PROMPTS)
    for folder in folders(site):
        folder.mkdir(parents=True, exist_ok=True)
    kept = archive(site, keys(site))
    async with register_of(config) as register:
        board, current = Noticeboard(), Current(site)
        sounds = Sounds(site.main.paths.sounds)
        upkeep = Upkeep(register, kept, keys(site), board, lambda: site, lambda: None)
        operating = Operating(
            *(register, current, Calls(), sounds, board),
            *(Lines(register, current, sounds, lambda: None, time.time), lambda: True, dict),
            lambda: current.take_new(board),
        )
        answers = {**upkeep.answers(), **operating.answers()}

        def site_now() -> Site:
            with suppress(ConfigurationFaults):  # then the old one stays
                return load(config, PROMPTS).site
            return current.site()

        control = Control(answers, permit(register, site_now))
        await control.listen(site.main.paths.run / SOCKET)
        with closing(control):
            yield register, kept


def with_sounds(folder: Path) -> Path:
    """A sound for every prompt of the example, in both languages, all of the same length."""
    for prompt, texts in example().catalogue.items():
        for language in texts:
            file = folder / f"{Prompt(prompt, language).sound}.alaw"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bytes(SAMPLES))
    return folder


def shipped_files(folder: Path) -> Path:
    """Asterisk's folder of a site that took the samples as they are, and has a trunk."""
    dialplan = shipped("dialplan")
    shutil.copytree(dialplan / "samples", folder, dirs_exist_ok=True)
    (folder / "ccdaemon").mkdir()
    for file in dialplan.glob("*.conf"):
        shutil.copy(file, folder / "ccdaemon")
    with (folder / "pjsip.conf").open("a") as pjsip:
        pjsip.write(TRUNK)
    return folder


def whole_machine(folder: Path) -> Path:
    """A site with all that it needs: sounds, and an Asterisk that took our samples and found the sounds."""
    config = site_to_run(folder)
    main = load(config, PROMPTS).main
    with_sounds(main.paths.sounds)
    main.asterisk.config.mkdir(parents=True)
    shipped_files(main.asterisk.config)
    main.asterisk.sounds.mkdir(parents=True)
    (main.asterisk.sounds / "cy").symlink_to(main.paths.sounds / "cy")
    done = CliRunner().invoke(app, ["dialplan", "install", "--config", str(config)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return config


def faults_of(config: Path) -> dict[tuple[str, str], str]:
    """What is wrong with a site, by file and key path."""
    with pytest.raises(ConfigurationFaults) as refusal:
        load(config, PROMPTS)
    return {(fault.file, fault.key): fault.text for fault in refusal.value.faults}


# --- moments and conversations ---------------------------------------------------------------------------------------


def london(text: str) -> datetime:
    """`2026-07-06 10:00` as clocks in Wales show it."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dialling(service: str) -> Dialled:
    """Somebody dials the number of a service of the example."""
    return Dialled(example_site().services[service].numbers[0])


@dataclass(frozen=True)
class Told:
    """A conversation from its beginning to its end."""

    turns: tuple[tuple[State, Play | Collect], ...]
    state: State
    end: Action

    @property
    def heard(self) -> list[str]:
        """Every prompt, as `cy/welcome`, in its order."""
        return [f"{prompt.language}/{prompt.id}" for _, action in self.turns for prompt in action.prompts]


def converse(site: Site, entry: Entry, keys: str, now: datetime, *, whole: bool = True) -> Told:
    """Walk the rules with a caller who presses these keys in turn (a dash is silence) and says nothing after them.

    `whole` is whether they hear what cannot be interrupted to its end.
    """
    supply: Iterator[str] = iter(keys)
    turns: list[tuple[State, Play | Collect]] = []
    state, action = begin(site, entry, now)
    while isinstance(action, Play | Collect):
        turns.append((state, action))
        assert len(turns) <= TURNS, "the conversation does not come to its end"
        outcome: Outcome
        if isinstance(action, Play):
            outcome = Played(whole)
        else:
            key = next(supply, "-")
            outcome = Silence() if key == "-" else Key(key)
        state, action = step(site, state, outcome, now)
    return Told(tuple(turns), state, action)


# --- events of Asterisk ----------------------------------------------------------------------------------------------


def an_event(name: str, leg: str, call: str, at: float | None = None, **fields: str) -> Event:
    """An AMI event about a channel. `leg` is its Uniqueid, from which the channel's name is made."""
    stamp = {} if at is None else {"Timestamp": f"{at:.6f}"}
    return {"Event": name, **stamp, "Channel": channel_of(leg), "Uniqueid": leg, "Linkedid": call, **fields}


def records(leg: str, call: str, at: float | None = None, segment: int = 1) -> Event:
    """What `cc-connected` says of a recorder that it has started."""
    return an_event("UserEvent", leg, call, at, UserEvent="CCRecorder", Segment=str(segment))


def channel_of(leg: str) -> str:
    return f"PJSIP/1001-{re.sub(r'[^0-9]', '', leg):0>8}"


def listed(leg: str, call: str, bridge: str = "") -> Event:
    """An entry of CoreShowChannels."""
    return {
        "Event": "CoreShowChannel",
        "Channel": channel_of(leg),
        "Uniqueid": leg,
        "Linkedid": call,
        "BridgeId": bridge,
    }


def in_queue(queue: str, leg: str, waited: int) -> Mapping[str, str]:
    """An entry of QueueStatus: a caller who waits."""
    return {"Event": "QueueEntry", "Queue": queue, "Uniqueid": leg, "Wait": str(waited)}


# --- registers -------------------------------------------------------------------------------------------------------


def parties_in(folder: Path) -> Parties:
    """Hidden by keys that lie below this folder."""
    return parties(Keys(folder / "keys", bytes(SIZE)), example_site)


@asynccontextmanager
async def a_register(file: Path) -> AsyncIterator[Register]:
    """A register of its own."""
    (file.parent / "keys").mkdir(exist_ok=True)
    async with open_register(file, parties_in(file.parent)) as register:
        yield register


@asynccontextmanager
async def register_of(config: Path) -> AsyncIterator[Register]:
    """The register of a site, opened as its daemon opens it."""
    site = load(config, PROMPTS)
    for folder in (site.main.paths.state, site.main.keys.folder):
        folder.mkdir(parents=True, exist_ok=True)
    async with open_register(site.main.paths.state / REGISTER, parties(keys(site), lambda: site.site)) as register:
        yield register


# --- a register on a disk that can be full ---------------------------------------------------------------------------


class Disk:
    """The disk of a register, for which SQLite's own bound on a file's length stands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fill(self) -> None:
        """Not a page more."""
        await self._database.execute("VACUUM")
        await self._database.execute("PRAGMA max_page_count = 1")  # SQLite makes of it what there is already

    async def make_room(self) -> None:
        await self._database.execute("PRAGMA max_page_count = 1000000")


@asynccontextmanager
async def narrow_register(file: Path) -> AsyncIterator[tuple[Register, Disk]]:
    """A register, and its disk."""
    async with a_register(file):
        pass
    async with Database(file) as database:
        assert isinstance(database, Database)
        yield Register(database, parties_in(file.parent)), Disk(database)


# --- recordings ------------------------------------------------------------------------------------------------------


def a_raw_file(spool: Path, call: str, leg: str, content: bytes, segment: int = 1) -> Path:
    """A file as a recorder on the Housing line leaves it."""
    path = spool / f"20260706-100000_housing_{call}_{leg}_{segment}.raw"
    path.write_bytes(content)
    return path


# --- alarms ----------------------------------------------------------------------------------------------------------


class Noticeboard(Alarms):
    """Alarms, and which were raised and cleared in turn."""

    def __init__(self) -> None:
        super().__init__(self._write_down)
        self.history: list[str] = []
        self._news = asyncio.Event()

    async def until(self, so: Callable[[Mapping[AlarmName, str]], bool]) -> None:
        """Wait until the alarms that stand are as they should be."""
        while not so(self.standing):
            self._news.clear()
            await self._news.wait()

    def _write_down(self, topic: str, payload: Mapping[str, object] | None) -> None:
        name = topic.removeprefix("alarms/")
        said = f"{name} cleared" if payload is None else f"{name} raised"
        last = next((each for each in reversed(self.history) if each.startswith(f"{name} ")), f"{name} cleared")
        if said != last:
            self.history.append(said)
        self._news.set()
