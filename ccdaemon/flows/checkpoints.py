"""Rows of the audit chain go when their own time is over, behind a checkpoint that the site's key signs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from ccdaemon.chain import CHECKPOINT, Head, Link

ROWS = 5000  # in one transaction


class Register(Protocol):
    async def outdated(self, before: float) -> tuple[Head, int] | None: ...

    async def audit(self, link: Link) -> None: ...

    async def drop_outdated(self, limit: int) -> int: ...


class Signer(Protocol):
    """Raises `KeyUnusable`."""

    def signed(self, said: Mapping[str, Any]) -> dict[str, Any]: ...


async def retire(register: Register, signer: Signer, before: float, now: float) -> int:
    """Let rows go that are older than a moment; how many went. Raises `KeyUnusable`, `RegisterFull`.

    The checkpoint comes first: whoever is killed behind it has the next run take what it names.
    """
    if (outdated := await register.outdated(before)) is not None:
        last, rows = outdated
        said = {"seq": last.seq, "hash": last.hash, "rows": rows}
        await register.audit(Link(now, CHECKPOINT, await asyncio.to_thread(signer.signed, said)))
    gone = 0
    while count := await register.drop_outdated(ROWS):
        gone += count
    return gone
