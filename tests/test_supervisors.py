"""Supervisors: whose calls they may hear, PINs that do not yield to haste, and stories that always end."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ccdaemon.cli import app
from ccdaemon.faults import RegisterFull
from ccdaemon.flows.pins import Pins
from ccdaemon.model import Phone, Site, Supervisor
from ccdaemon.notices import Notice, Supervised
from ccdaemon.pins import hashed, is_right, weakness
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.handset.codes import CODES, WITHIN, Code, story
from ccdaemon.rules.handset.identity import Checked, CheckPin
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.pins import FREE, Attempts
from ccdaemon.rules.handset.soundness import handset_faults
from ccdaemon.rules.handset.supervisor import Join, Leave, WhoSpies
from ccdaemon.rules.handset.talk import Do, End, GoTo, HangUp, Keys, Say
from ccdaemon.rules.supervision import Target, Verdict, at_phone, longest, modes
from tests.builders import Edit, example, example_site, faults_of, written_site
from tests.lab.site import ROOT

PIN = "482915"
SUE = Supervisor(
    "sue", "71", "", frozenset({"housing"}), frozenset({"listen", "whisper", "barge"}), frozenset({"1005"})
)
LEN = Supervisor("len", "72", "", frozenset({"housing", "assist"}), frozenset({"listen"}), frozenset({"1005", "1006"}))


def site(*supervisors: Supervisor) -> Site:
    return replace(example_site(), supervisors={who.id: who for who in supervisors})


# --- which call ------------------------------------------------------------------------------------------------------


def talking(*legs: tuple[str, str, str | None]) -> Calls:
    """Calls on these phones (an endpoint, when it began, its service), each with somebody else in the bridge."""
    calls = Calls()
    for number, (endpoint, began, service) in enumerate(legs, 1):
        leg = f"{began}.{number}"
        named = {"Channel": f"PJSIP/{endpoint}-{number:08}", "Uniqueid": leg, "Linkedid": leg, "Timestamp": began}
        calls.apply({"Event": "Newchannel", **named}, 0.0)
        calls.apply({"Event": "BridgeEnter", "BridgeUniqueid": f"b{number}", **named}, 0.0)
        calls.identify(leg, service, None)
    return calls


def sealed(calls: Calls, leg: str) -> Calls:
    calls.seal([leg])
    return calls


@pytest.mark.parametrize(
    ("calls", "extension", "expected"),
    [
        (talking(("1001", "100", "housing")), "1001", "100.1"),
        (talking(("1001", "100", "housing")), "1002", Verdict.NOT_IN_A_CALL),
        (talking(("1001", "100", "housing")), "9999", Verdict.NOT_IN_A_CALL),  # no phone
        (talking(("1003", "100", "assist")), "1003", Verdict.NOT_THEIR_SERVICE),
        (talking(("1001", "100", None)), "1001", Verdict.NOT_THEIR_SERVICE),  # among phones
        (talking(("8001", "100", "payments")), "8001", Verdict.PAYMENTS),
        (talking(("8001", "100", "housing")), "8001", Verdict.PAYMENTS),  # an officer who talks for Housing
        (talking(("1001", "100", "payments")), "1001", Verdict.PAYMENTS),
        (sealed(talking(("1001", "100", "housing")), "100.1"), "1001", Verdict.PAYMENTS),
        (sealed(talking(("1001", "100", "housing"), ("1001", "200", None)), "200.2"), "1001", Verdict.PAYMENTS),
    ],
)
def test_a_supervisor_hears_calls_of_their_services_and_nothing_of_payments(
    calls: Calls, extension: str, expected: str | Verdict
) -> None:
    found = at_phone(calls, site(SUE), SUE, extension)
    assert (found.leg if isinstance(found, Target) else found) == expected


THREE = (("1001", "300", "housing"), ("1002", "100", "housing"), ("1003", "200", "assist"))


@pytest.mark.parametrize(
    ("who", "heard", "own", "expected"),
    [
        (SUE, [], "", "100.2"),
        (SUE, ["100.2"], "", "300.1"),
        (SUE, ["100.2", "300.1"], "", "100.2"),  # from the beginning again
        (LEN, ["100.2"], "", "200.3"),
        (SUE, [], "1002", "300.1"),  # not one's own
        (replace(SUE, services=frozenset({"ict"})), [], "", None),
    ],
)
def test_without_an_extension_it_is_the_longest_call_that_was_not_heard_yet(
    who: Supervisor, heard: list[str], own: str, expected: str | None
) -> None:
    found = longest(talking(*THREE), site(who), who, heard, own)
    assert (found.leg if isinstance(found, Target) else None) == expected


def test_modes_come_in_one_order() -> None:
    assert modes(SUE) == ("listen", "whisper", "barge")
    assert modes(LEN) == ("listen",)


# --- PINs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pin", "good"),
    [
        ("482915", True),
        ("482915482915", True),
        ("4829", False),
        ("4829154829154", False),
        ("48291a", False),
        ("", False),
        ("٤٨٢٩١٥", False),
        ("111111", False),
        ("123456", False),
        ("654321", False),
        ("890123", False),
        ("121212", False),
    ],
)
def test_a_pin_that_anybody_would_try_is_not_taken(pin: str, good: bool) -> None:  # noqa: FBT001 - a table's column
    assert (weakness(pin) is None) == good


def test_a_hash_tells_the_right_pin_and_no_two_are_alike() -> None:
    first, second = hashed(PIN), hashed(PIN)
    assert first != second
    assert PIN not in first
    assert [is_right(each, first) for each in (PIN, "482916", "", "4829150")] == [True, False, False, False]


@pytest.mark.parametrize(
    ("wrong", "waits"), [(0, 0), (4, 0), (5, 60), (6, 120), (7, 240), (10, 1920), (16, 86_400), (10_000, 86_400)]
)
def test_from_the_fifth_wrong_one_on_each_doubles_the_wait_up_to_a_day(wrong: int, waits: float) -> None:
    assert max(Attempts(wrong, 1000.0).locked_until() - 1000.0, 0.0) == waits


def test_a_right_one_forgets_the_wrong_ones() -> None:
    assert Attempts(4, 10.0).after(20.0, right=True) == Attempts()
    assert Attempts(4, 10.0).after(20.0, right=False) == Attempts(5, 20.0)


class Register:
    def __init__(self, *, full: bool = False) -> None:
        self.rows: dict[str, tuple[int, float]] = {}
        self._full = full

    async def pin_attempts(self) -> list[tuple[str, int, float]]:
        return [(who, *row) for who, row in self.rows.items()]

    async def note_pin_attempts(self, who: str, wrong: int, last: float) -> None:
        if self._full:
            message = "disk full"
            raise RegisterFull(message)
        self.rows[who] = wrong, last


class Notes(list[Notice]):
    def note(self, *notices: Notice) -> None:
        self.extend(notices)


PHONE = Phone("1005", "1005", "general", "1005", "en")
LINE = Line(PHONE, "PJSIP/1005-00000001", "7.1", "7.1")


class Guesser:
    """PINs are compared as they are, and the time is ours."""

    def __init__(self, register: Register) -> None:
        self.now, self.tried, self.notes = 1000.0, 0, Notes()
        known = site(replace(SUE, pin=PIN), replace(LEN, pin=PIN))
        self.pins = Pins(register, lambda: known, self._is_right, self.notes, lambda: self.now)

    def _is_right(self, pin: str, written: str) -> bool:
        self.tried += 1
        return pin == written

    async def tries(self, pin: str, who: str = "sue") -> Checked:
        return await self.pins.check(CheckPin(who, pin), LINE)


@pytest.mark.parametrize("full", [False, True])
async def test_ten_handsets_at_once_get_no_more_guesses_than_one(full: bool) -> None:  # noqa: FBT001 - a table's column
    guesser = Guesser(Register(full=full))
    guesses = [f"{number:06}" for number in range(10_000)]
    answers = await asyncio.gather(*(guesser.tries(guess) for guess in guesses))
    assert answers.count(Checked.WRONG) == guesser.tried == FREE
    assert answers.count(Checked.LOCKED) == len(guesses) - FREE
    assert await guesser.tries(PIN) is Checked.LOCKED  # the right one is of no use then
    assert await guesser.tries(PIN, "len") is Checked.RIGHT  # nobody else is locked out
    guesser.now += 61
    assert await guesser.tries(PIN) is Checked.RIGHT
    assert {notice.reason for notice in guesser.notes if isinstance(notice, Supervised)} == {
        "the PIN was wrong",
        "the PIN was locked",
    }


async def test_over_a_year_a_guesser_has_some_hundred_guesses() -> None:
    guesser = Guesser(Register())
    for _ in range(366 * 24 * 60):
        await guesser.tries("000000")
        guesser.now += 60
    assert guesser.tried < 400


async def test_who_is_locked_out_is_so_after_a_restart_until_somebody_unlocks_them() -> None:
    register = Register()
    before = Guesser(register)
    for _ in range(FREE):
        await before.tries("000000")
    after = Guesser(register)
    await after.pins.begin()
    assert await after.tries(PIN) is Checked.LOCKED
    assert after.pins.locked_out() == {"sue": 1060.0}
    assert await after.pins.unlock("sue")
    assert not await after.pins.unlock("sue")
    assert await after.tries(PIN) is Checked.RIGHT


async def test_who_is_no_supervisor_any_more_cannot_be_guessed() -> None:
    assert await Guesser(Register()).tries(PIN, "eve") is Checked.LOCKED


# --- stories ---------------------------------------------------------------------------------------------------------

TARGET = Target("9.1", "PJSIP/1001-00000009", "1001", "9.1", "housing")


def walk(known: Site, code: str, keys: list[str], answers: dict[type[Do], Any]) -> tuple[list[str], End]:
    """What is said in a story, and its end; `keys` are pressed in turn at each question, and nothing after them."""
    told = story(known, PHONE, code)
    assert told is not None
    supply, said = iter(keys), list[str]()
    came: Any = None
    try:
        while True:
            match told.send(came):
                case Say(prompts):
                    said += [each.id for each in prompts]
                    came = None
                case Keys(prompts, most):
                    said += [each.id for each in prompts]
                    came = next(supply, "")[:most]
                case CheckPin(_, pin):
                    came = Checked.RIGHT if pin == PIN else Checked.WRONG
                case Do() as wanted:
                    came = answers.get(type(wanted))
            assert len(said) < 100, "it does not come to its end"
    except StopIteration as over:
        end: End = over.value
        return said, end


SPIES = GoTo(("spy", "listen", "listen-whisper-barge", TARGET.channel, "1001", "9.1", "sue"))


@pytest.mark.parametrize(
    ("code", "who", "keys", "joins", "said", "end"),
    [
        ("*90", [SUE], [PIN], TARGET, ["pin"], SPIES),
        ("*901001", [SUE], [PIN], TARGET, ["pin"], SPIES),
        ("*90", [SUE], ["1", PIN], TARGET, ["pin", "pin-wrong"], SPIES),
        ("*90", [SUE], ["1", "2", "3"], TARGET, ["pin", "pin-wrong", "pin-wrong", "goodbye"], HangUp()),
        ("*90", [SUE], [], TARGET, ["pin", "pin-wrong", "pin-wrong", "goodbye"], HangUp()),
        ("*90", [], [PIN], TARGET, ["handset-not-allowed"], HangUp()),
        ("*91", [LEN], [PIN], TARGET, ["pin", "handset-not-allowed"], HangUp()),
        ("*90", [SUE, LEN], ["71", PIN], TARGET, ["supervisor-number", "pin"], SPIES),
        (
            "*90",
            [SUE, LEN],
            ["73", "71", PIN],
            TARGET,
            ["supervisor-number", "invalid-key", "supervisor-number", "pin"],
            SPIES,
        ),
        ("*90", [SUE], [PIN], Verdict.NOBODY, ["pin", "spy-nobody"], HangUp()),
        ("*90", [SUE], [PIN], Verdict.PAYMENTS, ["pin", "spy-payments"], HangUp()),
        ("*90", [SUE], [PIN], Verdict.NOT_IN_A_CALL, ["pin", "spy-not-in-a-call"], HangUp()),
        ("*90", [SUE], [PIN], Verdict.NOT_THEIR_SERVICE, ["pin", "spy-not-your-service"], HangUp()),
    ],
)
def test_a_code_leads_through_the_pin_to_the_call(
    code: str, who: list[Supervisor], keys: list[str], joins: Target | Verdict, said: list[str], end: End
) -> None:
    assert walk(site(*who), code, keys, {Join: joins}) == (said, end)


@pytest.mark.parametrize(
    ("asked", "keys", "knows", "said", "end"),
    [
        ("next", [], (SUE, "listen"), [], SPIES),
        ("next", [], None, ["handset-unavailable"], HangUp()),
        ("over", ["*"], (SUE, "listen"), ["spy-over"], SPIES),
        ("over", ["4"], (SUE, "listen"), ["spy-over"], HangUp()),
        ("over to payments", [], (SUE, "listen"), ["spy-payments", "spy-over"], HangUp()),
        ("over", [], (SUE, "listen"), ["spy-over"], HangUp()),
        ("over", ["*"], None, ["spy-over"], HangUp()),
    ],
)
def test_after_a_call_the_next_one_is_a_key_away(
    asked: str, keys: list[str], knows: tuple[Supervisor, str] | None, said: list[str], end: End
) -> None:
    asked, _, pays = asked.partition(" ")
    assert walk(site(SUE), asked, keys, {Join: TARGET, WhoSpies: knows, Leave: bool(pays)}) == (said, end)


@pytest.mark.parametrize("code", ["", "*", "*9", "*93", "*90x", "*90*", "90", "*55", "*901001#", "*90\n"])
def test_what_is_no_code_begins_no_story(code: str) -> None:
    assert story(site(SUE), PHONE, code) is None


def test_whatever_is_pressed_a_story_ends_and_without_the_pin_nobody_hears_anything() -> None:
    chance = random.Random(20261126)
    codes = ["*90", "*901001", "*91", "*92", *WITHIN]
    for _ in range(10_000):
        code = chance.choice(codes)
        keys = ["".join(chance.choices("0123456789*", k=chance.randint(0, 2))) for _ in range(6)]
        knows = chance.choice([None, (SUE, "listen")])
        joins = chance.choice([TARGET, *Verdict])
        who = chance.choice([[SUE], [SUE, LEN], []])
        _, end = walk(site(*who), code, keys, {Join: joins, WhoSpies: knows})
        let_in = isinstance(end, GoTo)
        assert not let_in or (code in WITHIN and knows is not None), (code, keys)


def test_the_card_has_every_code_in_both_languages() -> None:
    assert all(code.does.keys() >= {"cy", "en"} for code in CODES)
    done = CliRunner().invoke(app, ["menus", "--card", "--config", str(example().folder)])
    assert done.exit_code == 0
    cards = dict(zip(("cy", "en"), done.output.split("┌")[1:], strict=True))
    for language, card in cards.items():
        shown = [cells[1].strip() for line in card.splitlines() if len(cells := line.split("│")) > 1]
        codes = [code.written_in(language) for code in CODES]
        lines = [service.extension for service in example_site().services.values()]  # they follow *28
        assert [each for each in shown if each] == [*codes, *(f"*46 {number}" for number in "12345"), *lines]
    assert re.search(r"\*46 1 .* egwyl ", cards["cy"])
    assert re.search(r"\*46 1 .* a break ", cards["en"])
    readme = (ROOT / "README.md").read_text()
    assert [code.written for code in CODES if f"`{code.written.split()[0]}`" not in readme] == []


@pytest.mark.parametrize("code", [code for code in CODES if code.begin is not None], ids=lambda code: code.written)
def test_the_card_says_which_codes_ask_for_a_pin(code: Code) -> None:
    said, _ = walk(site(SUE), code.written, [], {})
    assert (said[0] == "pin") == code.pin


# --- what is written in a site's file --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("supervisors", "key", "text"),
    [
        ([replace(SUE, services=frozenset({"houses"}))], "sue.services", "there is no services/houses.toml"),
        ([replace(SUE, services=frozenset({"payments"}))], "sue.services", "nobody listens to payments"),
        ([replace(SUE, handsets=frozenset({"9999"}))], "sue.handsets", "there is no phone 9999"),
        ([replace(SUE, handsets=frozenset({"8001"}))], "sue.handsets", "payments are taken on 8001"),
        ([replace(SUE, handsets=frozenset())], "sue.handsets", "names no phone"),
        ([SUE, replace(LEN, number="71")], "len.number", "sue may use 1005 too"),
        ([SUE, replace(LEN, number="")], "len.number", "must be a number of their own"),
        ([replace(SUE, services=frozenset())], "sue.services", "names no service"),
        ([replace(SUE, may=frozenset())], "sue.may", "could do nothing"),
        (
            [replace(SUE, may=frozenset({"score"}), services=frozenset({"highways"}))],
            "sue.services",
            "nothing that they could score",
        ),
        ([SUE, LEN], None, None),
    ],
)
def test_a_supervisor_who_makes_no_sense_is_a_fault(
    supervisors: list[Supervisor], key: str | None, text: str | None
) -> None:
    known = site(*supervisors)
    faults = {fault.key: fault.text for fault in handset_faults(known, example().catalogue, known.services)}
    if key is None:
        assert faults == {}
    else:
        assert str(text) in faults[f"supervisors.{key}"]


def test_a_pin_that_stands_where_its_hash_should_is_not_told(tmp_path: Path) -> None:
    written = f'[phones]\n1001 = {{ service = "housing" }}\n[supervisors.sue]\npin = "{PIN}"\n'
    text = faults_of(written_site(tmp_path, [Edit("ccdaemon.toml", "[phones]\n", written)])).__repr__()
    assert "is not the hash of a PIN" in text
    assert PIN not in text


@pytest.mark.parametrize(
    ("typed", "status", "text"),
    [
        (f"{PIN}\n{PIN}\n", 0, 'pin = "scrypt$32768$8$1$'),
        ("4829\n4829\n", 1, "a PIN has 6 to 12 digits"),
        ("111111\n111111\n", 1, "the first PIN that anybody would try"),
    ],
)
def test_a_pin_is_asked_for_twice_and_becomes_a_line_of_the_sites_file(typed: str, status: int, text: str) -> None:
    done = CliRunner().invoke(app, ["supervisors", "pin"], input=typed)
    assert (done.exit_code, text in done.output) == (status, True), done.output
