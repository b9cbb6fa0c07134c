"""A recorder on trial: Asterisk plays a tone to itself, records it by the shipped dialplan, and the file must hold it.

The call is asked for by a call file, which takes a right to Asterisk's spool (root has it) and none at the manager
port: our user has no `originate`, and for one command a month it is not worth that whoever has the secret may call. A
user who has it, for another reason, is used where that folder is shut.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ccdaemon.asterisk.loaded import allowed_actions
from ccdaemon.asterisk.outgoing import ask_for_call
from ccdaemon.dialplan import RECORDINGS
from ccdaemon.examining.looking import Examined, looked, place
from ccdaemon.findings import Finding, State, Unseen, found
from ccdaemon.owned import owned
from ccdaemon.rules.examined.modes import recorded_faults
from ccdaemon.rules.examined.tone import THING, tone_findings

COMES, LASTS, EVERY = 6.0, 4.0, 0.1  # seconds: for the file to come, for it to be whole, between looks
CALL = {"Channel": "Local/tone@cc-trial/n", "Context": "cc-trial", "Priority": "1"}


async def recorder(examined: Examined) -> list[Finding]:
    return await looked(THING, _trial(examined))


async def _trial(examined: Examined) -> list[Finding]:
    spool, token = examined.site.main.paths.spool / RECORDINGS, secrets.token_hex(8)
    if not os.access(spool, os.R_OK | os.W_OK | os.X_OK):
        message = f"{spool} is not there, or not for us to use. Run this as root, or as the daemon's user"
        raise Unseen(message)
    asked = {"Variable": "DIALPLAN_EXISTS(cc-trial,record,1)"}
    if (await examined.switch.action("Getvar", asked)).get("Value") != "1":
        message = "the context cc-trial is not loaded: `ccdaemon dialplan install`, then asterisk -rx 'dialplan reload'"
        raise Unseen(message)
    file = spool / f"doctor-{token}.raw"
    try:
        call = await _call(examined, token)
        sizes = await _watched(file)
        if not sizes:
            return [_never(call, spool)]
        return [*_judged(file, len(set(sizes) - {0}))]
    finally:
        with suppress(FileNotFoundError):
            file.unlink()


async def _call(examined: Examined, token: str) -> Path | None:
    """Have the call made; the file that asks for it, if one does."""
    its, variable = await place(examined, "ASTSPOOLDIR"), f"CC_TRIAL={token}"
    try:
        return ask_for_call(its, {**CALL, "Extension": "record", "WaitTime": "10", "Setvar": variable})
    except OSError as fault:
        if "Originate" not in await allowed_actions(examined.switch):
            message = (
                f"{fault.filename}: {fault.strerror}, and the manager user has no `originate`. Run this as root, which "
                "needs no wider right"
            )
            raise Unseen(message) from None
    await examined.switch.action("Originate", {**CALL, "Exten": "record", "Async": "true", "Variable": variable})
    return None


async def _watched(file: Path) -> list[int]:
    """How large the file was at each look, from when it came until it must be whole."""
    loop, sizes = asyncio.get_running_loop(), list[int]()
    end = loop.time() + COMES
    while loop.time() < end:
        if (size := _size(file)) is not None:
            end = end if sizes else loop.time() + LASTS
            sizes.append(size)
        await asyncio.sleep(EVERY)
    return sizes


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _never(call: Path | None, spool: Path) -> Finding:
    if call is not None and call.exists():
        call.unlink()
        text = "Asterisk does not take call files: asterisk -rx 'module load pbx_spool.so' says why"
        return Finding(THING, State.UNSEEN, text)
    text = (
        f"Asterisk was told to record into {spool}, and no file came: no call is recorded. Its log says why; look at "
        "who may write there, and for a full disk"
    )
    return Finding(THING, State.FAULT, text, str(spool))


def _judged(file: Path, steps: int) -> Iterator[Finding]:
    yield from tone_findings(file.read_bytes(), steps, str(file.parent))
    yield from found(
        "its file", recorded_faults(owned(file), owned(file.parent)), "is for Asterisk and the daemon alone"
    )
