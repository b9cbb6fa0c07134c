"""`*29` and a prompt's number: a supervisor hears a prompt, speaks it anew, and approves it.

Only prompts that have a number. Those on whose very words something rests have none, and are recorded at the console,
where their text stands before whoever speaks: that calls are recorded and for how long that is kept, what is said of
payments, and what agents are told of recordings. Whoever got hold of a PIN could else take a promise back unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ccdaemon.model import Catalogue, Fault, Language, Numbers, Phone, Prompt, Site
from ccdaemon.rules.handset import takes
from ccdaemon.rules.handset.identity import identify
from ccdaemon.rules.handset.takes import MakeRoom, language_of, take
from ccdaemon.rules.handset.talk import TRIES, Action, Do, HangUp, Keys, Say, Story, said, say
from ccdaemon.rules.messages import notice
from ccdaemon.rules.wording import ON_THEIR_WORDS, prompt_faults

LONGEST_NUMBER = 6
PROMPTS = (
    *("prompt-number", "prompt-unknown", "prompt-language", "prompt-present", "prompt-replaced", "nothing-changed"),
    *(f"digits/{digit}" for digit in range(1, 10)),
)
MAIN = "ccdaemon.toml"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A prompt, and the languages in which it is said."""

    prompt: str
    languages: tuple[Language, ...]


@dataclass(frozen=True, slots=True)
class Find(Do):
    """Which prompt has this number? Sent back: `Wanted | None`."""

    number: str


@dataclass(frozen=True, slots=True)
class Replace(Do):
    """Let what was approved be heard in the place of a prompt. Sent back: is it?"""

    who: str
    prompt: Prompt
    approved: Prompt


def record_prompt(site: Site, phone: Phone, code: str) -> Story:
    """From the code to a prompt that is heard from then on."""
    who = yield from identify(site, phone, "prompts")
    wanted = (yield from _found(phone, code[3:])) if who is not None else None
    if who is None or wanted is None:
        return HangUp()
    language = yield from language_of(site, phone, wanted.languages)
    if language is None:
        yield say(phone.language, "goodbye")
        return HangUp()
    present = Prompt(wanted.prompt, language)
    yield Say((*said(phone.language, "prompt-present"), present))
    room = yield MakeRoom()
    approved = yield from take(phone, room, language)
    if approved is None:
        yield say(phone.language, "nothing-changed")
    elif (yield Replace(who.id, present, approved)):
        yield say(phone.language, "prompt-replaced")
    else:
        yield say(phone.language, "take-not-kept", "nothing-changed")
    return HangUp()


def _found(phone: Phone, number: str) -> Generator[Action, Any, Wanted | None]:
    """The prompt of the number that was dialled, or else of one that is asked for."""
    for tries in range(1 + TRIES):
        wanted: Wanted | None = (yield Find(number)) if number else None
        if wanted is not None:
            return wanted
        wrong = ["prompt-unknown"] if number else []
        if tries < TRIES:
            number = yield Keys(said(phone.language, *wrong, "prompt-number"), LONGEST_NUMBER)
    yield say(phone.language, *wrong, "goodbye")
    return None


def at_the_console(site: Site) -> frozenset[str]:
    """Prompts of this site that no handset may replace."""
    return frozenset({"privacy-notice", site.announcement, *notice(site.retention["message"]), *ON_THEIR_WORDS})


def number_faults(site: Site, numbers: Numbers, files: Mapping[str, str]) -> Iterator[Fault]:
    """Numbers that two prompts share, or that a prompt may not have; `files` are those where each is written."""
    often = Counter(numbers.values())
    for name, number in sorted(numbers.items()):
        if often[number] > 1:
            others = ", ".join(sorted(each for each, same in numbers.items() if same == number and each != name))
            text = f"{number} is the number of {others} too: take another one"
            yield Fault(files[name], f"{name}.number", text)
        if name in at_the_console(site):
            text = (
                "may have none: something rests on the very words of this prompt, so it is recorded where they can be "
                "read (`ccdaemon prompts record`), and not from a handset"
            )
            yield Fault(files[name], f"{name}.number", text)


def prompts_faults(site: Site, catalogue: Catalogue) -> Iterator[Fault]:
    """What is missing for those who may record prompts."""
    if any("prompts" in who.may for who in site.supervisors.values()):
        spoken = (f"spoken-{language}" for language in site.languages)
        for each in (*PROMPTS, *takes.PROMPTS, *spoken):
            yield from prompt_faults(MAIN, "supervisors", each, site.languages, catalogue)
