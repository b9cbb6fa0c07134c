"""One caller's conversation, command by command, with a caller at whom nothing wrong can be sent."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ccdaemon.asterisk.agi import CallerGone, Played
from ccdaemon.flows.inbound import Conversation, Gatekeeper, Question
from ccdaemon.model import ENDINGS, Prompt, Site
from ccdaemon.notices import Announced, CallIdentified, Decided, Heard, Notice
from ccdaemon.rules.menus import TURNS
from ccdaemon.sounds import Sounds
from tests.builders import MONDAY_MORNING, SAMPLES, example_site, london, with_sounds

SECRET = "gateway-secret-of-this-test"
CALL = "1783328390.7"
NUMBER = "+441632960777"
KEYS = "0123456789*#"
WELCOME = ["cy/welcome", "en/welcome"]


# --- a caller, as Asterisk would carry out commands for one ----------------------------------------------------------


class Rejected(AssertionError):
    """Asterisk would not have done that."""


@dataclass
class ScriptedCaller:
    """Presses these keys in turn (a dash is silence) and nothing after them.

    An `eager` one presses as soon as a key counts, any other when everything has been said. `cut` are prompts that end
    before they are over, `gone_at` is the number of the command during which the caller hangs up.
    """

    sounds: Path
    keys: str = ""
    eager: bool = False
    cut: frozenset[str] = frozenset()
    gone_at: int | None = None
    heard: list[str] = field(default_factory=list)
    commands: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    _gone: bool = False
    _busy: bool = False

    def __post_init__(self) -> None:
        self._supply: Iterator[str] = iter(self.keys)
        self._next = next(self._supply, "-")

    async def play(self, file: str, escape: str = "") -> Played:
        if not set(escape) <= set(KEYS) or len(set(escape)) < len(escape):
            message = f"{escape!r} are no keys"
            raise Rejected(message)
        prompt = self._prompt(file)
        await self._command()
        self.heard.append(prompt)
        if self.eager and self._next in escape:
            return Played(self._press(), SAMPLES // 2)
        return Played(None, SAMPLES // 2 if prompt in self.cut else SAMPLES)

    async def ask(self, file: str, seconds: float) -> str | None:
        self._timeout(seconds)
        prompt = self._prompt(file)
        await self._command()
        self.heard.append(prompt)
        return self._press()

    async def wait_for_digit(self, seconds: float) -> str | None:
        self._timeout(seconds)
        await self._command()
        return self._press()

    async def set(self, name: str, value: str) -> None:
        self._variable(name, value)
        await self._command()
        self.variables[name] = value

    async def execute(self, application: str, *arguments: str) -> str:
        if application != "MSet":
            message = f"a conversation has no need of {application}"
            raise Rejected(message)
        pairs = [argument.partition("=") for argument in arguments]
        for name, equals, value in pairs:
            self._variable(name, value)
            if not equals or re.search(r'[,"\\]', value):
                message = f"MSet() would read something else in {name}{equals}{value!r}"
                raise Rejected(message)
        await self._command()
        self.variables |= {name: value for name, _, value in pairs}
        return "0"

    # --- what Asterisk is strict about ---

    async def _command(self) -> None:
        if self._gone:
            message = "a command after the hang-up"
            raise Rejected(message)
        if self._busy:
            message = "a command while another is pending"
            raise Rejected(message)
        self._busy = True
        await asyncio.sleep(0)  # as any command, it lets others run
        self._busy = False
        self.commands += 1
        if self.commands - 1 == self.gone_at:
            self._gone = True
            raise CallerGone

    def _prompt(self, file: str) -> str:
        """`cy/housing-main` for the file of that name."""
        if not Path(file).is_absolute() or Path(file).suffix in ENDINGS:
            message = f"{file!r} is not how Asterisk names a sound: the whole path, without its ending"
            raise Rejected(message)
        if not any(Path(file + ending).exists() for ending in ENDINGS):
            message = f"there is no sound {file}"
            raise Rejected(message)
        return str(Path(file).relative_to(self.sounds)).replace("/cc/", "/")

    def _timeout(self, seconds: float) -> None:
        if not math.isfinite(seconds) or int(seconds * 1000) <= 0:
            message = f"nobody can wait for {seconds} seconds"
            raise Rejected(message)

    def _variable(self, name: str, value: str) -> None:
        if not re.fullmatch(r"[A-Za-z_]+(\([a-z]+\))?", name):
            message = f"{name!r} is no variable"
            raise Rejected(message)
        if re.search(r"[\x00-\x1f\x7f]", value):
            message = f"{name} would break the line: {value!r}"
            raise Rejected(message)
        if name == "TIMEOUT(absolute)" and not re.fullmatch(r"[1-9]\d*", value):
            message = f"{value!r} is no time-out"
            raise Rejected(message)

    def _press(self) -> str | None:
        key, self._next = self._next, next(self._supply, "-")
        return None if key == "-" else key


class Notes(list[Notice]):
    """A journal."""

    def note(self, *notices: Notice) -> None:
        self.extend(notices)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound for every prompt of the example, in both languages."""
    return with_sounds(tmp_path_factory.mktemp("sounds"))


