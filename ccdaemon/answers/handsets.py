"""What is asked of the daemon about supervisors: who is locked out, and to forget that."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ccdaemon.asked import Answerer
from ccdaemon.chain import Link
from ccdaemon.control import Refused, asker
from ccdaemon.current import Current
from ccdaemon.flows.pins import Pins
from ccdaemon.store import Register


@dataclass(frozen=True)
class Supervisors:
    """Behind the control socket."""

    register: Register
    current: Current
    pins: Pins

    def answers(self) -> dict[str, Answerer]:
        return {"locked out": self.locked_out, "unlock": self.unlock}

    async def locked_out(self) -> dict[str, float]:
        """Until when, of each supervisor whose PIN was wrong too often."""
        return self.pins.locked_out()

    async def unlock(self, *, supervisor: str) -> dict[str, Any]:
        """Let them try again at once."""
        if supervisor not in self.current.site().supervisors:
            known = ", ".join(sorted(self.current.site().supervisors)) or "none"
            message = f"there is no supervisor {supervisor!r}; there are: {known}"
            raise Refused(message)
        was_wrong = await self.pins.unlock(supervisor)
        if was_wrong:
            await self.register.audit(Link(time.time(), "unlocked", {"supervisor": supervisor, "who": asker.get()}))
        return {"was_wrong": was_wrong}
