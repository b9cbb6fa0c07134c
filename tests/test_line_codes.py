"""Lines and prompts from a handset: what is said, what counts when, and that nothing counts which nobody approved."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ccdaemon.config import load
from ccdaemon.faults import RegisterFull
from ccdaemon.flows.lines import Lines
from ccdaemon.model import Phone, Prompt, Ruling, Site, Supervisor
from ccdaemon.rules.handset.codes import story
from ccdaemon.rules.handset.identity import Checked, CheckPin, Refused
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.lines import Done, LineNow, Put, Standing, standing
from ccdaemon.rules.handset.prompts import Find, Replace, Wanted, at_the_console
from ccdaemon.rules.handset.takes import TAKES, MakeRoom, Room, TakeIn, Wrong
from ccdaemon.rules.handset.talk import Do, End, HangUp, Keys, Say, Speak
from tests.builders import (
    MONDAY_MORNING,
    PROMPTS,
    Edit,
    example,
    example_site,
    faults_of,
    london,
    with_service,
    written_site,
)

PIN = "482915"
KEEPER = Supervisor(
    "sue", "", "", frozenset({"housing", "highways"}), frozenset({"lines", "prompts"}), frozenset({"1005"})
)
ONE = replace(KEEPER, services=frozenset({"housing"}))
NEITHER = replace(KEEPER, may=frozenset({"listen"}))
PHONE = Phone("1005", "1005", "general", "1005", "cy")
ROOM = Room("_ab12", "/spool/takes/_ab12")
GREETING = Wanted("welcome", ("cy", "en"))


def site(*supervisors: Supervisor) -> Site:
    return replace(example_site(), supervisors={who.id: who for who in supervisors})


# --- stories ---------------------------------------------------------------------------------------------------------


@dataclass
class Led:
    """A handset in a world that keeps lines and prompts: `takes` is what comes of each that is spoken."""

    known: Site
    takes: list[Wrong] = field(default_factory=list)
    meddled: bool = False  # somebody else rules the line, while this one records
    puts: Done = Done.DONE
    replaces: bool = True
    gone_after: int | None = None  # steps, after which they have hung up

    said: list[str] = field(default_factory=list)
    done: list[Do] = field(default_factory=list)
    spoken: int = 0
    heard: set[Prompt] = field(default_factory=set)
    ruling: Ruling | None = None
    end: End | None = None

    def lead(self, code: str, *keys: str) -> Led:
        told = story(self.known, PHONE, code)
        assert told is not None
        supply, came = iter(keys), None
        for step in range(300):
            if step == self.gone_after:
                told.close()
                return self
            try:
                action = told.send(came)
            except StopIteration as over:
                self.end = over.value
                return self
            came = self._carry_out(action, supply)
        message = "it does not come to its end"
        raise AssertionError(message)

    def _carry_out(self, action: object, supply: Any) -> object:  # noqa: ANN401 - an iterator of keys
        match action:
            case Say(prompts):
                self.said += [each.id for each in prompts]
                self.heard |= {*prompts}
            case Keys(prompts, most):
                self.said += [each.id for each in prompts]
                return next(supply, "")[:most]
            case Speak(file, most):
                assert (file, most) == (ROOM.file, 120)
                self.spoken += 1
                return "DTMF"
            case CheckPin(_, pin):
                return Checked.RIGHT if pin == PIN else Checked.WRONG
            case Do():
                self.done.append(action)
                return self._do(action)
        return None

    def _do(self, wanted: Do) -> object:
        match wanted:
            case MakeRoom():
                return ROOM
            case TakeIn(room, language, "DTMF"):
                if self.meddled:
                    self.ruling = Ruling("housing", "closed", None, 5.0, "len")
                return self.takes.pop(0) if self.takes else Prompt(room.name, language)
            case LineNow(service):
                ruled = {service: self.ruling} if self.ruling is not None else {}
                now = replace(self.known, rulings=ruled)
                return standing(now, now.services[service], MONDAY_MORNING) if service in now.services else None
            case Put(who, service, state, message):
                if self.puts is not Done.NOTHING:
                    timetable = state == "timetable"
                    self.ruling = None if timetable else Ruling(service, state, message, 9.0, who)  # type: ignore[arg-type]
                return self.puts
            case Find("3001"):
                return GREETING
            case Replace():
                return self.replaces
        return None


LINE, OPEN = "service-housing", "line-is-open"
BEGIN = ["pin", LINE, OPEN, "line-choices"]
TAKE_CY, TAKE_EN = ["spoken-cy", "take-speak"], ["spoken-en", "take-speak"]
JUDGE = ["take-heard", "_ab12", "take-choices"]
WHOLE = [*BEGIN, "emergency-how", *TAKE_CY, *JUDGE, *TAKE_EN, *JUDGE]
WHICH = ["line-which", "digits/1", "service-highways", "digits/2", LINE]
ON_IT = [LINE, "line-is-emergency"]
NOT_LIVE = ["emergency-not-live", LINE, OPEN]


@pytest.mark.parametrize(
    ("keys", "said", "state", "message"),
    [
        ([PIN, "1"], [*BEGIN, LINE, "line-is-opened"], "open", None),
        ([PIN, "2"], [*BEGIN, LINE, "line-is-shut"], "closed", None),
        ([PIN, "4"], [*BEGIN, LINE, OPEN], None, None),
        ([PIN, "7", "2"], [*BEGIN, "invalid-key", "line-choices", LINE, "line-is-shut"], "closed", None),
        ([PIN], [*BEGIN, "line-choices", "line-choices", "nothing-changed", "goodbye"], None, None),
        ([PIN, "3", "1", "1"], [*WHOLE, LINE, "line-is-emergency"], "closed", "_ab12"),
        ([PIN, "3", "1", "4"], [*WHOLE, *NOT_LIVE], None, None),
        ([PIN, "3", "4"], [*BEGIN, "emergency-how", *TAKE_CY, *JUDGE, *NOT_LIVE], None, None),
        (
            [PIN, "3", "3", "2", "1", "1"],  # again, heard once more, approved
            [*BEGIN, "emergency-how", *TAKE_CY, *JUDGE, *TAKE_CY, *JUDGE, *JUDGE[1:], *TAKE_EN, *JUDGE, *ON_IT],
            "closed",
            "_ab12",
        ),
        (
            [PIN, "3"],  # who says nothing to it has not approved it
            [*BEGIN, "emergency-how", *TAKE_CY, *JUDGE, "take-choices", "take-choices", *NOT_LIVE],
            None,
            None,
        ),
    ],
)
def test_a_line_is_what_was_pressed_and_a_message_is_on_it_once_it_is_approved_in_every_language(
    keys: list[str], said: list[str], state: str | None, message: str | None
) -> None:
    led = Led(site(KEEPER)).lead("*286111", *keys)
    assert (led.said, led.end) == (said, HangUp())
    assert (led.ruling and led.ruling.state, led.ruling and led.ruling.message) == (state, message)


@pytest.mark.parametrize(
    ("code", "who", "keys", "said"),
    [
        ("*28", ONE, [PIN], [*BEGIN]),  # their only line
        (
            "*28",
            KEEPER,
            [PIN, "2"],
            ["pin", *WHICH],
        ),
        ("*28", KEEPER, [PIN, "5", "2"], ["pin", *WHICH, "invalid-key", *WHICH]),
        ("*28", KEEPER, [PIN], ["pin", *WHICH, *WHICH, *WHICH, "goodbye"]),
        ("*289999", KEEPER, [PIN], ["pin", "line-unknown"]),
        ("*286101", KEEPER, [PIN], ["pin", "line-not-yours"]),
        ("*286111", NEITHER, [PIN], ["pin", "handset-not-allowed"]),
        ("*286111", replace(KEEPER, handsets=frozenset({"1006"})), [PIN], ["handset-not-allowed"]),
        ("*286111", KEEPER, ["1", "2", "3"], ["pin", "pin-wrong", "pin-wrong", "goodbye"]),
    ],
)
def test_only_lines_of_ones_own_are_changed(code: str, who: Supervisor, keys: list[str], said: list[str]) -> None:
    led = Led(site(who)).lead(code, *keys)
    assert led.said[: len(said)] == said
    assert led.ruling is None
    if "line-not-yours" in said:
        assert Refused("sue", "may not open or close complaints") in led.done


@pytest.mark.parametrize(
    ("takes", "keys", "said", "live"),
    [
        ([Wrong.SILENT], ["1", "1"], [*TAKE_CY, "take-silent", *TAKE_CY, *JUDGE], True),
        ([Wrong.LONG, Wrong.SHORT, Wrong.CLIPPED], ["1", "1"], [*TAKE_CY, "take-long", *TAKE_CY, "take-short"], True),
        ([Wrong.NOT_KEPT], ["1", "1"], [*TAKE_CY, "take-not-kept", *NOT_LIVE], False),
        ([Wrong.SILENT] * TAKES, ["1"], [*[*TAKE_CY, "take-silent"] * TAKES, *NOT_LIVE], False),
    ],
)
def test_what_is_no_message_is_said_and_never_live(
    takes: list[Wrong], keys: list[str], said: list[str], *, live: bool
) -> None:
    led = Led(site(KEEPER), takes=takes).lead("*286111", PIN, "3", *keys)
    assert led.said[5 : 5 + len(said)] == said
    assert (led.ruling is not None) == live


@pytest.mark.parametrize(("key", "live"), [("1", True), ("2", False), ("", False)])
def test_who_records_hears_that_somebody_changed_the_line_meanwhile_and_decides(key: str, *, live: bool) -> None:
    led = Led(site(KEEPER), meddled=True).lead("*286111", PIN, "3", "1", "1", key)
    assert "line-changed-meanwhile" in led.said
    assert led.ruling is not None
    assert (led.ruling.message == "_ab12") == live
    assert ("emergency-not-live" in led.said) != live


@pytest.mark.parametrize(("came", "says"), [(Done.NOT_KEPT, "line-not-kept"), (Done.NOTHING, "emergency-not-live")])
def test_what_does_not_hold_is_said(came: Done, says: str) -> None:
    assert Led(site(KEEPER), puts=came).lead("*286111", PIN, "3", "1", "1").said[-1] == says


def test_wherever_somebody_hangs_up_while_they_record_nothing_is_live() -> None:
    for step in range(40):
        led = Led(site(KEEPER), gone_after=step).lead("*286111", PIN, "3", "1", "1")
        if led.ruling is None:
            continue
        assert {Prompt("_ab12", "cy"), Prompt("_ab12", "en")} <= led.heard
        return
    pytest.fail("it never is")


PROMPT = ["prompt-language", "digits/1", "spoken-cy", "digits/2", "spoken-en"]


@pytest.mark.parametrize(
    ("code", "keys", "said", "replaced"),
    [
        (
            "*293001",
            [PIN, "2", "1"],
            ["pin", *PROMPT, "prompt-present", "welcome", *TAKE_EN, *JUDGE, "prompt-replaced"],
            "en",
        ),
        ("*29", [PIN, "3001", "1", "1"], ["pin", "prompt-number", *PROMPT, "prompt-present", "welcome"], "cy"),
        (
            "*293001",
            [PIN, "1", "4"],
            ["pin", *PROMPT, "prompt-present", "welcome", *TAKE_CY, *JUDGE, "nothing-changed"],
            "",
        ),
        ("*293001", [PIN], ["pin", *PROMPT * 3, "goodbye"], ""),
        ("*2977", [PIN, "3001", "1", "1"], ["pin", "prompt-unknown", "prompt-number", *PROMPT], "cy"),
        (
            "*29",
            [PIN, "7", "8", "9"],
            ["pin", "prompt-number", *["prompt-unknown", "prompt-number"] * 2, "prompt-unknown"],
            "",
        ),
        ("*29", [PIN], ["pin", *["prompt-number"] * 3, "goodbye"], ""),
    ],
)
def test_a_prompt_is_heard_spoken_heard_again_and_replaced(
    code: str, keys: list[str], said: list[str], replaced: str
) -> None:
    led = Led(site(KEEPER)).lead(code, *keys)
    assert (led.said[: len(said)], led.end) == (said, HangUp())
    done = [each for each in led.done if isinstance(each, Replace)]
    wanted = [Replace("sue", Prompt("welcome", replaced), Prompt("_ab12", replaced))] if replaced else []
    assert done == wanted


def test_a_prompt_that_cannot_be_replaced_is_as_it_was_and_that_is_said() -> None:
    assert Led(site(KEEPER), replaces=False).lead("*293001", PIN, "1", "1").said[-2:] == [
        "take-not-kept",
        "nothing-changed",
    ]
    assert Led(site(NEITHER)).lead("*293001", PIN).said == ["pin", "handset-not-allowed"]


def test_whatever_keys_are_pressed_nothing_is_live_that_was_not_heard_and_approved_in_every_language() -> None:
    chance, catalogue = random.Random(28), {*example().catalogue, ROOM.name}
    live = replaced = 0
    for _ in range(10_000):
        who = chance.choice([KEEPER, ONE, NEITHER])
        code = chance.choice(["*28", "*286111", "*286103", "*289999", "*29", "*293001", "*29999999"])
        pin = chance.choice([PIN, PIN, PIN, "1"])
        keys = ["".join(chance.choices("0123456789*", k=chance.choice([0, 1, 1, 1, 4]))) for _ in range(25)]
        keys = [key if chance.random() < 0.5 else chance.choice(["1", "3"]) for key in keys]
        led = Led(
            site(who),
            takes=chance.choices([*Wrong], k=chance.choice([0, 0, 1, 3])),
            meddled=chance.random() < 0.2,
            puts=chance.choice([*Done]),
            gone_after=chance.choice([None, None, chance.randint(0, 40)]),
        ).lead(code, pin, *keys)
        assert {*led.said} <= catalogue
        assert led.end == HangUp() or led.gone_after is not None
        put = [each for each in led.done if isinstance(each, Put)]
        assert len(put) <= 1
        for each in put:
            assert pin == PIN
            assert each.service in who.services
            assert "lines" in who.may
            if each.message is not None:
                live += 1
                languages = led.known.services[each.service].languages
                assert {Prompt(each.message, language) for language in languages} <= led.heard
                assert led.spoken >= len(languages)
        for wanted in (each for each in led.done if isinstance(each, Replace)):
            replaced += 1
            assert wanted.approved in led.heard
            assert who is not NEITHER
    assert live > 50, "chance never came so far"
    assert replaced > 50


# --- how a line is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ruling", "urgent", "when", "says"),
    [
        (None, None, "2026-07-06 10:00", ("line-is-open",)),
        (None, None, "2026-07-06 23:00", ("line-is-closed",)),
        (None, None, "2026-12-25 10:00", ("line-is-holiday",)),
        (None, "evacuation", "2026-07-06 10:00", ("line-is-open", "line-is-urgent")),
        (("open", None), None, "2026-07-06 23:00", ("line-is-opened",)),
        (("closed", None), "evacuation", "2026-07-06 10:00", ("line-is-shut", "line-is-urgent")),
        (("closed", "_ab12"), "evacuation", "2026-07-06 10:00", ("line-is-emergency",)),
    ],
)
def test_how_a_line_is_is_what_callers_meet(
    ruling: tuple[Any, str | None] | None, urgent: str | None, when: str, says: tuple[str, ...]
) -> None:
    known = with_service(example_site(), replace(example_site().services["housing"], emergency=urgent))
    if ruling is not None:
        known = replace(known, rulings={"housing": Ruling("housing", *ruling, 7.0, "sue")})
    assert standing(known, known.services["housing"], london(when)) == Standing(says, 7.0 if ruling else None)


# --- lines, in memory and in the register ----------------------------------------------------------------------------


class Register:
    def __init__(self) -> None:
        self.full = False
        self.rows: list[tuple[str, str, str | None, str]] = []

    async def rule(self, rulings: Sequence[Ruling]) -> None:
        await self._write((each.service, each.state, each.message, each.who) for each in rulings)

    async def take_back(self, services: Iterable[str], who: str, now: float) -> None:
        assert now > 0
        await self._write((each, "timetable", None, who) for each in services)

    async def _write(self, rows: Iterable[tuple[str, str, str | None, str]]) -> None:
        rows = [*rows]
        await asyncio.sleep(0)
        if self.full:
            raise RegisterFull("disk full")  # noqa: EM101 - as SQLite says it
        self.rows += rows


class Current:
    def __init__(self) -> None:
        self.rulings: Mapping[str, Ruling] = {}

    def site(self) -> Site:
        return replace(site(KEEPER), rulings=self.rulings)

    def rule(self, rulings: Iterable[Ruling]) -> None:
        self.rulings = {each.service: each for each in rulings}


class Sounds:
    """What was spoken, and is there."""

    def __init__(self, *there: Prompt) -> None:
        self.there = there

    def file(self, prompt: Prompt) -> str | None:
        return "/a/file" if prompt in self.there else None

    def samples(self, prompt: Prompt) -> int:
        raise NotImplementedError


AT = Line(PHONE, "PJSIP/1005-00000001", "7.1", "7.1")
BOTH = (Prompt("_ab12", "cy"), Prompt("_ab12", "en"))


def lines(*there: Prompt) -> tuple[Lines, Register, Current]:
    register, current = Register(), Current()
    return Lines(register, current, Sounds(*there), lambda: None, lambda: 100.0), register, current


async def test_who_ruled_from_which_handset_stands_with_the_ruling() -> None:
    it, register, current = lines(*BOTH)
    assert await it.put(Put("sue", "housing", "closed", "_ab12"), AT) is Done.DONE
    assert current.rulings == {"housing": Ruling("housing", "closed", "_ab12", 100.0, "sue, handset 1005")}
    assert it.on_lines() == {"_ab12"}
    assert await it.put(Put("sue", "housing", "timetable"), AT) is Done.DONE
    assert (current.rulings, it.on_lines()) == ({}, set())
    assert register.rows == [
        ("housing", "closed", "_ab12", "sue, handset 1005"),
        ("housing", "timetable", None, "sue, handset 1005"),
    ]


@pytest.mark.parametrize(
    ("there", "service"), [((), "housing"), (BOTH[:1], "housing"), (BOTH[1:], "housing"), (BOTH, "no-more")]
)
async def test_a_message_that_is_not_there_in_every_language_is_not_put_on_a_line(
    there: tuple[Prompt, ...], service: str
) -> None:
    it, register, current = lines(*there)
    assert await it.put(Put("sue", service, "closed", "_ab12"), AT) is Done.NOTHING
    assert (current.rulings, register.rows) == ({}, [])


async def test_a_line_is_ruled_though_the_register_takes_nothing_and_that_is_told() -> None:
    it, register, current = lines()
    register.full = True
    assert await it.put(Put("sue", "housing", "closed"), AT) is Done.NOT_KEPT
    assert current.rulings["housing"].state == "closed"


async def test_of_two_who_rule_at_once_memory_and_register_have_the_same_last_word() -> None:
    it, register, current = lines(*BOTH)
    puts = [Put(f"s{number}", "housing", "open" if number % 2 else "closed") for number in range(20)]
    await asyncio.gather(*(it.put(each, AT) for each in puts))
    assert register.rows[-1][3] == current.rulings["housing"].who


@pytest.mark.parametrize(("there", "message"), [(BOTH, "_ab12"), (BOTH[:1], None), ((), None)])
async def test_a_line_whose_message_is_lost_is_closed_and_does_not_hang_up_on_its_callers_in_silence(
    there: tuple[Prompt, ...], message: str | None
) -> None:
    it, register, current = lines(*there)
    current.rule([Ruling("housing", "closed", "_ab12", 1.0, "sue"), Ruling("gone", "closed", "_x", 1.0, "sue")])
    await it.close_lost()
    assert current.rulings["housing"].message == message
    assert register.rows == ([] if message else [("housing", "closed", None, "ccdaemon")])


# --- what is written in a site's files -------------------------------------------------------------------------------

TABLE = '[supervisors.sue]\npin = "{pin}"\nservices = {services}\nmay = {may}\nhandsets = ["1005"]\n\n'
HASH = "scrypt$1024$8$1$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "="


def supervised(services: str = '["housing"]', may: str = '["lines", "prompts"]') -> Edit:
    table = TABLE.format(pin=HASH, services=services, may=may)
    return Edit("ccdaemon.toml", "\n[phones]\n", f"\n{table}[phones]\n")


@pytest.mark.parametrize(
    ("edits", "place", "text"),
    [
        (
            [supervised(services="[]")],
            ("ccdaemon.toml", "supervisors.sue.services"),
            "names no service: there is no line",
        ),
        (
            [supervised(), Edit("prompts/own.toml", "", '[service-housing]\ncy = "Tai"\n')],
            ("ccdaemon.toml", "supervisors.sue.services"),
            "prompt 'service-housing' has no text in 'en'",
        ),
        (
            [supervised(), Edit("prompts/own.toml", "", '[take-choices]\ncy = "Pwyswch 1"\n')],
            ("ccdaemon.toml", "supervisors"),
            "prompt 'take-choices' has no text in 'en'",
        ),
        (
            [Edit("services/ict.toml", 'extension = "6114"', 'extension = "6111"')],
            ("services/ict.toml", "extension"),
            "6111 reaches services/housing.toml already",
        ),
        (
            [Edit("prompts/own.toml", "", "".join(f'[{name}]\nnumber = 9001\ncy = "A"\nen = "A"\n' for name in "ab"))],
            ("prompts/own.toml", "a.number"),
            "9001 is the number of b too",
        ),
        (
            [Edit("prompts/own.toml", "", '[ours]\nnumber = 8999\ncy = "A"\nen = "A"\n')],
            ("prompts/own.toml", "ours.number"),
            "must be 9000 or more",
        ),
        (
            [Edit("prompts/own.toml", "", '[welcome]\nnumber = 3002\ncy = "A"\nen = "A"\n')],
            ("prompts/own.toml", "welcome.number"),
            "must be 9000 or more",
        ),
        (
            [Edit("prompts/own.toml", "", '[recording-announcement]\nnumber = 9001\ncy = "A"\nen = "A"\n')],
            ("prompts/own.toml", "recording-announcement.number"),
            "may have none: something rests on the very words",
        ),
        (
            [Edit("prompts/own.toml", "", '[ours]\nnumber = "9001"\ncy = "A"\nen = "A"\n')],
            ("prompts/own.toml", "ours.number"),
            "must be a whole number",
        ),
    ],
)
def test_what_supervisors_would_miss_is_a_fault(
    tmp_path: Path, edits: list[Edit], place: tuple[str, str], text: str
) -> None:
    assert text in faults_of(written_site(tmp_path, edits))[place]


def test_a_prompt_that_a_site_writes_anew_keeps_its_number_and_one_of_its_own_has_its_own(tmp_path: Path) -> None:
    own = '[welcome]\ncy = "Croeso. Pwyswch 1."\nen = "Welcome. Press 2."\n[ours]\nnumber = 9001\ncy = "A"\nen = "A"\n'
    numbers = load(written_site(tmp_path, [supervised(), Edit("prompts/own.toml", "", own)]), PROMPTS).numbers
    assert (numbers["welcome"], numbers["ours"]) == (3001, 9001)


STANDING = {  # on people's lists
    "agent-logged-in": 1001,
    "service-welsh-line": 1030,
    "queue-youarenext": 2001,
    "digits/10": 2018,
    "welcome": 3001,
    "holiday": 3013,
    "handset-not-allowed": 5001,
    "spy-over": 5011,
    "message-refused": 6001,
    "message-no-number": 6022,
    "general-main": 7001,
    "welsh-line-closed": 7033,
    "line-which": 8001,
    "prompt-replaced": 8032,
}


def test_shipped_numbers_stay_as_they_are() -> None:
    assert {name: example().numbers[name] for name in STANDING} == STANDING


def test_shipped_numbers_leave_room_for_a_sites_own_and_notices_have_none() -> None:
    numbers, never = example().numbers, at_the_console(example_site())
    assert all(1000 < number < 9000 for number in numbers.values())
    assert never <= example().catalogue.keys()
    assert not numbers.keys() & never
    assert not [each for each in numbers if each.startswith(("payment-", "recording-", "message-kept-"))]
    wanted = {"welcome", "evacuation", "housing-main", "housing-closed", "holiday", "take-choices"}
    assert wanted <= numbers.keys()