def sha1(text: str) -> str:
    """As the dialplan's SHA1()."""
    return hashlib.sha1(text.encode()).hexdigest()


def a_question(
    about: str = "did",
    value: str = "01632960111",
    *,
    language: str = "",
    announced: bool = False,
    sealed: bool = False,
    number: str = NUMBER,
    asked: datetime = MONDAY_MORNING,
    which: int = 1,
    secret: str = SECRET,
) -> Question:
    """A question as `cc-ask` builds it; `which` tells those apart that are asked in the same second."""
    nonce = f"{asked.timestamp():.0f}-{UUID(int=which)}"
    return Question(nonce, sha1(f"{nonce} {secret}"), CALL, about, value, language, announced, sealed, number)


def a_conversation(
    sounds: Path, notes: Notes, now: datetime = MONDAY_MORNING, site: Callable[[], Site] = example_site
) -> Conversation:
    return Conversation(site, Gatekeeper(SECRET), Sounds(sounds), notes, lambda: now)


async def converse(caller: ScriptedCaller, question: Question, now: datetime = MONDAY_MORNING) -> Notes:
    notes = Notes()
    await a_conversation(caller.sounds, notes, now).answer(question, caller)
    return notes


def proven_result(caller: ScriptedCaller, question: Question) -> str:
    """CC_RESULT as the dialplan takes it: only with a proof that it checks itself."""
    result = caller.variables["CC_RESULT"]
    assert caller.variables["CC_PROOF"] == sha1(f"{SECRET} {question.nonce} {result}")
    return result


# --- the caller of these tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "command"),
    [
        ("a file with its ending", lambda caller, file: caller.play(f"{file}.alaw")),
        ("a file that is not there", lambda caller, file: caller.play(f"{file}-none")),
        ("a file of Asterisk's own folder", lambda caller, _: caller.ask("welcome", 5)),
        ("a letter to interrupt with", lambda caller, file: caller.play(file, "12A")),
        ("a time that lies behind us", lambda caller, file: caller.ask(file, -1)),
        ("no time at all", lambda caller, _: caller.wait_for_digit(0)),
        ("a time without an end", lambda caller, _: caller.wait_for_digit(math.inf)),
        ("a value with a line break", lambda caller, _: caller.set("CC_RESULT", "goodbye\nHANGUP")),
        ("a value that ends an argument", lambda caller, _: caller.execute("MSet", "CC_RESULT=a,CC_PROOF=b")),
        ("a time-out in words", lambda caller, _: caller.set("TIMEOUT(absolute)", "-900")),
        ("another application", lambda caller, _: caller.execute("System", "date")),
    ],
)
async def test_the_scripted_caller_rejects_what_asterisk_would(
    sounds: Path, claim: str, command: Callable[..., asyncio.Future[object]]
) -> None:
    caller = ScriptedCaller(sounds)
    with pytest.raises(Rejected):
        await command(caller, f"{sounds}/cy/cc/welcome")
    assert caller.commands == 0, claim


