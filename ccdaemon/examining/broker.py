"""The broker by which network monitoring hears of us: can we log in there, publish, and clear again?"""

from __future__ import annotations

from ccdaemon import edges
from ccdaemon.config import ConfigurationFaults
from ccdaemon.examining.looking import Examined, looked
from ccdaemon.findings import Finding, State, Unseen
from ccdaemon.mqtt import BrokerUnusable, try_out

THING = "broker"


async def broker(examined: Examined) -> list[Finding]:
    return await looked(THING, _broker(examined))


async def _broker(examined: Examined) -> list[Finding]:
    try:
        there = edges.broker(examined.site)
    except ConfigurationFaults as wrong:
        message = f"{'; '.join(map(str, wrong.faults))}. Run this as root, or as the daemon's user"
        raise Unseen(message) from None
    if there is None:
        message = "none is configured ([mqtt] in ccdaemon.toml): nothing is published"
        raise Unseen(message)
    where = f"{there.host}:{there.port}"
    try:
        await try_out(there, examined.site.site.name)
    except BrokerUnusable as fault:
        text = (
            f"{where} {fault}. Network monitoring sees nothing of us; calls are not concerned. Look whether it runs, "
            "and at user, password and access list"
        )
        return [Finding(THING, State.FAULT, text, "ccdaemon.toml: mqtt")]
    return [
        Finding(
            THING,
            State.OK,
            f"{where} takes, keeps and clears what is published below ccdaemon/{examined.site.site.name}/",
        )
    ]
