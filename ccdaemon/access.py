"""Who is let at what is kept: only the daemon opens it, once it stands in the audit chain who wants it and what for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from itertools import chain
from typing import Any

from ccdaemon.archive import Archive
from ccdaemon.chain import Link
from ccdaemon.control import Answerer, Content, Permit, Refused, asker, name_of
from ccdaemon.faults import ArchiveFault
from ccdaemon.kept import PURPOSES
from ccdaemon.model import Site
from ccdaemon.rules.access import refusal
from ccdaemon.store import Register


def permit(register: Register, site: Callable[[], Site]) -> Permit:
    """By the roles of the site as it is now. Who is refused something stands in the audit chain."""
    own = name_of(os.geteuid())

    async def check(question: str, who: str) -> None:
        if (why := refusal(question, who, own, site().roles)) is not None:
            await register.audit(Link(time.time(), "not permitted", {"question": question, "who": who}))
            raise Refused(why)

    return check


def accesses(register: Register, archive: Archive) -> dict[str, Answerer]:
    """What the control socket gives out of the archive."""

    async def audio(values: dict[str, Any]) -> Content:
        """The audio of a recording, once it stands in the audit chain who wants it, and what for."""
        leg, segment, purpose, reference = (values[name] for name in ("leg", "segment", "purpose", "reference"))
        if purpose not in PURPOSES:
            message = f"{purpose!r} is no purpose of the council's notice; they are {', '.join(PURPOSES)}"
            raise Refused(message)
        kept = await register.kept(leg, segment)
        if kept is None:
            message = f"there is no finished recording of leg {leg}, segment {segment}"
            raise Refused(message)
        try:
            pieces = archive.open(kept)
            first = await asyncio.to_thread(next, pieces, b"")  # all of it has proved whole by then
        except ArchiveFault as fault:
            raise Refused(str(fault)) from None
        said = {"leg": leg, "segment": segment, "purpose": purpose, "reference": reference, "who": asker.get()}
        await register.audit(Link(time.time(), "access", said))
        return Content({"file": kept.file}, chain([first], pieces))

    async def snapshot(_: dict[str, Any]) -> Content:
        """The register as it is in this moment, for a backup."""
        pieces = register.snapshot()
        first = await asyncio.to_thread(next, pieces)
        await register.audit(Link(time.time(), "backup", {"who": asker.get()}))
        return Content({}, chain([first], pieces))

    return {"audio": audio, "snapshot": snapshot}