async def test_the_scripted_caller_rejects_two_commands_at_once_and_any_after_the_hang_up(sounds: Path) -> None:
    caller = ScriptedCaller(sounds, gone_at=1)
    both = [caller.wait_for_digit(1), caller.wait_for_digit(1)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), Rejected]
    with pytest.raises(CallerGone):
        await caller.wait_for_digit(1)
    with pytest.raises(Rejected, match="after the hang-up"):
        await caller.wait_for_digit(1)


# --- from the first word to the answer -------------------------------------------------------------------------------

IN_BOTH_LANGUAGES = [
    # number, keys after the language, what is heard after the welcome, the result
    ("01632960111", "3", ["housing-main", "recording-announcement"], "queue:housing:LANG:1:1"),
    ("01632960112", "0", ["assist-main", "recording-announcement"], "queue:assist:LANG:1:1"),
    ("01632960103", "1", ["highways-main", "connecting"], "queue:highways:LANG:0:0"),
    ("01632960109", "", ["connecting"], "payment:LANG"),
    ("01632960100", "6", ["general-main", "connecting"], "payment:LANG"),
    ("01632960111", "21", ["housing-main", "housing-rent", "connecting"], "payment:LANG"),
    (
        "01632960111",
        "93",
        ["housing-main", "privacy-notice", "housing-main", "recording-announcement"],
        "queue:housing:LANG:1:1",
    ),
    (
        "01632960103",
        "#-1",
        ["highways-main", "invalid-key", "highways-main", "no-key", "highways-main", "connecting"],
        "queue:highways:LANG:0:0",
    ),
]


@pytest.mark.parametrize(("language", "key"), [("cy", "1"), ("en", "2")])
@pytest.mark.parametrize(("number", "keys", "heard", "result"), IN_BOTH_LANGUAGES)
async def test_welsh_and_english_callers_hear_the_same_and_get_the_same(
    sounds: Path, language: str, key: str, number: str, keys: str, heard: list[str], result: str
) -> None:
    caller, question = ScriptedCaller(sounds, key + keys), a_question(value=number)
    await converse(caller, question)
    assert caller.heard == [*WELCOME, *(f"{language}/{prompt}" for prompt in heard)]
    assert proven_result(caller, question) == result.replace("LANG", language)


async def test_who_knows_the_menus_need_not_hear_them_out_but_for_the_announcement(sounds: Path) -> None:
    caller, question = ScriptedCaller(sounds, "293", eager=True), a_question()
    await converse(caller, question)
    # The key for Welsh or English in the middle of the Welsh welcome; for the main menu in the privacy notice.
    assert caller.heard == ["cy/welcome", "en/housing-main", "en/privacy-notice", "en/recording-announcement"]
    assert proven_result(caller, question) == "queue:housing:en:1:1"


async def test_on_christmas_day_a_caller_to_housing_is_told_so_and_may_go_to_careline(sounds: Path) -> None:
    christmas = london("2026-12-25 10:00")
    caller, question = ScriptedCaller(sounds, "111"), a_question(asked=christmas)
    await converse(caller, question, christmas)
    assert caller.heard == [*WELCOME, "cy/holiday", "cy/careline-main", "cy/connecting"]
    assert proven_result(caller, question) == "queue:careline:cy:0:0"


async def test_a_closed_service_ends_with_a_goodbye(sounds: Path) -> None:
    evening = london("2026-07-06 20:00")
    caller, question = ScriptedCaller(sounds, "2"), a_question(value="01632960104", asked=evening)
    await converse(caller, question, evening)
    assert caller.heard == [*WELCOME, "en/refuse-closed", "en/goodbye"]
    assert proven_result(caller, question) == "goodbye"


