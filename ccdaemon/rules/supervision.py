"""May this supervisor hear this call, and how? And which call is meant?

Only calls of their services, with an agent in them, and nothing of payments. The graph of the calls may lag, so what is
decided here is asked of Asterisk once more before anybody hears anything (`flows.supervise`, dialplan `cc-supervise`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum

from ccdaemon.model import Mode, Site, Supervisor
from ccdaemon.rules.calls import Calls, Leg
from ccdaemon.rules.payment import sealed_devices

MODES: tuple[Mode, ...] = ("listen", "whisper", "barge")


class Verdict(Enum):
    """Why a call cannot be joined."""

    NOBODY = "none of their services has a call"
    NOT_IN_A_CALL = "the phone is in no call"
    NOT_THEIR_SERVICE = "the call is of another service"
    PAYMENTS = "the call is with payments"


@dataclass(frozen=True, slots=True)
class Target:
    """An agent's leg that may be heard."""

    leg: str
    channel: str
    device: str
    call: str
    service: str


def modes(who: Supervisor) -> tuple[Mode, ...]:
    """Those that they may use, the quietest first."""
    return tuple(mode for mode in MODES if mode in who.may)


def at_phone(calls: Calls, site: Site, who: Supervisor, extension: str) -> Target | Verdict:
    """The call on the phone of an extension; of several that which may be joined."""
    phone = site.phones.get(extension)
    spoken = [leg for leg in calls.legs.values() if phone is not None and leg.endpoint == phone.endpoint and leg.bridge]
    if not spoken:
        return Verdict.NOT_IN_A_CALL
    judged = [_judged(calls, site, who, leg, sealed_devices(calls, site)) for leg in spoken]
    return next((each for each in judged if isinstance(each, Target)), judged[0])


def longest(calls: Calls, site: Site, who: Supervisor, heard: Collection[str] = (), own: str = "") -> Target | Verdict:
    """The call of one's services that has run for longest, but for those legs that were heard already.

    Once all were, it begins anew. `own` is the phone at which the supervisor is.
    """
    found = sorted(_all(calls, site, who, own), key=lambda target: (calls.calls[target.call].began, target.leg))
    fresh = [target for target in found if target.leg not in heard]
    return next(iter([*fresh, *found]), Verdict.NOBODY)


def _all(calls: Calls, site: Site, who: Supervisor, own: str) -> Iterator[Target]:
    sealed = sealed_devices(calls, site)
    for leg in calls.legs.values():
        if leg.bridge and leg.endpoint in site.devices and site.devices[leg.endpoint] != own:
            judged = _judged(calls, site, who, leg, sealed)
            if isinstance(judged, Target):
                yield judged


def _judged(calls: Calls, site: Site, who: Supervisor, leg: Leg, sealed: Collection[str]) -> Target | Verdict:
    device, service = site.devices[leg.endpoint], calls.calls[leg.call].service
    if device in site.officers or device in sealed or leg.sealed or service == site.payments:
        return Verdict.PAYMENTS
    if service is None or service not in who.services:
        return Verdict.NOT_THEIR_SERVICE
    return Target(leg.id, leg.channel, device, leg.call, service)
