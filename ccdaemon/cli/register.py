"""How a command asks the register: through the daemon while it runs, and by itself while it does not."""

from __future__ import annotations

import asyncio
import os
import tomllib
from pathlib import Path

from ccdaemon.answers.register import questions
from ccdaemon.asked import Json
from ccdaemon.cli.configuration import stop
from ccdaemon.config import MAIN_FILE, Configuration
from ccdaemon.control import NotRunning, Refused, Sink, ask
from ccdaemon.edges import REGISTER, SOCKET, keys, parties, signer
from ccdaemon.keys import KeyWrong
from ccdaemon.store import open_register
from ccdaemon.store.database import RegisterUnusable
from ccdaemon.tables import PathsTable

PATIENCE = 3600.0  # seconds; a snapshot of a large register takes minutes


def do(site: Configuration, question: str, into: Sink | None = None, **values: Json) -> Json:
    """Have the daemon do something with what is kept: nobody else does. Content goes into a sink."""
    return _asked(site.main.paths.run / SOCKET, question, into, **values)


def tell(folder: Path, question: str, **values: Json) -> Json:
    """The same by the folder of a site whose files may be wrong by now: the daemon goes on with older ones."""
    try:
        run = Path(tomllib.loads((folder / MAIN_FILE).read_text(encoding="utf-8-sig"))["paths"]["run"])
    except (OSError, ValueError, KeyError, TypeError):
        run = PathsTable().run
    return _asked(run / SOCKET, question, **values)


def _asked(socket: Path, question: str, into: Sink | None = None, **values: Json) -> Json:
    try:
        return ask(socket, question, into, PATIENCE, **values)
    except NotRunning as fault:
        message = f"{fault}: only the daemon opens, keeps and deletes what is kept (systemctl start ccdaemon)"
        raise stop(message) from None
    except Refused as refusal:
        raise stop(str(refusal)) from None


def not_running(site: Configuration) -> None:
    """Stop where a daemon runs."""
    try:
        ask(site.main.paths.run / SOCKET, "audit head")
    except NotRunning:
        return
    except Refused as refusal:
        raise stop(str(refusal)) from None
    message = "the daemon runs: stop it first (callers have the second tier meanwhile)"
    raise stop(message)


def ask_register(site: Configuration, question: str, **values: Json) -> Json:
    """Ask the daemon; where none runs, read the register ourselves."""
    try:
        return ask(site.main.paths.run / SOCKET, question, **values)
    except NotRunning:
        file = site.main.paths.state / REGISTER
        if not os.access(file, os.R_OK | os.W_OK):
            message = (
                f"no daemon runs, and {file} is not there, or not yours to open: start the daemon "
                "(systemctl start ccdaemon), or ask as root"
            )
            raise stop(message) from None
        return asyncio.run(_read(site, question, values))
    except Refused as refusal:
        raise stop(str(refusal)) from None


async def _read(site: Configuration, question: str, values: dict[str, Json]) -> Json:
    try:
        hidden = parties(keys(site), lambda: site.site)
        async with open_register(site.main.paths.state / REGISTER, hidden) as register:
            return await questions(register, signer(site))[question](**values)
    except (RegisterUnusable, Refused, KeyWrong) as fault:
        raise stop(str(fault)) from None