@pytest.mark.parametrize(
    ("question", "keys", "heard", "result"),
    [
        (
            a_question("transfer", "housing", language="cy"),
            "",
            ["cy/recording-announcement"],
            "queue:housing:cy:1:1",
        ),
        (
            a_question("transfer", "housing", language="en", announced=True),
            "",
            ["en/connecting"],
            "queue:housing:en:1:1",
        ),
        (a_question("transfer", "payments", language="en", announced=True), "", ["en/connecting"], "payment:en"),
        (a_question("back", "highways", language="en"), "", ["en/connecting"], "queue:highways:en:0:0"),
        (a_question("back", ""), "", ["cy/connecting", "en/connecting"], "queue:general::0:0"),
        (a_question("transfer", "welsh-line"), "", ["cy/connecting"], "queue:welsh-line:cy:0:0"),
        (
            a_question("queue", "housing:1", language="cy", announced=True),
            "1",
            ["cy/unanswered", "cy/connecting"],
            "queue:housing:cy:1:1",
        ),
        (
            a_question("queue", "garden-waste:2", language="en"),
            "",
            ["en/unanswered", *["en/no-key", "en/unanswered"] * 2, "en/goodbye"],
            "goodbye",
        ),
        (a_question("queue", "careline:3", language="en"), "", [], "fallback:en"),
        (a_question("queue", "careline:17"), "", [], "fallback:"),
    ],
    ids=lambda value: f"{value.about} {value.value}" if isinstance(value, Question) else None,
)
async def test_callers_who_are_passed_on_or_come_back_go_on_where_they_were(
    sounds: Path, question: Question, keys: str, heard: list[str], result: str
) -> None:
    caller = ScriptedCaller(sounds, keys)
    await converse(caller, question)
    assert caller.heard == heard
    assert proven_result(caller, question) == result


async def test_the_first_command_moves_the_dialplans_time_limit(sounds: Path) -> None:
    """The dialplan takes back a call of which nothing comes within 8 s: see dialplan/cc-ask.conf."""
    caller = ScriptedCaller(sounds, gone_at=1)
    with pytest.raises(CallerGone):
        await converse(caller, a_question())
    assert caller.variables == {"TIMEOUT(absolute)": "900"}


async def test_the_rules_with_which_a_conversation_begins_count_to_its_end(sounds: Path) -> None:
    """Whatever is reloaded meanwhile."""
    sites = iter([example_site(), replace(example_site(), services={})])
    caller, question = ScriptedCaller(sounds, "133"), a_question(value="01632960100")
    await a_conversation(sounds, Notes(), site=lambda: next(sites)).answer(question, caller)
    assert proven_result(caller, question) == "queue:housing:cy:1:1"


async def test_many_callers_are_answered_at_once(sounds: Path) -> None:
    conversation = a_conversation(sounds, Notes())
    questions = [a_question(which=number) for number in range(40)]
    callers = [ScriptedCaller(sounds, f"{1 + number % 2}3") for number in range(40)]
    await asyncio.gather(*map(conversation.answer, questions, callers))
    results = [proven_result(caller, question) for caller, question in zip(callers, questions, strict=True)]
    assert results == ["queue:housing:cy:1:1", "queue:housing:en:1:1"] * 20


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "noted"),
    [
        ("+441632960777", "+441632960777"),
        ("01632 960777", "+441632960777"),
        ("441632960777", "+441632960777"),
        ("101", "101"),  # short ones have no other form
        ("", None),
        ("unknown", None),
        ("anonymous", None),
        ("Restricted", None),
    ],
)
async def test_a_withheld_number_is_no_number_and_the_call_is_answered(
    sounds: Path, number: str, noted: str | None
) -> None:
    caller, question = ScriptedCaller(sounds, "13"), a_question(number=number)
    notes = await converse(caller, question)
    assert proven_result(caller, question) == "queue:housing:cy:1:1"
    assert [note.number for note in notes if isinstance(note, CallIdentified)] == [noted, None]


