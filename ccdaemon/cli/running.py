"""How a command has the daemon do what nobody else does, or sees that none runs."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ccdaemon.asked import Json
from ccdaemon.cli.configuration import stop
from ccdaemon.config import Configuration
from ccdaemon.control import NotRunning, Refused, Sink, ask
from ccdaemon.places import SOCKET
from ccdaemon.tables.main import PathsTable
from ccdaemon.written import MAIN_FILE

PATIENCE = 3600.0  # seconds; a snapshot of a large register takes minutes


def do(site: Configuration, question: str, into: Sink | None = None, **values: Json) -> Json:
    """Have the daemon do something with what is kept: nobody else does. Content goes into a sink."""
    without = "only a daemon that runs can tell or do that (systemctl start ccdaemon)"
    return _asked(site.main.paths.run / SOCKET, question, without, into, **values)


def tell(folder: Path, question: str, into: Sink | None = None, **values: Json) -> Json:
    """The same by the folder of a site whose files may be wrong by now: the daemon goes on with older ones."""
    try:
        run = Path(tomllib.loads((folder / MAIN_FILE).read_text(encoding="utf-8-sig"))["paths"]["run"])
    except (OSError, ValueError, KeyError, TypeError):
        run = PathsTable().run
    without = "callers get the second tier. `systemctl status ccdaemon` tells why, `systemctl start ccdaemon` starts it"
    return _asked(run / SOCKET, question, without, into, **values)


def _asked(socket: Path, question: str, without: str, into: Sink | None = None, **values: Json) -> Json:
    try:
        return ask(socket, question, into, PATIENCE, **values)
    except NotRunning as fault:
        message = f"{fault}: {without}"
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
