"""The daemon itself, asked at its control socket: alarms, the last night, the last backup."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ccdaemon import __version__
from ccdaemon.control import NotRunning, Refused, ask
from ccdaemon.examining.looking import Examined, looked
from ccdaemon.findings import Finding, State, Unseen
from ccdaemon.places import SOCKET
from ccdaemon.rules.examined.upkeep import alarm_findings, backup_finding, daemon_findings, night_finding


async def daemon(examined: Examined) -> list[Finding]:
    try:
        told: dict[str, Any] = await _ask(examined, "status")
    except NotRunning as fault:
        text = f"{fault}: callers get the second tier, and nothing is recorded. systemctl start ccdaemon"
        return [Finding("daemon", State.FAULT, text, "control socket"), *_unseen("the daemon does not run")]
    except Refused as refusal:
        return [Finding("daemon", State.UNSEEN, f"{refusal}. Run this as root"), *_unseen(str(refusal))]
    return [
        *daemon_findings(told, __version__),
        *alarm_findings(told["topics"]),
        night_finding(told["topics"].get("register"), told["topics"]["daemon"]["since"], time.time()),
        *await looked("backup", _backup(examined)),
    ]


async def _backup(examined: Examined) -> list[Finding]:
    try:
        return [backup_finding(await _ask(examined, "last backup"), time.time())]
    except (NotRunning, Refused) as why:
        raise Unseen(str(why)) from None


async def _ask(examined: Examined, question: str) -> Any:  # noqa: ANN401 - any JSON
    return await asyncio.to_thread(ask, examined.site.main.paths.run / SOCKET, question)


def _unseen(why: str) -> list[Finding]:
    return [Finding(thing, State.UNSEEN, why) for thing in ("alarms", "expiry", "backup")]