@pytest.mark.parametrize("did", ["+441632960199", "999999", "s", "", "unknown", "01632960111 ext 5; drop"])
async def test_a_number_that_nobody_claims_is_answered_by_the_general_line(sounds: Path, did: str) -> None:
    caller, question = ScriptedCaller(sounds, "10"), a_question(value=did)
    await converse(caller, question)
    assert caller.heard == [*WELCOME, "cy/general-main", "cy/connecting"]
    assert proven_result(caller, question) == "queue:general:cy:0:0"


# --- what is noted ---------------------------------------------------------------------------------------------------


async def test_each_step_is_noted_with_the_call_and_why_it_is_recorded(sounds: Path) -> None:
    notes = await converse(ScriptedCaller(sounds, "2-3"), a_question())
    at = MONDAY_MORNING.timestamp()
    assert notes == [
        CallIdentified(CALL, at, "+441632960111", NUMBER, "housing", None, tier=1),
        Heard(CALL, at, "housing", "language", None, "2"),
        Heard(CALL, at, "housing", "main", "en", ""),
        Heard(CALL, at, "housing", "main", "en", "3"),
        Announced(CALL, at, "en", whole=True),
        CallIdentified(CALL, at, service="housing", language="en"),
        Decided(CALL, at, "queue:housing:en:1:1", "the service records, and the caller has heard so"),
    ]


async def test_nothing_but_the_announcement_is_noted_as_one(sounds: Path) -> None:
    caller = ScriptedCaller(sounds, "21")
    notes = await converse(caller, a_question(value="01632960103"))
    assert "en/connecting" in caller.heard
    assert not any(isinstance(note, Announced) for note in notes)
    (decided,) = (note for note in notes if isinstance(note, Decided))
    assert decided.reason == "calls to this service are not recorded"


async def test_who_comes_back_is_not_identified_anew(sounds: Path) -> None:
    """What was dialled and who called is known from the first time."""
    notes = await converse(ScriptedCaller(sounds), a_question("transfer", "ict", language="en", number="1005"))
    identified = [note for note in notes if isinstance(note, CallIdentified)]
    assert [(note.dialled, note.number, note.service) for note in identified] == [(None, None, "ict")] * 2


@pytest.mark.parametrize(("language", "key"), [("cy", "1"), ("en", "2")])
async def test_an_announcement_that_was_cut_short_is_none(sounds: Path, language: str, key: str) -> None:
    cut = frozenset({f"{language}/recording-announcement"})
    caller, question = ScriptedCaller(sounds, f"{key}3", cut=cut), a_question()
    notes = await converse(caller, question)
    assert proven_result(caller, question) == f"queue:housing:{language}:0:0"
    assert [note.whole for note in notes if isinstance(note, Announced)] == [False]
    (decided,) = (note for note in notes if isinstance(note, Decided))
    assert decided.reason == "the caller has not heard the announcement to its end"


async def test_who_chose_no_language_must_hear_the_announcement_in_both(sounds: Path) -> None:
    for cut, result in (
        ([], "queue:housing::1:1"),
        (["cy/recording-announcement"], "queue:housing::0:0"),
        (["en/recording-announcement"], "queue:housing::0:0"),
    ):
        caller, question = ScriptedCaller(sounds, cut=frozenset(cut)), a_question()
        await converse(caller, question)
        assert proven_result(caller, question) == result, cut


async def test_no_number_and_no_answer_stands_in_any_log(sounds: Path) -> None:
    with capture_logs() as logs:
        caller = ScriptedCaller(sounds, "2193")
        await converse(caller, a_question())
        await converse(ScriptedCaller(sounds), a_question(secret="another-secret"))
        await converse(ScriptedCaller(sounds), a_question("weather", NUMBER))
    assert logs
    for private in ("960777", "960111", "queue:", caller.variables["CC_PROOF"], SECRET):
        assert private not in str(logs)


