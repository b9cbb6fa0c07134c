"""What an agent asks for during a call, by a key or on another line of their phone: which calls do they mean?

Nothing here is like a payment: nobody is sealed, and no supervisor has to go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ccdaemon.model import Channel, Event, Site, endpoint_of
from ccdaemon.notices import CallEnded, KeptSafe, Notice, Objected
from ccdaemon.rules.calls import Calls, Leg
from ccdaemon.rules.payment import RECORDERS, SPIES, involved, is_half, listeners, parties

About: TypeAlias = Literal["objects", "keep"]  # as dialplan `cc-during` says it, and `cc-note` writes it down
CODES: Mapping[str, About] = {"objects": "objects", "keep": "keep"}
SAFETY = "*57"  # the reference of the holds that agents make
STOPPED, NOT_RECORDED, KEPT, NO_CALL = "recording-stopped", "call-not-recorded", "call-kept", "no-call-here"


@dataclass(frozen=True, slots=True)
class Asked:
    """The caller objects to being recorded, or the call is to be kept. `dialled` says that it is on another line."""

    about: About
    channel: str
    leg: str
    call: str
    nonce: str
    dialled: bool = False


def asked(event: Event) -> Asked | None:
    """What an event asks for, if it does."""
    about = CODES.get(event.get("About", ""))
    if event.get("UserEvent") != "CCDuring" or about is None:
        return None
    channel, leg, call, nonce = (event.get(key, "") for key in ("Channel", "Uniqueid", "Linkedid", "Nonce"))
    return Asked(about, channel, leg, call, nonce, dialled=event.get("Dialled") == "1")


def handset(channel: str, site: Site) -> str:
    """Who asks: nobody knows which person sits there."""
    return handset_at(endpoint_of(channel), site)


def handset_at(endpoint: str, site: Site) -> str:
    phone = site.phone_at(endpoint)
    return f"handset {phone.extension if phone is not None else endpoint}"


def settled(notices: Iterable[Notice], calls: Calls, site: Site, now: float) -> Iterator[Notice]:
    """What agents asked for while nobody was there, of the call of then, and of what has become of it since.

    That they became one nobody saw. A call that is over is not live again for its being spoken of.
    """
    for notice in notices:
        if not isinstance(notice, KeptSafe | Objected):
            yield notice
            continue
        named = replace(notice, who=handset_at(notice.who, site))
        yield named
        if notice.leg in calls.legs and calls.legs[notice.leg].call != notice.call:
            yield replace(named, call=calls.legs[notice.leg].call)
        if notice.call not in calls.calls:
            yield CallEnded(notice.call, now, seen=False)


def meant(wish: Asked, channels: Iterable[Channel], devices: Mapping[str, str]) -> list[Channel]:
    """All that belongs to the conversation: its call, its bridge, and what Local channels join to it.

    A key is about the conversation in which it was pressed, and leaves the other lines of that phone alone; but where
    nobody from outside is in it, about callers who wait on those while the agent consults a colleague. What was dialled
    is about every other conversation on that phone: nobody can say which of them is meant.
    """
    channels = list(channels)
    own = involved(channels, {wish.leg}, {})
    if not wish.dialled and _has_caller(own, devices):
        return own
    here = {channel.id for channel in own}
    lines = {channel.id for channel in channels if channel.id not in here and _speaks(channel, wish, devices)}
    others = involved(channels, lines, {})
    return others if wish.dialled or _has_caller(others, devices) else own


def _has_caller(channels: Iterable[Channel], devices: Mapping[str, str]) -> bool:
    """Is somebody among them who is at no phone of the site?"""
    people = (channel for channel in channels if not is_half(channel.name) and not channel.name.startswith(RECORDERS))
    return any(channel.endpoint not in devices for channel in people)


def _speaks(channel: Channel, wish: Asked, devices: Mapping[str, str]) -> bool:
    """Is this a conversation on the phone from which it was dialled?"""
    device = devices.get(endpoint_of(wish.channel))
    on_it = device is not None and devices.get(channel.endpoint) == device and channel.name.startswith("PJSIP/")
    return on_it and bool(channel.bridge)


def taps(channels: Iterable[Channel], concerned: Collection[Channel]) -> list[Channel]:
    """Recorders of the concerned that are channels themselves, as a conference's. Supervisors are none, and stay."""
    return [channel for channel in listeners(channels, concerned) if channel.application not in SPIES]


def was_recorded(calls: Calls, concerned: Collection[Channel], stopped: int) -> bool:
    """Did anything record them, until now or before?"""
    return stopped > 0 or any(calls.legs[each.id].segment for each in concerned if each.id in calls.legs)


def unwanted(calls: Calls, event: Event) -> list[Leg]:
    """Legs whose recorders must stop since this event, because they speak with somebody who objects."""
    leg = calls.legs.get(event.get("Uniqueid", ""))
    if leg is None or event["Event"] not in {"MixMonitorStart", "BridgeEnter"}:
        return []
    here = {each.id: each for each in [leg, *parties(calls.legs.values(), leg)]}
    return [each for each in here.values() if each.recorded] if any(each.objected for each in here.values()) else []
