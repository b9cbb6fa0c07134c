"""What every examination has before it, and how one that cannot be made is told from one that found nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol

from ccdaemon.asterisk.confs import closed, read_asterisk
from ccdaemon.asterisk.loaded import loaded_dialplan, places
from ccdaemon.asterisk.process import runs_as
from ccdaemon.asterisk.wire import Headers
from ccdaemon.config import Configuration
from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.findings import Finding, Runs, State, Unseen
from ccdaemon.model import AsteriskFiles, Setting
from ccdaemon.rules.lock import Judgement


class Switch(Protocol):
    """The manager link."""

    async def action(self, name: str, fields: Mapping[str, str] = {}) -> Headers: ...

    async def listing(self, name: str) -> list[Headers]: ...


@dataclass(frozen=True)
class Away:
    """A manager link that is not there: nothing that needs it can be looked at."""

    why: str

    async def action(self, name: str, fields: Mapping[str, str] = {}) -> NoReturn:  # noqa: ARG002 - a link's signature
        raise Unseen(self.why)

    async def listing(self, name: str) -> NoReturn:  # noqa: ARG002 - a link's signature
        raise Unseen(self.why)


@dataclass
class Examined:
    """The contact centre that is looked at."""

    site: Configuration
    folder: Path  # of Asterisk's configuration
    switch: Switch
    judgements: list[Judgement] = field(default_factory=list)
    _dialplan: list[Setting] | None = None

    def files(self) -> AsteriskFiles:
        """Asterisk's configuration. Raises `Unseen` where any of it is not for us to read."""
        if shut := closed(self.folder):
            file, why = next(iter(shut.items()))
            message = f"{file} cannot be read: {why}. Run this as root, or in Asterisk's group"
            raise Unseen(message)
        return read_asterisk(self.folder)

    async def dialplan(self) -> list[Setting]:
        """What is loaded; asked for once."""
        if self._dialplan is None:
            self._dialplan = await loaded_dialplan(self.switch)
        return self._dialplan


async def place(examined: Examined, name: str) -> Path:
    """One of Asterisk's own folders. Raises `Unseen`."""
    if not (told := (await places(examined.switch))[name]):
        message = f"Asterisk does not tell its {name}"
        raise Unseen(message)
    return Path(told)


async def runs(examined: Examined) -> Runs:
    """As whom Asterisk runs. Raises `Unseen`."""
    try:
        return runs_as(await place(examined, "ASTRUNDIR"))
    except (OSError, ValueError) as fault:
        message = f"as whom Asterisk runs is not known: {fault}. Run this as root"
        raise Unseen(message) from None


async def looked(thing: str, look: Awaitable[list[Finding]]) -> list[Finding]:
    """What an examination finds, or why it could not be made."""
    try:
        return await look
    except Unseen as why:
        text = str(why)
    except (SwitchRefused, SwitchLost) as fault:
        text = f"Asterisk does not tell: {fault}"
    except PermissionError as fault:
        text = f"{fault.filename}: {fault.strerror}. Run this as root"
    except OSError as fault:
        text = f"{fault.filename or 'this machine'}: {fault.strerror or fault}"
    return [Finding(thing, State.UNSEEN, text)]
