"""`*28` and a line's extension: a supervisor opens it, closes it, puts a message on it, or takes it back to its hours.

An emergency message is all that callers of a line hear. It goes live in one step, once it is approved in every language
of the line, and not before: nobody hears half of it, and nobody is told less for having chosen Welsh.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal, TypeAlias

from ccdaemon.model import Catalogue, Fault, Phone, Service, Site, Supervisor
from ccdaemon.rules.handset import takes
from ccdaemon.rules.handset.identity import Refused, identify
from ccdaemon.rules.handset.takes import MakeRoom, take
from ccdaemon.rules.handset.talk import TRIES, Action, Do, HangUp, Keys, Story, digits, said, say
from ccdaemon.rules.hours import Opening, opening
from ccdaemon.rules.wording import prompt_faults

State: TypeAlias = Literal["open", "closed", "timetable"]

OPEN, CLOSE, EMERGENCY, BACK = "1", "2", "3", "4"
ALL_THE_SAME, AS_IT_IS = "1", "2"
STATES: dict[str, State] = {OPEN: "open", CLOSE: "closed", BACK: "timetable"}
BY_HOURS = {
    Opening.OPEN: "line-is-open",
    Opening.CLOSED: "line-is-closed",
    Opening.BANK_HOLIDAY: "line-is-holiday",
}
PROMPTS = (
    *(*BY_HOURS.values(), "line-is-opened", "line-is-shut", "line-is-emergency", "line-is-urgent"),
    *("line-which", "line-unknown", "line-not-yours", "line-choices", "line-not-kept"),
    *("line-changed-meanwhile", "line-all-the-same", "emergency-how", "emergency-not-live", "nothing-changed"),
    *(f"digits/{digit}" for digit in range(10)),
)
MAIN = "ccdaemon.toml"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a line is now: as prompts say it, and since when somebody has ruled so, if anybody has."""

    prompts: tuple[str, ...]
    ruled: float | None = None


class Done(Enum):
    """What came of a change: `NOT_KEPT` counts, until a restart."""

    DONE = auto()
    NOT_KEPT = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class LineNow(Do):
    """How is this line? Sent back: `Standing`, or None if there is no such line any more."""

    service: str


@dataclass(frozen=True, slots=True)
class Put(Do):
    """Have a line so; with a `message` its callers hear nothing else. Sent back: `Done`."""

    who: str
    service: str
    state: State
    message: str | None = None


def standing(site: Site, service: Service, now: datetime) -> Standing:
    ruling = site.rulings.get(service.id)
    if ruling is not None and ruling.message is not None:
        return Standing(("line-is-emergency",), ruling.since)
    if ruling is not None:
        word = "line-is-opened" if ruling.state == "open" else "line-is-shut"
    else:
        word = BY_HOURS[opening(site, service, now)]
    urgent = ["line-is-urgent"] if service.emergency is not None else []
    return Standing((word, *urgent), ruling.since if ruling is not None else None)


def change_line(site: Site, phone: Phone, code: str) -> Story:
    """From the code to what the line is then."""
    who = yield from identify(site, phone, "lines")
    service = (yield from _which(site, phone, who, code[3:])) if who is not None else None
    if who is None or service is None:
        return HangUp()
    before = yield from _told(phone, service)
    if before is None:
        return HangUp()
    match (yield from _pressed(phone, "line-choices", {*STATES, EMERGENCY})):
        case None:
            yield say(phone.language, "nothing-changed", "goodbye")
        case "3":
            yield from _emergency(phone, who, service, before)
        case key:
            yield from _put(phone, service, Put(who.id, service.id, STATES[key]))
    return HangUp()


