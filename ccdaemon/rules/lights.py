"""Which lights of phones are on: by the names of device states, as `cc-lights` has them in the dialplan."""

from __future__ import annotations

from collections.abc import Iterator

from ccdaemon.model import Site
from ccdaemon.rules.agents import LOGGED_OUT, memberships
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.payment import sealed_devices
from ccdaemon.rules.queues import Queues


def lights(calls: Calls, site: Site) -> dict[str, bool]:
    """Is a phone in a call that is sealed, or whose caller objects? Is an agent there? Is a line ruled by somebody?"""
    sealed = sealed_devices(calls, site)
    objected = {site.devices.get(leg.endpoint) for leg in calls.legs.values() if leg.objected}
    return {
        **{f"cc-sealed-{device}": device in sealed for device in site.devices.values()},
        **{f"cc-objected-{device}": device in objected for device in site.devices.values()},
        **{f"cc-line-{service}": service in site.rulings for service in site.services},
        **dict(_agents(site, calls.queues)),
    }


def _agents(site: Site, queues: Queues) -> Iterator[tuple[str, bool]]:
    """Is an agent logged in, and paused? By what Asterisk says."""
    for extension in site.agents:
        if (phone := site.phones.get(extension)) is not None:
            there = memberships(site, queues, phone.endpoint).values()
            in_ = [member for member in there if not (member.paused and member.reason == LOGGED_OUT)]
            yield f"cc-in-{extension}", bool(in_)
            yield f"cc-paused-{extension}", any(member.paused for member in in_)
