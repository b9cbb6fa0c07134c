"""The guard: what has met round the payments door is parted from its recorders, and somebody is told.

It comes after the fact, by milliseconds. For these it stops a recorder too late: they are measured and written down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.interlock import Interlock
from ccdaemon.flows.journal import Alarms
from ccdaemon.flows.payment import Tally
from ccdaemon.model import Event, Site
from ccdaemon.notices import Guarded
from ccdaemon.rules.calls import Calls, Leg

DEADLINE = 2.0  # seconds

log = structlog.get_logger()


class Guard:
    """Stops recorders on legs that `rules.payment.exposed` has found."""

    def __init__(
        self,
        interlock: Interlock,
        calls: Calls,
        site: Callable[[], Site],
        journal: Journal,
        alarms: Alarms,
        tally: Tally,
        clock: Callable[[], float],
    ) -> None:
        self._interlock = interlock
        self._calls = calls
        self._site = site
        self._journal = journal
        self._alarms = alarms
        self._tally = tally
        self._clock = clock

    async def stop(self, event: Event, legs: Sequence[Leg]) -> None:
        """Stop every recorder on these legs, and seal them. If there was one, it is an alarm.

        Even one that had ended with its leg: an officer's phone can take the place of an agent's (RFC 3891).
        """
        running = {leg.id for leg in legs if leg.recorded}
        began = float(event.get("Timestamp") or self._clock())
        devices = self._site().devices
        try:
            async with asyncio.timeout(DEADLINE):
                stopped = await asyncio.gather(*(self._interlock.stop_recorders(leg.channel) for leg in legs))
                exposure = self._clock() - began
                await asyncio.gather(*(self._interlock.seal(leg.channel, devices.get(leg.endpoint)) for leg in legs))
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            self._say(f"a recorder may run on a payment, and could not be stopped: {str(fault) or 'too slow'}")
            self._tally.guarded()
            self._note(event, legs, began, tuple(leg.channel for leg in legs), stopped=False)
            return
        self._calls.seal(leg.id for leg in legs)
        recorded = tuple(
            leg.channel for leg, recorders in zip(legs, stopped, strict=True) if recorders or leg.id in running
        )
        if not recorded:
            return
        self._tally.guarded()
        self._say(
            f"something went round the payments door ({event['Event']} of {event.get('Channel', '?')}): recording of "
            f"{', '.join(recorded)} was stopped after {1000 * exposure:.0f} ms. Find out who or what connected them"
        )
        self._note(event, legs, began, recorded, exposure)

    def _note(
        self,
        event: Event,
        legs: Sequence[Leg],
        began: float,
        channels: tuple[str, ...],
        exposure: float | None = None,
        *,
        stopped: bool = True,
    ) -> None:
        """For each call that has met."""
        took = self._clock() - began if exposure is None else exposure
        legs_of = {self._calls.legs.get(leg.id, leg).call: leg.id for leg in reversed(legs)}
        for call, leg in legs_of.items():
            self._journal.note(Guarded(call, began, leg, event["Event"], took, channels, stopped))

    def _say(self, text: str) -> None:
        self._alarms.clear("payment-guard")  # each time is news
        self._alarms.raise_("payment-guard", text)
