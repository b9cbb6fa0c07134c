"""How a command has the daemon do what nobody else does, or sees that none runs."""

from __future__ import annotations

from ccdaemon.cli.configuration import stop
from ccdaemon.config import Configuration
from ccdaemon.control import Json, NotRunning, Refused, Sink, ask
from ccdaemon.places import SOCKET

PATIENCE = 3600.0  # seconds; a snapshot of a large register takes minutes


def do(site: Configuration, question: str, into: Sink | None = None, **values: Json) -> Json:
    """Have the daemon do something with what is kept: nobody else does. Content goes into a sink."""
    try:
        return ask(site.main.paths.run / SOCKET, question, into, PATIENCE, **values)
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
