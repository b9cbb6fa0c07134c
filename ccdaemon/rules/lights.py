"""Which lights of phones are on: by the names of device states, as `cc-lights` has them in the dialplan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ccdaemon.model import Site
from ccdaemon.rules.agents import LOGGED_OUT, interface
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.payment import parties, sealed_devices
from ccdaemon.rules.queues import Member, Queues


def lights(calls: Calls, site: Site) -> dict[str, bool]:
    """Is a phone in a call that is sealed, or with who objects? Is an agent there? Is a line ruled by somebody?"""
    sealed = sealed_devices(calls, site)
    legs = calls.legs.values()
    objected = {site.devices.get(each.endpoint) for leg in legs if leg.objected for each in parties(legs, leg)}
    return {
        **{f"cc-sealed-{device}": device in sealed for device in site.devices.values()},
        **{f"cc-objected-{device}": device in objected for device in site.devices.values()},
        **{f"cc-line-{service}": service in site.rulings for service in site.services},
        **dict(_agents(site, calls.queues)),
    }


def _agents(site: Site, queues: Queues) -> Iterator[tuple[str, bool]]:
    """Is an agent logged in, and paused? By what Asterisk says."""
    there = defaultdict[str, list[Member]](list)
    for name in queues.keys() & {name for service in site.services.values() for name in service.queue.names}:
        for who, member in queues[name].members.items():
            if not (member.paused and member.reason == LOGGED_OUT):
                there[who].append(member)
    for extension in site.agents:
        if (phone := site.phones.get(extension)) is not None:
            members = there[interface(phone.endpoint)]
            yield f"cc-in-{extension}", bool(members)
            yield f"cc-paused-{extension}", any(member.paused for member in members)