# --- a caller who hangs up -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "keys"),
    [
        (a_question(), "1193"),
        (a_question(), ""),
        (a_question(value="01632960103"), "2#-1"),
        (a_question(value="01632960109"), "1"),
        (a_question(value="01632960110"), ""),
        (a_question("transfer", "assist", language="en"), ""),
        (a_question("queue", "housing:1", language="cy"), ""),
    ],
    ids=["Housing", "Housing, no key", "Highways", "Payments", "Welsh line", "passed on", "unanswered"],
)
async def test_who_hangs_up_at_any_command_ends_the_conversation_there(
    sounds: Path, question: Question, keys: str
) -> None:
    """Without a further command (which the caller would reject), and without an answer."""
    whole = ScriptedCaller(sounds, keys)
    everything = await converse(whole, question)
    assert whole.commands >= 3
    for moment in range(whole.commands):
        caller, notes = ScriptedCaller(sounds, keys, gone_at=moment), Notes()
        with pytest.raises(CallerGone):
            await a_conversation(sounds, notes).answer(question, caller)
        assert caller.commands == moment + 1
        assert "CC_RESULT" not in caller.variables
        assert caller.heard == whole.heard[: len(caller.heard)]
        told = [note for note in notes if not (isinstance(note, Announced) and not note.whole)]
        assert told == everything[: len(told)]  # what happened until then, and no decision
        assert not any(isinstance(note, Decided) for note in notes)


async def test_who_hangs_up_in_the_announcement_has_not_heard_it(sounds: Path) -> None:
    question = a_question("transfer", "housing", language="cy")
    caller, notes = ScriptedCaller(sounds, gone_at=1), Notes()
    with pytest.raises(CallerGone):
        await a_conversation(sounds, notes).answer(question, caller)
    assert [note.whole for note in notes if isinstance(note, Announced)] == [False]


# --- prompts that are not there --------------------------------------------------------------------------------------


def without(folder: Path, *prompts: str) -> Path:
    """All sounds but these."""
    with_sounds(folder)
    for prompt in prompts:
        language, _, name = prompt.partition("/")
        (folder / f"{Prompt(name, language).sound}.alaw").unlink()
    return folder


@pytest.mark.parametrize(
    ("missing", "keys", "heard", "result"),
    [
        (["en/housing-main"], "23", [*WELCOME, "en/recording-announcement"], "queue:housing:en:1:1"),
        (["en/welcome"], "23", ["cy/welcome", "en/housing-main", "en/recording-announcement"], "queue:housing:en:1:1"),
        (WELCOME, "23", ["en/housing-main", "en/recording-announcement"], "queue:housing:en:1:1"),
        (  # not announced, so not recorded
            ["cy/recording-announcement"],
            "13",
            [*WELCOME, "cy/housing-main"],
            "queue:housing:cy:0:0",
        ),
        (
            ["cy/recording-announcement"],
            "--",
            [*WELCOME, *WELCOME, "en/recording-announcement"],
            "queue:housing::0:0",
        ),
    ],
)
async def test_a_prompt_that_is_missing_is_left_out_and_the_call_goes_on(
    tmp_path: Path, missing: list[str], keys: str, heard: list[str], result: str
) -> None:
    caller, question = ScriptedCaller(without(tmp_path, *missing), keys), a_question()
    with capture_logs() as logs:
        await converse(caller, question)
    assert caller.heard == heard
    assert proven_result(caller, question) == result
    said = [f"{log['language']}/{log['prompt']}" for log in logs if "a prompt is missing" in log["event"]]
    assert said == missing  # each once, however often it was to be played


async def test_without_any_sound_keys_still_lead_to_people(tmp_path: Path) -> None:
    caller, question = ScriptedCaller(tmp_path, "1213"), a_question(value="01632960100")
    with capture_logs() as logs:
        await converse(caller, question)
    assert caller.heard == []
    assert proven_result(caller, question) == "queue:highways:cy:0:0"
    assert {log["log_level"] for log in logs if "missing" in log["event"]} == {"error"}


