"""`*95`: a supervisor hears a recording that chance has chosen, fills in the score card, and says what they think."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from ccdaemon.model import Phone, Site, Supervisor
from ccdaemon.rules.handset.identity import identify
from ccdaemon.rules.handset.takes import CUT_OFF, WHOLE
from ccdaemon.rules.handset.talk import TRIES, Action, Do, End, HangUp, Hear, Keys, Speak, Story, digits, said, say
from ccdaemon.rules.scoring import BEST, has_failed, total
from ccdaemon.scoring import Sample

CARD, AGAIN, OTHER = "1", "2", "*"
KEEP, SPEAK, BACK = "1", "1", "*"
PROMPTS = (
    *("scoring-none", "scoring-agent", "scoring-keys", "scoring-heard", "scoring-how", "scoring-fatal"),
    *("scoring-total", "scoring-per-cent", "scoring-failed", "scoring-not-applicable", "scoring-confirm"),
    *("scoring-kept", "scoring-not-kept", "scoring-comment", "scoring-comment-kept", "scoring-next"),
    *("invalid-key", "goodbye", "handset-unavailable", "take-not-kept"),
)
LONGEST_COMMENT = 180.0  # seconds
NEXT = 10.0  # seconds for a key that decides how it goes on


@dataclass(frozen=True, slots=True)
class Drawn:
    """A recording that was drawn, and the sound of it as Asterisk plays it."""

    sample: Sample
    agent: str  # extension
    sound: str


@dataclass(frozen=True, slots=True)
class Draw(Do):
    """A recording for this supervisor, which is lent to their handset alone. Sent back: `Drawn | None`.

    Whatever they had before is taken back.
    """

    who: Supervisor


@dataclass(frozen=True, slots=True)
class Keep(Do):
    """Keep a card that is filled in. Sent back: was it? Not, if somebody was faster or the register is full."""

    who: Supervisor
    drawn: Drawn
    points: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Comment(Do):
    """Where what they say about a recording is to lie, whose card was kept. Sent back: the file, without its ending."""

    drawn: Drawn


def score(site: Site, phone: Phone, _code: str) -> Story:
    """From the code to as many recordings as they have the patience for."""
    if not site.scoring.criteria:
        yield say(phone.language, "handset-unavailable")
        return HangUp()
    who = yield from identify(site, phone, "score")
    if who is None:
        return HangUp()
    while True:
        drawn: Drawn | None = yield Draw(who)
        if drawn is None:
            yield say(phone.language, "scoring-none")
            return HangUp()
        if (end := (yield from _scored(site, phone, who, drawn))) is not None:
            return end


def _scored(site: Site, phone: Phone, who: Supervisor, drawn: Drawn) -> Generator[Action, Any, End | None]:
    """One recording. None, if they want another one."""
    service = f"service-{drawn.sample.service}"
    yield say(phone.language, service, "scoring-agent", *digits(drawn.agent), "scoring-keys")
    match (yield from _heard(phone, drawn)):
        case "*":
            return None
        case "":
            yield say(phone.language, "goodbye")
            return HangUp()
    points = yield from _filled_in(site, phone)
    if points is None:
        yield say(phone.language, "scoring-not-kept", "goodbye")
        return HangUp()
    if not (yield Keep(who, drawn, points)):
        yield say(phone.language, "scoring-not-kept")
        return None
    if (yield Keys(said(phone.language, "scoring-kept", "scoring-comment"), 1, NEXT)) == SPEAK:
        ended = yield Speak((yield Comment(drawn)), LONGEST_COMMENT, keeps=True)
        yield say(phone.language, "scoring-comment-kept" if ended in {*WHOLE, CUT_OFF} else "take-not-kept")
    return None if (yield Keys(said(phone.language, "scoring-next"), 1, NEXT)) == OTHER else HangUp()


def _heard(phone: Phone, drawn: Drawn) -> Generator[Action, Any, str]:
    """What they press: `CARD` or `OTHER`; nothing, if it is neither, again and again."""
    again = True
    for _ in range(TRIES):
        key = (yield Hear(drawn.sound, drawn.sample.seconds, CARD + OTHER)) if again else ""
        key = key or (yield Keys(said(phone.language, "scoring-heard"), 1, NEXT))
        if key in {CARD, OTHER}:
            return str(key)
        again = key == AGAIN
    return ""


def _filled_in(site: Site, phone: Phone) -> Generator[Action, Any, Mapping[str, int] | None]:
    """All criteria in turn, until they say that it is right."""
    prompts = ["scoring-how"]
    for _ in range(TRIES):
        points = yield from _asked(site, phone, prompts)
        if points is None:
            return None
        if (yield Keys(said(phone.language, *_told(site, points), "scoring-confirm"), 1, NEXT)) == KEEP:
            return points
        prompts = []
    return None


def _asked(site: Site, phone: Phone, before: list[str]) -> Generator[Action, Any, Mapping[str, int] | None]:
    criteria, points = site.scoring.criteria, dict[str, int]()
    wrong = 0
    while len(points) < len(criteria):
        criterion = criteria[len(points)]
        fatal = ["scoring-fatal"] if criterion in site.scoring.fatal else []
        key = yield Keys(said(phone.language, *before, f"score-{criterion}", *fatal), 1, NEXT)
        before = []
        if key == BACK and points:
            points.popitem()
        elif key.isdecimal() and int(key) <= BEST:
            points[criterion], wrong = int(key), 0
        else:
            before, wrong = ["invalid-key"], wrong + 1
        if wrong == TRIES:
            return None
    return points


def _told(site: Site, points: Mapping[str, int]) -> list[str]:
    came = total(points, site.scoring)
    if came is None:
        return ["scoring-not-applicable"]
    if has_failed(points, site.scoring.fatal):
        return ["scoring-failed"]
    return ["scoring-total", *digits(str(came)), "scoring-per-cent"]
