"""`*45` to `*48`: an agent logs in or out, pauses, and makes their time after a call longer or ends it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from ccdaemon.agents import Shift
from ccdaemon.model import Phone, Site
from ccdaemon.rules.agents import UNANSWERED, WRAP_UP
from ccdaemon.rules.handset.talk import TRIES, Action, Do, HangUp, Keys, Story, digits, said, say

BACK = "0"
UNAVAILABLE = "handset-unavailable"
RESERVED_PROMPTS = {WRAP_UP: "pause-wrap-up", UNANSWERED: "agent-unanswered"}


@dataclass(frozen=True, slots=True)
class Look(Do):
    """What is known of this phone? Sent back: `Shift | None`."""


@dataclass(frozen=True, slots=True)
class LogIn(Do):
    """Sent back: the services whose calls ring this phone now, as Asterisk says; none if that did not work."""


@dataclass(frozen=True, slots=True)
class LogOut(Do):
    """Sent back: did it work?"""


@dataclass(frozen=True, slots=True)
class PauseFor(Do):
    """Take no calls, for so many `seconds` or, if 0, until they say so; take them if `why` is empty.

    Sent back: did it work?
    """

    why: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class EndWrapUp(Do):
    """The time after a call is over at once, Asterisk's own and ours. Sent back: did it work?"""


def log_in_or_out(site: Site, phone: Phone, _code: str) -> Story:
    if phone.extension not in site.agents:
        yield say(phone.language, "handset-not-allowed")
        return HangUp()
    shift = yield Look()
    if shift is None:
        services = yield LogIn()
        names = [f"service-{service}" for service in services]
        yield say(phone.language, *(["agent-logged-in", *names] if names else [UNAVAILABLE]))
        return HangUp()
    yield from _tell_unanswered(phone, shift)
    yield say(phone.language, "agent-logged-out" if (yield LogOut()) else UNAVAILABLE)
    return HangUp()


def pause(site: Site, phone: Phone, code: str) -> Story:
    """`*46` and a reason; without one, whoever is paused comes back, and others are asked for theirs."""
    if (shift := (yield from _logged_in(site, phone))) is None:
        return HangUp()
    wanted = code[3:] or (BACK if shift.paused else "")
    reasons, number = site.pauses.reasons, _number(wanted, site)
    if number is None:
        number = yield from _asked(site, phone, wrong=bool(wanted))
    if number is None:
        yield say(phone.language, "goodbye")
    elif number == BACK:
        yield from _take_calls(phone, PauseFor(""))
    else:
        done = yield PauseFor(reasons[number])
        yield say(phone.language, *(["agent-paused", f"pause-{reasons[number]}"] if done else [UNAVAILABLE]))
    return HangUp()


def longer(site: Site, phone: Phone, _code: str) -> Story:
    """`*47`: no call yet; for a time, so that nobody forgets."""
    if (shift := (yield from _logged_in(site, phone))) is None:
        return HangUp()
    if shift.paused not in {"", WRAP_UP, UNANSWERED}:
        yield say(phone.language, "agent-paused", _prompt(shift.paused))
        return HangUp()
    done = yield PauseFor(WRAP_UP, site.pauses.wrap_up)
    yield say(phone.language, "agent-wrap-up-longer" if done else UNAVAILABLE)
    return HangUp()


def ready(site: Site, phone: Phone, _code: str) -> Story:
    """`*48`: what was to be done after the call is done."""
    if (shift := (yield from _logged_in(site, phone))) is None:
        return HangUp()
    if shift.paused not in {"", WRAP_UP, UNANSWERED}:
        yield say(phone.language, "agent-paused", _prompt(shift.paused))
        return HangUp()
    yield from _take_calls(phone, EndWrapUp())
    return HangUp()


def _logged_in(site: Site, phone: Phone) -> Generator[Action, Any, Shift | None]:
    """Who is not hears so. Who was paused because they let calls ring hears that first, whatever they dialled."""
    if phone.extension not in site.agents:
        yield say(phone.language, "handset-not-allowed")
        return None
    shift: Shift | None = yield Look()
    if shift is None:
        yield say(phone.language, "agent-not-logged-in")
        return None
    yield from _tell_unanswered(phone, shift)
    return shift


def _tell_unanswered(phone: Phone, shift: Shift) -> Generator[Action, Any, None]:
    if shift.paused == UNANSWERED:
        yield say(phone.language, "agent-unanswered")


def _take_calls(phone: Phone, wanted: Do) -> Generator[Action, Any, None]:
    yield say(phone.language, "agent-takes-calls" if (yield wanted) else UNAVAILABLE)


def _asked(site: Site, phone: Phone, *, wrong: bool) -> Generator[Action, Any, str | None]:
    """A reason's number, or that of coming back; None for who presses none of them."""
    offered = [each for number, reason in site.pauses.reasons.items() for each in (*digits(number), f"pause-{reason}")]
    prompts = ["agent-reason", *offered, *digits(BACK), "pause-back"]
    most = max(map(len, [*site.pauses.reasons, BACK]))
    for _ in range(TRIES):
        pressed = yield Keys(said(phone.language, *(["invalid-key"] if wrong else []), *prompts), most)
        if (number := _number(pressed, site)) is not None:
            return number
        wrong = bool(pressed)
    return None


def _number(pressed: str, site: Site) -> str | None:
    return pressed if pressed in {*site.pauses.reasons, BACK} else None


def _prompt(paused: str) -> str:
    return RESERVED_PROMPTS.get(paused, f"pause-{paused}")