async def test_a_missing_prompt_is_said_once_and_not_for_every_caller(tmp_path: Path) -> None:
    sounds = without(tmp_path, "cy/housing-main")
    conversation = a_conversation(sounds, Notes())
    with capture_logs() as logs:
        for number in range(5):
            await conversation.answer(a_question(which=number), ScriptedCaller(sounds, "13"))
    (missing,) = (log for log in logs if log["log_level"] == "error")
    assert (missing["prompt"], missing["language"]) == ("housing-main", "cy")
    assert missing["file"] == str(tmp_path / "cy" / "cc" / "housing-main.alaw")
    assert "`ccdaemon prompts build` makes it" in missing["event"]


async def test_a_prompt_that_was_made_meanwhile_is_heard_and_missed_again_when_it_goes(tmp_path: Path) -> None:
    sounds = without(tmp_path, "cy/housing-main")
    file, heard = tmp_path / "cy" / "cc" / "housing-main.alaw", []
    conversation = a_conversation(sounds, Notes())
    with capture_logs() as logs:
        for number, change in enumerate((None, lambda: file.write_bytes(bytes(SAMPLES)), file.unlink)):
            if change is not None:
                change()
            caller = ScriptedCaller(sounds, "13")
            await conversation.answer(a_question(which=number), caller)
            heard.append("cy/housing-main" in caller.heard)
    assert heard == [False, True, False]
    assert len([log for log in logs if log["log_level"] == "error"]) == 2


# --- whose questions are answered ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "question"),
    [
        ("it is too old", a_question(asked=MONDAY_MORNING - timedelta(seconds=11))),
        ("it comes from the future", a_question(asked=MONDAY_MORNING + timedelta(seconds=11))),
        ("its asker knows another secret", a_question(secret="another-secret-of-this-test")),
        ("it proves nothing", replace(a_question(), proof="")),
        ("it has the proof of another question", replace(a_question(), proof=a_question(which=2).proof)),
        ("its nonce is none", replace(a_question(), nonce="1", proof=sha1(f"1 {SECRET}"))),
    ],
)
async def test_a_question_that_is_not_from_our_dialplan_gets_no_answer_at_all(
    sounds: Path, claim: str, question: Question
) -> None:
    caller = ScriptedCaller(sounds, "13")
    with capture_logs() as logs:
        notes = await converse(caller, question)
    assert (caller.commands, caller.variables, notes) == (0, {}, []), claim
    assert [log["log_level"] for log in logs] == ["warning"]


async def test_a_question_is_answered_once(sounds: Path) -> None:
    """Who replays one gets nothing, neither in the same instant nor later."""
    now = [MONDAY_MORNING]
    conversation = Conversation(example_site, Gatekeeper(SECRET), Sounds(sounds), Notes(), lambda: now[0])
    commands = []
    for seconds in (0, 0, 3, 6):
        now[0] = MONDAY_MORNING + timedelta(seconds=seconds)
        caller = ScriptedCaller(sounds, "13")
        await conversation.answer(a_question(), caller)
        commands.append(caller.commands)
    assert commands[0] > 0
    assert commands[1:] == [0, 0, 0]


def test_questions_are_forgotten_when_they_are_too_old_to_be_asked_again() -> None:
    gatekeeper = Gatekeeper(SECRET)
    for minute in range(60):
        asked = MONDAY_MORNING + timedelta(minutes=minute)
        for number in range(10):
            assert gatekeeper.admits(a_question(asked=asked, which=number), asked.timestamp())
    assert len(gatekeeper._seen) == 10  # noqa: SLF001 - what it keeps is not to be seen from outside


@pytest.mark.parametrize(("about", "value"), [("weather", "today"), ("transfer", "nobody"), ("queue", "nobody-FULL")])
async def test_a_question_of_another_version_is_left_to_the_dialplan(sounds: Path, about: str, value: str) -> None:
    caller = ScriptedCaller(sounds)
    with capture_logs() as logs:
        await converse(caller, a_question(about, value))
    assert caller.heard == []
    assert "CC_RESULT" not in caller.variables
    assert [log["log_level"] for log in logs] == ["error"]


