"""Who is at this handset? Their number, where several may use it, and their PIN."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ccdaemon.model import Phone, Right, Site, Supervisor
from ccdaemon.rules.handset.talk import TRIES, Action, Do, Keys, Say, said, say

LONGEST_PIN = 12


class Checked(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class CheckPin(Do):
    """Is this the PIN of that supervisor? Sent back: `Checked`."""

    who: str
    pin: str


@dataclass(frozen=True, slots=True)
class Refused(Do):
    """Somebody may not do what they asked for: it is written down. Sent back: nothing."""

    who: str
    reason: str


def identify(site: Site, phone: Phone, right: Right) -> Generator[Action, Any, Supervisor | None]:
    """Ask until it is certain; None once they have heard that they may not."""
    known = [each for each in site.supervisors.values() if phone.extension in each.handsets]
    if not known:
        yield Refused("", f"nobody may do that from {phone.extension}")
        yield say(phone.language, "handset-not-allowed")
        return None
    who = known[0] if len(known) == 1 else (yield from _numbered(phone, known))
    if who is None or not (yield from _proven(phone, who)):
        return None
    if right not in who.may:
        yield Refused(who.id, f"may not {right}")
        yield say(phone.language, "handset-not-allowed")
        return None
    return who


def _numbered(phone: Phone, known: list[Supervisor]) -> Generator[Action, Any, Supervisor | None]:
    prompts = ["supervisor-number"]
    for _ in range(TRIES):
        number = yield Keys(said(phone.language, *prompts), max(len(each.number) for each in known))
        for each in known:
            if each.number == number:
                return each
        prompts = ["invalid-key", "supervisor-number"]
    yield say(phone.language, "goodbye")
    return None


def _proven(phone: Phone, who: Supervisor) -> Generator[Action, Any, bool]:
    prompts = ["pin"]
    for _ in range(TRIES):
        pin = yield Keys(said(phone.language, *prompts), LONGEST_PIN)
        match (yield CheckPin(who.id, pin)) if pin else Checked.WRONG:
            case Checked.RIGHT:
                return True
            case Checked.LOCKED:
                yield say(phone.language, "pin-locked")
                return False
            case _:
                prompts = ["pin-wrong"]
    yield Say(said(phone.language, "goodbye"))
    return False
