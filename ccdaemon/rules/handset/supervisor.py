"""`*90`, `*91`, `*92`: a supervisor asks for a call; and what happens when they leave it for the next, or it ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from ccdaemon.model import Mode, Phone, Site, Supervisor
from ccdaemon.rules.handset.identity import identify
from ccdaemon.rules.handset.talk import Action, Do, End, GoTo, HangUp, Keys, Story, said, say
from ccdaemon.rules.supervision import Target, Verdict, modes

CODES: dict[str, Mode] = {"*90": "listen", "*91": "whisper", "*92": "barge"}
NEXT = "*"
DECIDES = 10.0  # seconds for a key once a call is over
_WHY = {
    Verdict.NOBODY: "spy-nobody",
    Verdict.NOT_IN_A_CALL: "spy-not-in-a-call",
    Verdict.NOT_THEIR_SERVICE: "spy-not-your-service",
    Verdict.PAYMENTS: "spy-payments",
}


@dataclass(frozen=True, slots=True)
class Join(Do):
    """Let a supervisor hear the phone of an extension; without one, the next call. Sent back: `Target | Verdict`."""

    who: Supervisor
    mode: Mode
    extension: str


@dataclass(frozen=True, slots=True)
class WhoSpies(Do):
    """Who has listened on this line, and how? Sent back: `tuple[Supervisor, Mode] | None`."""


@dataclass(frozen=True, slots=True)
class Leave(Do):
    """They have left the call that they heard. Sent back: does it go to payments?"""


def supervise(site: Site, phone: Phone, code: str) -> Story:
    """From the code to the call."""
    mode = CODES[code[:3]]
    who = yield from identify(site, phone, mode)
    if who is None:
        return HangUp()
    return (yield from _joined(phone, who, mode, code[3:]))


def next_call(_site: Site, phone: Phone, _code: str) -> Story:
    """They pressed `*`."""
    spying = yield WhoSpies()
    yield Leave()
    if spying is None:  # nobody knows any more: we were started anew
        yield say(phone.language, "handset-unavailable")
        return HangUp()
    who, mode = spying
    return (yield from _joined(phone, who, mode, ""))


def over(_site: Site, phone: Phone, _code: str) -> Story:
    """The call that they heard has ended, or the agent has left it."""
    spying = yield WhoSpies()
    why = ["spy-payments"] if (yield Leave()) else []
    key = yield Keys(said(phone.language, *why, "spy-over"), 1, DECIDES)
    if spying is None or key != NEXT:
        return HangUp()
    who, mode = spying
    return (yield from _joined(phone, who, mode, ""))


def _joined(phone: Phone, who: Supervisor, mode: Mode, extension: str) -> Generator[Action, Any, End]:
    match (yield Join(who, mode, extension)):
        case Target() as target:
            allowed = "-".join(modes(who))
            return GoTo(("spy", mode, allowed, target.channel, target.device, target.leg, who.id))
        case Verdict() as verdict:
            yield say(phone.language, _WHY[verdict])
            return HangUp()
        case answer:
            raise AssertionError(answer)