@pytest.mark.parametrize(
    ("arguments", "announced", "sealed"),
    [
        (["n", "p", CALL, "did", "100", "", "", ""], False, False),
        (["n", "p", CALL, "did", "100", "cy", "1", ""], True, False),
        (["n", "p", CALL, "did", "100", "cy", "0", "phone"], False, True),
        (["n", "p", CALL, "did", "100", "cy", "1", "payments"], True, True),
    ],
)
def test_a_question_is_read_from_the_arguments_of_cc_ask(
    *, arguments: list[str], announced: bool, sealed: bool
) -> None:
    expected = Question("n", "p", CALL, "did", "100", arguments[5], announced, sealed, NUMBER)
    assert Question.of(arguments, NUMBER) == expected


@pytest.mark.parametrize("arguments", [[], ["n"], ["n", "p", CALL, "did", "100", "", ""], ["x"] * 9])
def test_other_arguments_are_no_question(arguments: list[str]) -> None:
    assert Question.of(arguments, NUMBER) is None


# --- anybody at all --------------------------------------------------------------------------------------------------

questions = st.one_of(
    st.builds(
        lambda value, asked: a_question(value=value, asked=asked),
        st.sampled_from([service.numbers[0] for service in example_site().services.values()]),
        st.sampled_from([MONDAY_MORNING, london("2026-07-06 22:00"), london("2026-12-25 10:00")]),
    ),
    st.builds(
        lambda about, service, language, announced: a_question(
            about, f"{service}:2" if about == "queue" else service, language=language, announced=announced
        ),
        st.sampled_from(["transfer", "queue"]),
        st.sampled_from(sorted(example_site().services)),
        st.sampled_from(["cy", "en", "", "pl"]),
        st.booleans(),
    ),
)


@settings(max_examples=200, deadline=None)
@given(question=questions, keys=st.text(alphabet=f"{KEYS}-", max_size=80), eager=st.booleans())
async def test_whoever_calls_and_whatever_they_press_they_get_a_person_or_a_goodbye(
    *, sounds: Path, question: Question, keys: str, eager: bool
) -> None:
    caller = ScriptedCaller(sounds, keys, eager=eager)
    await converse(caller, question, datetime.fromtimestamp(int(question.nonce[:10]), example_site().timezone))
    result = proven_result(caller, question)
    assert re.fullmatch(
        r"queue:[a-z-]+:(cy|en)?:[01]:[01]|payment:(cy|en)?|fallback:(cy|en)?|message:[a-z-]+:(cy|en)?|goodbye", result
    )
    if result.startswith("message:"):  # its notice was heard to its end
        assert caller.heard[-1].endswith("/message-how")
    if result == "goodbye":
        assert caller.heard[-1].endswith("/goodbye")
    if re.fullmatch(r"queue:.*:1:.", result):
        assert result.startswith(("queue:housing:", "queue:assist:"))
        assert result.endswith(":1")  # recorded only if announced
    assert caller.commands <= 4 * TURNS


@settings(max_examples=100, deadline=None)
@given(question=questions, keys=st.text(alphabet=f"{KEYS}-", max_size=30), gone_at=st.integers(0, 40))
async def test_whenever_a_caller_hangs_up_no_further_command_is_sent(
    *, sounds: Path, question: Question, keys: str, gone_at: int
) -> None:
    caller = ScriptedCaller(sounds, keys, gone_at=gone_at)
    now = datetime.fromtimestamp(int(question.nonce[:10]), example_site().timezone)
    try:
        await converse(caller, question, now)
    except CallerGone:
        assert caller.commands == gone_at + 1
        assert "CC_RESULT" not in caller.variables
    else:
        assert caller.commands <= gone_at
        assert proven_result(caller, question)


@pytest.mark.parametrize("number", sorted(service.numbers[0] for service in example_site().services.values()))
async def test_every_line_lets_every_pair_of_keys_come_to_an_end(sounds: Path, number: str) -> None:
    for keys in map("".join, product(f"{KEYS}-", repeat=2)):
        caller, question = ScriptedCaller(sounds, keys), a_question(value=number)
        await converse(caller, question)
        assert proven_result(caller, question), keys
