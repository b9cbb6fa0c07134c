"""What door and guard do to a channel: seal it, stop its recorders, hang it up. Each is done once Asterisk says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ccdaemon.faults import SwitchRefused

MOST_RECORDERS = 50  # on one channel; more is no recording but a fault
SEALED, PAYMENTS, GROUP = "__CC_SEALED", "payments", "GROUP(cc-payments)"
OBJECTED, YES = "CC_OBJECTED", "1"
NONE_LEFT, GONE = "Could not stop monitoring channel", "No such channel"  # as app_mixmonitor.c and manager.c say it


class Switch(Protocol):
    """Asterisk. Raises `SwitchRefused` or `SwitchLost`."""

    async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]: ...

    async def listing(self, name: str) -> list[dict[str, str]]: ...


class Interlock:
    """The hands of door and guard. A channel that has gone meanwhile is as good as done."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    async def seal(self, channel: str, device: str | None) -> None:
        """From now on `cc-connected` starts no recorder on this call, nor on this phone while the channel lasts."""
        await self.set(channel, SEALED, PAYMENTS)
        if device is not None:
            await self.set(channel, GROUP, device)

    async def unseal(self, channel: str) -> None:
        """Take both seals away: that of the call and that of the phone."""
        await self.set(channel, SEALED, "")
        await self.set(channel, GROUP, "")

    async def set(self, channel: str, variable: str, value: str) -> None:
        await self._unless_gone("Setvar", {"Channel": channel, "Variable": variable, "Value": value})

    async def get(self, channel: str, variable: str) -> str:
        """The value of a channel's variable; nothing, if it has none or has gone."""
        try:
            return (await self._switch.action("Getvar", {"Channel": channel, "Variable": variable})).get("Value", "")
        except SwitchRefused as refusal:
            if not refusal.says(GONE):
                raise
            return ""

    async def hang_up(self, channel: str) -> None:
        await self._unless_gone("Hangup", {"Channel": channel})

    async def stop_recorders(self, channel: str) -> int:
        """Stop the newest recorder of a channel until Asterisk says that there is none. Returns how many there were.

        Events and IDs are not asked: the one may be late, the other is a memory address that is used again.
        """
        for stopped in range(MOST_RECORDERS):
            try:
                await self._switch.action("StopMixMonitor", {"Channel": channel})
            except SwitchRefused as refusal:
                if not refusal.says(NONE_LEFT, GONE):
                    raise
                return stopped
        message = f"{channel} has more than {MOST_RECORDERS} recorders"
        raise SwitchRefused(message)

    async def _unless_gone(self, name: str, fields: Mapping[str, str]) -> None:
        try:
            await self._switch.action(name, fields)
        except SwitchRefused as refusal:
            if not refusal.says(GONE):
                raise
