"""The feature codes of handsets that lead to a story, in the one table from which README and card are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ccdaemon.model import Language, Phone, Site
from ccdaemon.rules.handset.agent import log_in_or_out, longer, pause, ready
from ccdaemon.rules.handset.lines import change_line
from ccdaemon.rules.handset.prompts import record_prompt
from ccdaemon.rules.handset.scoring import score
from ccdaemon.rules.handset.supervisor import next_call, over, supervise
from ccdaemon.rules.handset.talk import Story

Begin: TypeAlias = Callable[[Site, Phone, str], Story]


@dataclass(frozen=True, slots=True)
class Code:
    """What is dialled (`pattern`), how a card writes it, and what it does, in each language of a card.

    Some are the dialplan's alone, and begin no story; some begin with a supervisor's PIN.
    """

    pattern: re.Pattern[str]
    written: str
    does: dict[Language, str]
    begin: Begin | None = None
    pin: bool = False
    then: Mapping[Language, str] = field(default_factory=dict)  # what may be dialled behind it

    def written_in(self, language: Language) -> str:
        return f"{self.written} [{self.then[language]}]" if language in self.then else self.written


CODES = (
    Code(
        re.compile(r"\*28\d*"),
        "*28",
        {
            "cy": "Agor neu gau llinell, neu roi neges argyfwng arni",
            "en": "Open or close a line, or put an emergency message on it",
        },
        change_line,
        pin=True,
        then={"cy": "estyniad", "en": "extension"},
    ),
    Code(
        re.compile(r"\*29\d*"),
        "*29",
        {"cy": "Recordio cyhoeddiad o'r newydd", "en": "Record a prompt anew"},
        record_prompt,
        pin=True,
        then={"cy": "rhif", "en": "number"},
    ),
    Code(
        re.compile(r"\*45"),
        "*45",
        {"cy": "Mewngofnodi i'ch llinellau, neu allgofnodi", "en": "Log in to your lines, or log out"},
        log_in_or_out,
    ),
    Code(
        re.compile(r"\*46\d{0,2}"),
        "*46",
        {
            "cy": "Oedi eich galwadau am reswm; eto, neu gyda 0, eu derbyn unwaith yn rhagor",
            "en": "Pause your calls for a reason; again, or with 0, take them once more",
        },
        pause,
        then={"cy": "rheswm", "en": "reason"},
    ),
    Code(
        re.compile(r"\*47"),
        "*47",
        {"cy": "Rhagor o amser i orffen ar ôl galwad", "en": "More time to finish after a call"},
        longer,
    ),
    Code(
        re.compile(r"\*48"),
        "*48",
        {"cy": "Wedi gorffen: derbyn yr alwad nesaf ar unwaith", "en": "Finished: take the next call at once"},
        ready,
    ),
    Code(
        re.compile(r"\*90\d*"),
        "*90",
        {
            "cy": "Gwrando ar alwad; heb estyniad, yr un hiraf. Yna 4 gwrando, 5 sibrwd, 6 ymuno, * y nesaf",
            "en": "Listen to a call; without an extension, the longest. Then 4 listen, 5 whisper, 6 barge, * the next",
        },
        supervise,
        pin=True,
        then={"cy": "estyniad", "en": "extension"},
    ),
    Code(
        re.compile(r"\*91\d*"),
        "*91",
        {"cy": "Sibrwd wrth y swyddog o'r dechrau", "en": "Whisper to the agent from the start"},
        supervise,
        pin=True,
        then={"cy": "estyniad", "en": "extension"},
    ),
    Code(
        re.compile(r"\*92\d*"),
        "*92",
        {"cy": "Ymuno â'r alwad o'r dechrau", "en": "Barge in from the start"},
        supervise,
        pin=True,
        then={"cy": "estyniad", "en": "extension"},
    ),
    Code(
        re.compile(r"\*95"),
        "*95",
        {
            "cy": "Sgorio recordiad. Yna 4 yn ôl, 5 oedi, 6 ymlaen, 1 i'r cerdyn sgorio, * recordiad arall",
            "en": "Score a recording. Then 4 back, 5 pause, 6 forward, 1 to the score card, * another recording",
        },
        score,
        pin=True,
    ),
    Code(
        re.compile(r"\*54"),
        "*54",
        {
            "cy": "Yn ystod galwad, ar ôl taliad: parhau â'r recordio, lle mae'r safle'n caniatáu hynny",
            "en": "During a call, after a payment: let the recording go on, where the site allows it",
        },
    ),
    Code(
        re.compile(r"\*55\d*"),
        "*55",
        {
            "cy": "Yn ystod galwad, cyn manylion cerdyn: stopio'r recordio",
            "en": "During a call, before card details: stop the recording",
        },
    ),
    Code(
        re.compile(r"\*56"),
        "*56",
        {
            "cy": "Yn ystod galwad: mae'r galwr yn gwrthwynebu cael ei recordio",
            "en": "During a call: the caller objects to being recorded",
        },
    ),
    Code(
        re.compile(r"\*57"),
        "*57",
        {
            "cy": "Yn ystod galwad: bygythiad neu berygl, cadw'r alwad",
            "en": "During a call: a threat, or somebody's safety; keep the call",
        },
    ),
    Code(
        re.compile(r"\*6[1-9]"),
        "*61 - *69",
        {"cy": "Ymuno ag ystafell gynadledda", "en": "Join a conference room"},
    ),
    Code(
        re.compile(r"\*7[1-9]"),
        "*71 - *79",
        {"cy": "Parcio galwad (drwy drosglwyddo), neu ei nôl", "en": "Park a call (by a transfer), or fetch it"},
    ),
)
# What the dialplan asks while a supervisor hears a call.
WITHIN: dict[str, Begin] = {"next": next_call, "over": over}


def story(site: Site, phone: Phone, asked: str) -> Story | None:
    """The story of a code, or of what the dialplan asks; None if there is none."""
    if (begin := WITHIN.get(asked)) is not None:
        return begin(site, phone, asked)
    for code in CODES:
        if code.begin is not None and code.pattern.fullmatch(asked):
            return code.begin(site, phone, asked)
    return None
