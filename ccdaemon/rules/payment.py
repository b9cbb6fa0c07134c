"""Which channels does the payments door concern, and which of them have met round it?

The door concerns those of the call that stands before it, and whatever could carry its sound: other lines of the same
phone, whatever is bridged with any of these, both halves of a Local channel, whoever is in a conference or parked where
one of them is going, until nothing new is found. Who listens to them without being a party is found too: supervisors,
and recorders that are channels themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ccdaemon.model import Channel, Event, Site
from ccdaemon.rules.calls import APART, Calls, Leg

CHANSPY = "ChanSpy"
SPIES = (CHANSPY, "ExtenSpy")
CONFERENCE = "ConfBridge"
MEETINGS = (CONFERENCE, "ParkedCall")  # where one is no longer on the way: applications
RECORDERS = ("CBRec/", "Recorder/")  # ConfBridge's own, and that of a bridge which ARI records: channels in a bridge
_HALF = re.compile(r"(Local/.*);[12]")


@dataclass(frozen=True, slots=True)
class Knock:
    """A question at the door (dialplan `cc-door`): a call to payments, or one that may meet a payment."""

    channel: str
    leg: str
    call: str
    nonce: str
    about: str
    device: str | None = None  # of the phone that is going to be rung
    meets: str | None = None  # the conference that is going to be joined, or the channel that is parked


def involved(
    channels: Iterable[Channel],
    first: Collection[str],
    devices: Mapping[str, str],
    device: str | None = None,
    meets: Mapping[str, str] = MappingProxyType({}),
) -> list[Channel]:
    """The closure of the channels with the Uniqueids `first`, and of those of the phone `device`.

    `devices` says to which phone an endpoint belongs. Endpoints that are no phone's, as a trunk's, join nothing: all
    callers share them. `meets` says of Uniqueids to which conference or parked channel they are on their way.
    """
    channels = list(channels)
    ties = {channel.id: _ties(channel, devices) | _meets(channel, meets.get(channel.id)) for channel in channels}
    found: dict[str, Channel] = {}
    tied = {f"phone {device}"} if device else set()
    fresh = [channel for channel in channels if channel.id in first or ties[channel.id] & tied]
    while fresh:
        found |= {channel.id: channel for channel in fresh}
        for channel in fresh:
            tied |= ties[channel.id]
        fresh = [channel for channel in channels if channel.id not in found and ties[channel.id] & tied]
    return list(found.values())


def _ties(channel: Channel, devices: Mapping[str, str]) -> set[str]:
    """What a channel shares with others whose sound may reach it."""
    ties = {f"call {channel.call}"}
    if channel.bridge and channel.application not in APART:
        ties.add(f"bridge {channel.bridge}")
    if channel.endpoint in devices and channel.name.startswith("PJSIP/"):
        ties.add(f"phone {devices[channel.endpoint]}")
    if half := _HALF.fullmatch(channel.name):
        ties.add(half[1])
    return ties


def _meets(channel: Channel, whom: str | None) -> set[str]:
    """Where others may find a channel: on its way to them, in a conference, or under its own name."""
    places = {whom, channel.name}
    if channel.application == CONFERENCE:
        places.add(channel.data.partition(",")[0])
    return {f"meeting {place}" for place in places - {None}}


def parties(legs: Collection[Leg], one: Leg) -> list[Leg]:
    """Who speaks with whom: all in the bridge of a leg, and through the halves of Local channels all in the next one.

    Those halves are left out. A consultation by feature code may leave one between two bridges for good.
    """
    found: dict[str, Leg] = {}
    fresh = [one]
    while fresh:
        leg = fresh.pop()
        found[leg.id] = leg
        half = _HALF.fullmatch(leg.channel)
        pair = {f"{half[1]};1", f"{half[1]};2"} if half else set()
        fresh += [
            each
            for each in legs
            if each.id not in found and ((leg.bridge and each.bridge == leg.bridge) or each.channel in pair)
        ]
    return [leg for leg in found.values() if not is_half(leg.channel)]


def is_half(name: str) -> bool:
    """Is this one of the two halves of a Local channel?"""
    return _HALF.fullmatch(name) is not None


def takes_payments(channels: Iterable[Channel], site: Site) -> bool:
    """Is a phone among them on which payments are taken?"""
    return any(site.devices.get(channel.endpoint) in site.officers for channel in channels)


def listeners(channels: Iterable[Channel], concerned: Collection[Channel]) -> list[Channel]:
    """Who hears the channels without being a party: supervisors, and recorders that are channels themselves."""
    recorders = {channel.id for channel in concerned if channel.name.startswith(RECORDERS)}
    snoops = tuple(f"Snoop/{channel.id}-" for channel in concerned)  # res_stasis_snoop.c names them by their target
    return [
        channel
        for channel in channels
        if channel.id in recorders or channel.name.startswith(snoops) or _spies(channel, concerned)
    ]


def _spies(channel: Channel, concerned: Collection[Channel]) -> bool:
    """ChanSpy names the beginning of a channel's name, or nothing; ExtenSpy an extension: that may be anybody."""
    if channel.application not in SPIES:
        return False
    target = channel.data.partition(",")[0]
    return channel.application == "ExtenSpy" or any(each.name.startswith(target) for each in concerned)


def sealed_devices(calls: Calls, site: Site) -> set[str]:
    """The phones that are in a call which is sealed."""
    return {site.devices[leg.endpoint] for leg in calls.legs.values() if leg.sealed and leg.endpoint in site.devices}


# --- the guard -------------------------------------------------------------------------------------------------------


def exposed(calls: Calls, event: Event, site: Site) -> list[Leg]:
    """Legs on which no recorder may run since this event, though the door has not seen to it.

    They share a bridge, or a phone that is in it, with an officer or with who is sealed; or a recorder has just started
    on who is sealed. The graph of the calls may lag, so what is not found here may be there all the same.
    """
    leg = calls.legs.get(event.get("Uniqueid", ""))
    if leg is None:
        return []
    match event["Event"]:
        case "MixMonitorStart":
            here = _together(calls, leg, site)
            return [leg] if any(_pays(each, site) for each in here) else []
        case "BridgeEnter":
            left = calls.legs.get(event.get("SwapUniqueid", ""))  # whose place it takes
            here = _together(calls, leg, site)
            here += [left] if left is not None and left not in here else []
            return [each for each in here if not each.sealed] if any(_pays(each, site) for each in here) else []
        case _:
            return []


def _together(calls: Calls, leg: Leg, site: Site) -> list[Leg]:
    """All legs in the bridge of a leg, and on the phones that are in it."""
    bridge = {
        each.id for each in calls.legs.values() if each.id == leg.id or (leg.bridge and each.bridge == leg.bridge)
    }
    phones = {site.devices.get(calls.legs[each].endpoint) for each in bridge} - {None}
    return [each for each in calls.legs.values() if each.id in bridge or site.devices.get(each.endpoint) in phones]


def _pays(leg: Leg, site: Site) -> bool:
    return leg.sealed or site.devices.get(leg.endpoint) in site.officers
