"""How a command asks the register: through the daemon while it runs, and by itself while it does not."""

from __future__ import annotations

import asyncio
import os

from ccdaemon.answers.register import questions
from ccdaemon.asked import Json
from ccdaemon.cli.configuration import stop
from ccdaemon.config import Configuration
from ccdaemon.control import NotRunning, Refused, ask
from ccdaemon.keys import KeyWrong
from ccdaemon.places import REGISTER, SOCKET, keys, parties, signer
from ccdaemon.store import open_register
from ccdaemon.store.database import RegisterUnusable


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