def _which(site: Site, phone: Phone, who: Supervisor, extension: str) -> Generator[Action, Any, Service | None]:
    """The line of that extension, if it is theirs; without one, their only line, or one of a list."""
    theirs = [service for service in site.services.values() if service.id in who.services]
    if extension:
        found = next((service for service in site.services.values() if service.extension == extension), None)
        if found in theirs:
            return found
        if found is not None:
            yield Refused(who.id, f"may not open or close {found.id}")
        yield say(phone.language, "line-unknown" if found is None else "line-not-yours")
        return None
    if len(theirs) == 1:
        return theirs[0]
    numbers = {str(number): service for number, service in enumerate(theirs, 1)}
    offered = [each for number, service in numbers.items() for each in (*digits(number), f"service-{service.id}")]
    wrong: list[str] = []
    for _ in range(TRIES):
        pressed = yield Keys(said(phone.language, *wrong, "line-which", *offered), len(str(len(numbers) or 1)))
        if pressed in numbers:
            return numbers[pressed]
        wrong = ["invalid-key"] if pressed else []
    yield say(phone.language, "goodbye")
    return None


def _emergency(phone: Phone, who: Supervisor, service: Service, before: Standing) -> Generator[Action, Any, None]:
    """Record it in every language, and only then put it on the line: what callers hear changes in that one step."""
    yield say(phone.language, "emergency-how")
    room = yield MakeRoom()
    for language in service.languages:
        if (yield from take(phone, room, language)) is None:
            yield say(phone.language, "emergency-not-live")
            yield from _told(phone, service)
            return
    if not (yield from _still_wanted(phone, service, before)):
        yield say(phone.language, "emergency-not-live")
        return
    yield from _put(phone, service, Put(who.id, service.id, "closed", room.name))


def _still_wanted(phone: Phone, service: Service, before: Standing) -> Generator[Action, Any, bool]:
    """Recording takes minutes, in which a colleague may have done something: then they hear what, and decide."""
    now = yield LineNow(service.id)
    if now is None or now.ruled == before.ruled:
        return now is not None
    yield say(phone.language, "line-changed-meanwhile", f"service-{service.id}", *now.prompts)
    return (yield from _pressed(phone, "line-all-the-same", {ALL_THE_SAME, AS_IT_IS})) == ALL_THE_SAME


def _put(phone: Phone, service: Service, wanted: Put) -> Generator[Action, Any, None]:
    done = yield wanted
    if done is Done.NOTHING:
        yield say(phone.language, "emergency-not-live" if wanted.message else "handset-unavailable")
        return
    yield from _told(phone, service)
    if done is Done.NOT_KEPT:
        yield say(phone.language, "line-not-kept")


def _told(phone: Phone, service: Service) -> Generator[Action, Any, Standing | None]:
    """Say how the line is, as the daemon has it in this moment."""
    now: Standing | None = yield LineNow(service.id)
    if now is None:
        yield say(phone.language, "handset-unavailable")
    else:
        yield say(phone.language, f"service-{service.id}", *now.prompts)
    return now


def _pressed(phone: Phone, question: str, keys: set[str]) -> Generator[Action, Any, str | None]:
    """One of these keys; None for who presses none of them."""
    wrong: list[str] = []
    for _ in range(TRIES):
        key = yield Keys(said(phone.language, *wrong, question), 1)
        if key in keys:
            return str(key)
        wrong = ["invalid-key"] if key else []
    return None


def line_faults(site: Site, catalogue: Catalogue) -> Iterator[Fault]:
    """What is missing for those who may open and close lines. (Extensions that two lines share are a fault anyhow.)"""
    supervisors = [who for who in site.supervisors.values() if "lines" in who.may]
    for who in supervisors:
        key = f"supervisors.{who.id}.services"
        if not who.services:
            yield Fault(MAIN, key, "names no service: there is no line that they could open or close (*28)")
        for service in sorted(who.services & site.services.keys()):
            yield from prompt_faults(MAIN, key, f"service-{service}", site.languages, catalogue)
    if supervisors:
        spoken = (f"spoken-{language}" for language in site.languages)
        for prompt in (*PROMPTS, *takes.PROMPTS, *spoken):
            yield from prompt_faults(MAIN, "supervisors", prompt, site.languages, catalogue)
