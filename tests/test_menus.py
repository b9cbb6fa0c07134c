"""What callers hear and where they land: every service, every quarter of an hour, every key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccdaemon.model import Hours, Ruling, Service, Site
from ccdaemon.rules.hours import Opening, opening
from ccdaemon.rules.menus import TURNS, begin, step
from ccdaemon.rules.recording import Verdict
from ccdaemon.rules.turns import (
    Action,
    Collect,
    Entry,
    HangUp,
    Key,
    Pay,
    Play,
    Played,
    Returned,
    Silence,
    TakeMessage,
    Transferred,
    Unanswered,
    Wait,
)
from ccdaemon.ways import Farewell, Menu, Repeat, ToMenu, ToQueue, ToService
from tests.builders import (
    MONDAY_MORNING,
    RECORDED,
    Told,
    always_open,
    converse,
    dialling,
    example,
    example_site,
    london,
    utc,
    with_service,
)

WELCOME = ["cy/welcome", "en/welcome"]


def landing(end: Action) -> str:
    """Where a call goes, in a few words."""
    match end:
        case Wait(service, language, announced, verdict):
            told = "told" if announced else "not told"
            return (
                f"{service} {language or 'both'}, {told}, {'recorded' if verdict is Verdict.RECORD else 'unrecorded'}"
            )
        case Pay(language):
            return f"payments {language or 'both'}"
        case _:
            assert end == HangUp()
            return "goodbye"


# --- one caller ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "keys", "heard", "end"),
    [
        (
            "housing",
            "13",
            ["cy/housing-main", "cy/recording-announcement"],
            "housing cy, told, recorded",
        ),
        (
            "housing",
            "212",
            ["en/housing-main", "en/housing-repairs", "en/recording-announcement"],
            "housing en, told, recorded",
        ),
        (
            "assist",
            "20",
            ["en/assist-main", "en/recording-announcement"],
            "assist en, told, recorded",
        ),
        (
            "highways",
            "21",
            ["en/highways-main", "en/connecting"],
            "highways en, not told, unrecorded",
        ),
        (  # payments has no menu
            "payments",
            "1",
            ["cy/connecting"],
            "payments cy",
        ),
        (  # to another service, whose announcement comes in the language chosen once
            "general",
            "133",
            ["cy/general-main", "cy/housing-main", "cy/recording-announcement"],
            "housing cy, told, recorded",
        ),
        (
            "general",
            "113",
            ["cy/general-main", "cy/general-waste", "cy/garden-waste-main"]
            + ["cy/no-key", "cy/garden-waste-main"] * 2
            + ["cy/connecting"],
            "garden-waste cy, not told, unrecorded",
        ),
        (
            "housing",
            "221",
            ["en/housing-main", "en/housing-rent", "en/connecting"],
            "payments en",
        ),
        (  # back, by the star
            "housing",
            "11*3",
            ["cy/housing-main", "cy/housing-repairs", "cy/housing-main", "cy/recording-announcement"],
            "housing cy, told, recorded",
        ),
        (  # something to hear, then the menu again
            "housing",
            "193",
            ["cy/housing-main", "cy/privacy-notice", "cy/housing-main", "cy/recording-announcement"],
            "housing cy, told, recorded",
        ),
        (  # a key that is none of the choices
            "highways",
            "2#1",
            ["en/highways-main", "en/invalid-key", "en/highways-main", "en/connecting"],
            "highways en, not told, unrecorded",
        ),
        (  # no key in time
            "highways",
            "2-1",
            ["en/highways-main", "en/no-key", "en/highways-main", "en/connecting"],
            "highways en, not told, unrecorded",
        ),
        (  # a menu is said three times, then a person answers
            "highways",
            "28-",
            [
                "en/highways-main",
                "en/invalid-key",
                "en/highways-main",
                "en/no-key",
                "en/highways-main",
                "en/connecting",
            ],
            "highways en, not told, unrecorded",
        ),
        (  # a good key gives all tries back
            "highways",
            "2772771",
            [
                *["en/highways-main", *["en/invalid-key", "en/highways-main"] * 2],
                *["en/highways-defects", *["en/invalid-key", "en/highways-defects"] * 2],
                "en/connecting",
            ],
            "highways en, not told, unrecorded",
        ),
    ],
)
def test_keys_lead_where_the_prompts_say(service: str, keys: str, heard: list[str], end: str) -> None:
    told = converse(example_site(), dialling(service), keys, MONDAY_MORNING)
    assert (told.heard, landing(told.end)) == ([*WELCOME, *heard], end)


@pytest.mark.parametrize(
    ("service", "keys", "heard", "end"),
    [
        ("housing", "51", ["cy/housing-main"], "housing cy, told, recorded"),  # the second question is answered
        ("housing", "-2", ["en/housing-main"], "housing en, told, recorded"),
        # Nobody waits through a menu in two languages: a person answers, and each thing is said in both.
        ("housing", "", ["cy/recording-announcement", "en/recording-announcement"], "housing both, told, recorded"),
        ("housing", "*#", ["cy/recording-announcement", "en/recording-announcement"], "housing both, told, recorded"),
        ("highways", "", ["cy/connecting", "en/connecting"], "highways both, not told, unrecorded"),
        ("payments", "33", ["cy/connecting", "en/connecting"], "payments both"),
    ],
)
def test_the_language_is_asked_for_twice_and_then_both_are_spoken(
    service: str, keys: str, heard: list[str], end: str
) -> None:
    told = converse(example_site(), dialling(service), keys, MONDAY_MORNING)
    assert (told.heard[: 4 + len(heard)], landing(told.end)) == ([*WELCOME, *WELCOME, *heard], end)


def test_the_welsh_line_asks_nothing() -> None:
    told = converse(example_site(), dialling("welsh-line"), "9", MONDAY_MORNING)
    assert told.heard == ["cy/welsh-line-welcome", "cy/connecting"]
    assert landing(told.end) == "welsh-line cy, not told, unrecorded"
    assert not any(isinstance(action, Collect) for _, action in told.turns)


@pytest.mark.parametrize(
    ("service", "keys", "when", "heard", "end"),
    [
        (  # closed: a key leads to somebody who is always there, in the language chosen once
            "housing",
            "111",
            "2026-07-06 20:00",
            ["cy/housing-closed", "cy/careline-main", "cy/connecting"],
            "careline cy, not told, unrecorded",
        ),
        (
            "housing",
            "1",
            "2026-07-06 20:00",
            ["cy/housing-closed", *["cy/no-key", "cy/housing-closed"] * 2, "cy/goodbye"],
            "goodbye",
        ),
        (  # nothing to choose: said once
            "blue-badge",
            "2",
            "2026-07-06 20:00",
            ["en/blue-badge-closed", *["en/no-key", "en/blue-badge-closed"] * 2, "en/goodbye"],
            "goodbye",
        ),
        (
            "housing",
            "21-",
            "2026-12-25 10:00",
            ["en/holiday", "en/careline-main", *["en/no-key", "en/careline-main"] * 2, "en/connecting"],
            "careline en, not told, unrecorded",
        ),
        (  # without a message for bank holidays, the one for evenings
            "ict",
            "2",
            "2026-12-25 10:00",
            ["en/ict-closed", "en/goodbye"],
            "goodbye",
        ),
        (  # a service that is open leads to one that is not open yet
            "general",
            "23",
            "2026-07-06 08:45",
            ["en/general-main", "en/housing-closed", *["en/no-key", "en/housing-closed"] * 2, "en/goodbye"],
            "goodbye",
        ),
    ],
)
def test_who_calls_while_nobody_is_there_hears_so_and_what_to_do(
    service: str, keys: str, when: str, heard: list[str], end: str
) -> None:
    told = converse(example_site(), dialling(service), keys, london(when))
    assert (told.heard, landing(told.end)) == ([*WELCOME, *heard], end)


def test_who_chose_no_language_hears_that_a_service_is_closed_in_both() -> None:
    told = converse(example_site(), dialling("payments"), "", london("2026-07-06 20:00"))
    closed = ["cy/payments-closed", "en/payments-closed", "cy/goodbye", "en/goodbye"]
    assert told.heard == [*WELCOME, *WELCOME, *closed]


# --- callers who come back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "keys", "heard", "end"),
    [
        (  # once told is enough: the announcement is not said again
            Unanswered("housing", "cy", announced=True),
            "1",
            ["cy/unanswered", "cy/connecting"],
            "housing cy, told, recorded",
        ),
        (
            Unanswered("housing", "cy", announced=False),
            "1",
            ["cy/unanswered", "cy/recording-announcement"],
            "housing cy, told, recorded",
        ),
        (
            Unanswered("housing", "en", announced=True),
            "",
            ["en/unanswered", *["en/no-key", "en/unanswered"] * 2, "en/goodbye"],
            "goodbye",
        ),
        (  # who says nothing at Careline may need help
            Unanswered("careline", "en"),
            "",
            ["en/unanswered", *["en/no-key", "en/unanswered"] * 2, "en/connecting"],
            "careline en, not told, unrecorded",
        ),
        (
            Unanswered("highways", None),
            "1",
            ["cy/unanswered", "en/unanswered", "cy/connecting", "en/connecting"],
            "highways both, not told, unrecorded",
        ),
        (
            Unanswered("payments", "cy"),
            "1",
            ["cy/unanswered", "cy/connecting"],
            "payments cy",
        ),
        (  # an agent passes a caller on: no menu, straight to the queue
            Transferred("housing", "cy", announced=False),
            "",
            ["cy/recording-announcement"],
            "housing cy, told, recorded",
        ),
        (
            Transferred("assist", "en", announced=True),
            "",
            ["en/connecting"],
            "assist en, told, recorded",
        ),
        (
            Transferred("highways", "cy"),
            "",
            ["cy/connecting"],
            "highways cy, not told, unrecorded",
        ),
        (
            Transferred("payments", "en", announced=True),
            "",
            ["en/connecting"],
            "payments en",
        ),
        (
            Transferred("housing", None),
            "",
            ["cy/recording-announcement", "en/recording-announcement"],
            "housing both, told, recorded",
        ),
        (  # back from a colleague who did not answer
            Returned("housing", "en", announced=True),
            "",
            ["en/connecting"],
            "housing en, told, recorded",
        ),
        (  # sealed: told nothing, because nothing is recorded
            Transferred("housing", "cy", sealed=True),
            "",
            ["cy/connecting"],
            "housing cy, not told, unrecorded",
        ),
        (
            Transferred("assist", "en", announced=True, sealed=True),
            "",
            ["en/connecting"],
            "assist en, told, unrecorded",
        ),
        (  # the Welsh line speaks Welsh, whatever was spoken before
            Transferred("welsh-line", "en"),
            "",
            ["cy/connecting"],
            "welsh-line cy, not told, unrecorded",
        ),
    ],
)
def test_who_is_passed_on_or_comes_back_keeps_language_and_announcement(
    entry: Entry, keys: str, heard: list[str], end: str
) -> None:
    told = converse(example_site(), entry, keys, MONDAY_MORNING)
    assert (told.heard, landing(told.end)) == (heard, end)


@pytest.mark.parametrize("entry", [Unanswered("housing", "cy"), Transferred("housing", "cy")])
@pytest.mark.parametrize(("when", "heard"), [("2026-07-06 20:00", "housing-closed"), ("2026-12-25 10:00", "holiday")])
def test_who_comes_back_after_the_service_has_closed_hears_so(entry: Entry, when: str, heard: str) -> None:
    told = converse(example_site(), entry, "1", london(when))
    assert told.heard[:2] == [f"cy/{heard}", "cy/careline-main"]
    assert landing(told.end) == "careline cy, not told, unrecorded"


@pytest.mark.parametrize("when", ["2026-07-06 17:03", "2026-12-25 10:00"])
def test_whom_no_colleague_answers_waits_for_a_person_though_the_service_has_closed_since(when: str) -> None:
    told = converse(example_site(), Returned("highways", "cy"), "", london(when))
    assert (told.heard, landing(told.end)) == (["cy/connecting"], "highways cy, not told, unrecorded")


def test_a_service_that_closes_during_the_conversation_still_lets_it_end() -> None:
    before, after = london("2026-07-06 16:59:59"), london("2026-07-06 17:00:01")
    state, _ = begin(example_site(), dialling("general"), before)
    state, menu = step(example_site(), state, Key("2"), before)
    assert isinstance(menu, Collect)
    state, closed = step(example_site(), state, Key("3"), after)  # to housing, which has just closed
    assert isinstance(closed, Collect)
    assert [prompt.id for prompt in closed.prompts] == ["housing-closed"]
    assert state.language == "en"


# --- the announcement ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", RECORDED)
@pytest.mark.parametrize(("keys", "language"), [("10", "cy"), ("20", "en"), ("--", None)])
@pytest.mark.parametrize("whole", [True, False])
def test_a_call_is_recorded_exactly_if_the_announcement_was_heard_to_its_end(
    *, service: str, keys: str, language: str | None, whole: bool
) -> None:
    told = converse(example_site(), dialling(service), keys, MONDAY_MORNING, whole=whole)
    verdict = Verdict.RECORD if whole else Verdict.NOT_ANNOUNCED
    assert told.end == Wait(service, language, announced=whole, verdict=verdict)


def test_the_announcement_cannot_be_interrupted_and_is_the_last_thing_before_the_queue() -> None:
    told = converse(example_site(), dialling("housing"), "10", MONDAY_MORNING)
    _, last = told.turns[-1]
    assert isinstance(last, Play)
    assert [prompt.id for prompt in last.prompts] == ["recording-announcement"]


# --- lines that somebody has opened or closed ------------------------------------------------------------------------


def ruled(state: Literal["open", "closed"], message: str | None = None, *services: str) -> Site:
    rulings = {service: Ruling(service, state, message, 0.0, "tom") for service in services or ("housing",)}
    return replace(example_site(), rulings=rulings)


def test_a_line_that_was_closed_says_what_it_says_after_hours() -> None:
    told = converse(ruled("closed"), dialling("housing"), "1", MONDAY_MORNING)
    assert told.heard == converse(example_site(), dialling("housing"), "1", london("2026-07-06 20:00")).heard


def test_a_line_that_was_opened_is_open_on_christmas_day() -> None:
    told = converse(ruled("open"), dialling("housing"), "13", london("2026-12-25 10:00"))
    assert isinstance(told.end, Wait)


def test_a_message_is_all_that_callers_hear_in_every_language_and_nobody_waits() -> None:
    told = converse(ruled("closed", "evacuation"), dialling("housing"), "", MONDAY_MORNING)
    assert told.heard == ["cy/evacuation", "en/evacuation"]
    assert told.end == HangUp()


@pytest.mark.parametrize("entry", [Transferred("housing", "cy"), Unanswered("housing", "cy")])
def test_who_comes_on_the_way_hears_it_in_their_own_language(entry: Entry) -> None:
    told = converse(ruled("closed", "evacuation"), entry, "", MONDAY_MORNING)
    assert (told.heard, told.end) == (["cy/evacuation"], HangUp())


def test_a_menu_that_leads_to_a_closed_line_ends_with_its_message() -> None:
    told = converse(ruled("closed", "evacuation", "payments"), dialling("housing"), "121", MONDAY_MORNING)
    assert told.heard[-1] == "cy/evacuation"
    assert told.end == HangUp()


def test_other_lines_are_as_they_were() -> None:
    site = ruled("closed", "evacuation", "highways")
    assert converse(site, dialling("housing"), "13", MONDAY_MORNING) == converse(
        example_site(), dialling("housing"), "13", MONDAY_MORNING
    )


# --- messages for an emergency ---------------------------------------------------------------------------------------


def with_emergency(service: str) -> Site:
    return with_service(example_site(), replace(example_site().services[service], emergency="flooding"))


@pytest.mark.parametrize(
    ("service", "keys", "when", "heard"),
    [
        ("highways", "1", "2026-07-06 10:00", [*WELCOME, "cy/flooding", "cy/highways-main"]),
        ("highways", "2", "2026-07-06 20:00", [*WELCOME, "en/flooding", "en/highways-closed"]),
        ("highways", "2", "2026-12-25 10:00", [*WELCOME, "en/flooding", "en/holiday"]),
        ("highways", "", "2026-07-06 10:00", [*WELCOME, *WELCOME, "cy/flooding", "en/flooding", "cy/connecting"]),
        (
            "highways",
            "",
            "2026-07-06 20:00",
            [*WELCOME, *WELCOME, "cy/flooding", "cy/highways-closed", "en/flooding", "en/highways-closed"],
        ),
        ("payments", "2", "2026-07-06 10:00", [*WELCOME, "en/flooding", "en/connecting"]),
        ("payments", "", "2026-07-06 10:00", [*WELCOME, *WELCOME, "cy/flooding", "en/flooding", "cy/connecting"]),
        ("housing", "", "2026-07-06 10:00", [*WELCOME, *WELCOME, "cy/flooding", "en/flooding"]),
        ("welsh-line", "", "2026-07-06 10:00", ["cy/welsh-line-welcome", "cy/flooding", "cy/connecting"]),
    ],
)
def test_an_emergency_is_told_to_everybody_before_anything_else(
    service: str, keys: str, when: str, heard: list[str]
) -> None:
    told = converse(with_emergency(service), dialling(service), keys, london(when))
    assert told.heard[: len(heard)] == heard
    assert told.heard.count("cy/flooding") <= 1
    assert told.heard.count("en/flooding") <= 1


def test_an_emergency_is_told_to_who_comes_from_another_service() -> None:
    told = converse(with_emergency("highways"), dialling("general"), "22", MONDAY_MORNING)
    assert told.heard[2:] == [
        "en/general-main",
        "en/flooding",
        "en/highways-main",
        *["en/no-key", "en/highways-main"] * 2,
        "en/connecting",
    ]


# --- menus of other shapes -------------------------------------------------------------------------------------------


def housing(**menus: Menu | None) -> Site:
    """The example, open at any time, with other menus for Housing; None takes one out."""
    service = always_open().services["housing"]
    changed = {**service.menus, **menus}
    return with_service(
        always_open(), replace(service, menus={name: menu for name, menu in changed.items() if menu is not None})
    )


@pytest.mark.parametrize(("keys", "heard"), [("1", ["cy/recording-announcement"]), ("", ["cy/recording-announcement"])])
def test_a_recording_service_without_a_menu_still_tells_that_it_records(keys: str, heard: list[str]) -> None:
    told = converse(housing(main=None), dialling("housing"), keys, MONDAY_MORNING)
    assert [prompt for prompt in told.heard if "welcome" not in prompt][:1] == heard
    assert isinstance(told.end, Wait)
    assert told.end.verdict is Verdict.RECORD


@pytest.mark.parametrize(
    ("menu", "keys", "heard", "end"),
    [
        (Menu("m", {"1": Repeat()}, ToQueue()), "1110", ["m", "m", "m"], "housing en, told, recorded"),
        (Menu("m", {"1": Farewell()}, ToQueue()), "1", ["m", "goodbye"], "goodbye"),
        (Menu("m", {"1": ToMenu("rent")}, ToQueue()), "1", ["m", "housing-rent"], "housing en, told, recorded"),
        (Menu("m", {}, ToQueue()), "1", ["m", "recording-announcement"], "housing en, told, recorded"),
        (Menu("m", {}, ToMenu("rent")), "", ["m", "housing-rent"], "housing en, told, recorded"),
        (Menu("m", {}, Farewell()), "1", ["m", "goodbye"], "goodbye"),
        (Menu("m", {}, ToService("careline")), "1", ["m", "careline-main"], "careline en, not told, unrecorded"),
        (Menu("m", {"1": ToService("ict")}, ToQueue()), "1", ["m", "ict-main"], "ict en, not told, unrecorded"),
    ],
)
def test_menus_may_have_any_shape(menu: Menu, keys: str, heard: list[str], end: str) -> None:
    told = converse(housing(main=menu), dialling("housing"), f"2{keys}", MONDAY_MORNING)
    assert told.heard[2 : 2 + len(heard)] == [f"en/{prompt}" for prompt in heard]
    assert landing(told.end) == end


def test_back_leads_the_whole_way_and_then_no_further() -> None:
    """Main, rent, arrears, back to rent, back to main, and from there back is the same menu."""
    back = example_site().services["housing"].menus["repairs"].keys["*"]
    site = housing(
        main=Menu("main", {"1": ToMenu("rent"), "*": back}, ToQueue()),
        rent=Menu("rent", {"1": ToMenu("arrears"), "*": back}, ToQueue()),
        arrears=Menu("arrears", {"*": back}, ToQueue()),
    )
    told = converse(site, dialling("housing"), "211***1", MONDAY_MORNING)
    heard = [prompt.partition("/")[2] for prompt in told.heard[2:9]]
    assert heard == ["main", "rent", "arrears", "rent", "main", "main", "rent"]


def test_each_menu_waits_as_long_as_it_says() -> None:
    site = housing(main=Menu("m", {"1": ToQueue()}, ToQueue(), wait=9.5))
    told = converse(site, dialling("housing"), "2-", MONDAY_MORNING)
    assert [action.wait for _, action in told.turns if isinstance(action, Collect)] == [4.0, 9.5, 9.5, 9.5]


# --- fourteen days ---------------------------------------------------------------------------------------------------

WEEKDAYS_OPEN = {  # as the council publishes them; Careline is open at any time
    "general": ("08:30", "17:00"),
    "complaints": ("09:00", "17:00"),
    "environmental": ("08:30", "17:00"),
    "highways": ("08:00", "17:00"),
    "refuse": ("08:30", "17:00"),
    "trade-waste": ("09:00", "17:00"),
    "garden-waste": ("08:30", "17:00"),
    "blue-badge": ("09:00", "16:30"),
    "payments": ("08:30", "17:00"),
    "welsh-line": ("08:30", "17:00"),
    "housing": ("09:00", "17:00"),
    "assist": ("08:30", "17:00"),
    "income": ("09:00", "17:00"),
    "ict": ("08:00", "18:00"),
}
BANK_HOLIDAYS = ("2026-04-03", "2026-04-06")  # Good Friday, Easter Monday
FIRST, DAYS = "2026-03-24 00:00", 14  # clocks go forward on Sunday the 29th
INSTEAD = {  # a way to help that does not need this service to be open
    "cy": re.compile(r"pwyswch 1|ffoniwch (?:eto|naw naw naw)|gwefan|porth", re.IGNORECASE),
    "en": re.compile(r"press 1|call (?:again|nine nine nine)|website|portal", re.IGNORECASE),
}


def quarters() -> Iterable[datetime]:
    first = london(FIRST).astimezone(UTC)
    end = (london(FIRST) + timedelta(days=DAYS)).astimezone(UTC)
    while first < end:
        yield first
        first += timedelta(minutes=15)


def is_published_open(service: str, now: datetime) -> bool:
    local = now.astimezone(example_site().timezone)
    if service == "careline":
        return True
    start, end = WEEKDAYS_OPEN[service]
    return local.weekday() < 5 and str(local.date()) not in BANK_HOLIDAYS and start <= f"{local:%H:%M}" < end


@pytest.mark.parametrize("name", [*WEEKDAYS_OPEN, "careline"])
def test_at_every_quarter_of_an_hour_there_is_a_person_or_a_message_that_says_what_to_do(name: str) -> None:
    """A bank holiday and a change of the clocks included, in each language and for who chooses none."""
    service, seen = example_site().services[name], {True: 0, False: 0}
    asked = ["1", "2", "--"] if len(service.languages) > 1 else [""]
    for now in quarters():
        is_open = is_published_open(name, now)
        seen[is_open] += 1
        key = "0" if is_open else "1"
        silent = [converse(example_site(), dialling(name), choice, now) for choice in asked]
        pressed = [converse(example_site(), dialling(name), choice + key, now) for choice in asked]
        if is_open:
            assert all(isinstance(told.end, Wait | Pay) for told in silent + pressed), now
        else:
            assert all(told.end == HangUp() and told.heard[-1].endswith("/goodbye") for told in silent), now
            assert all(told.end == HangUp() or landing(told.end).startswith("careline") for told in pressed), now
            for told in silent:
                assert_says_what_to_do(service, told, now)
        assert same_but_for_the_language(silent[:2]), now
        assert same_but_for_the_language(pressed[:2]), now
    assert seen[True] + seen[False] == DAYS * 96 - 4  # without the hour that did not exist
    assert seen[True] > 0
    assert seen[False] > 0 or name == "careline"


def assert_says_what_to_do(service: Service, told: Told, now: datetime) -> None:
    state, action = next((state, action) for state, action in told.turns if state.menu in ("closed", "holiday"))
    messages = [prompt for prompt in action.prompts if prompt.id != service.welcome]
    assert [prompt.language for prompt in messages] == ([state.language] if state.language else [*service.languages])
    for message in messages:
        assert message.id in (f"{service.id}-closed", "holiday", "holiday-message"), now
        assert INSTEAD[message.language].search(example().catalogue[message.id][message.language]), message


def same_but_for_the_language(told: list[Told]) -> bool:
    """Do Welsh and English speakers hear the same prompts and land at the same place?"""
    shapes = [
        (
            [[prompt.id for prompt in action.prompts] for _, action in each.turns],
            re.sub(" (cy|en)", "", landing(each.end)),
        )
        for each in told
    ]
    return all(shape == shapes[0] for shape in shapes)


# --- anybody at all --------------------------------------------------------------------------------------------------

services = st.sampled_from(sorted(example_site().services))
languages = st.sampled_from(["cy", "en", None])
entries: st.SearchStrategy[Entry] = st.one_of(
    services.map(dialling),
    st.builds(Transferred, services, languages, st.booleans()),
    st.builds(Returned, services, languages, st.booleans()),
    st.builds(Unanswered, services, languages, st.booleans()),
)
moments = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001 - gets its zone there
    st.sampled_from([MONDAY_MORNING, utc("2026-07-06 22:00"), utc("2026-12-25 10:00")]),
)
keys_pressed = st.text(alphabet="0123456789*#-", max_size=80)


@settings(max_examples=400, deadline=None)
@given(entry=entries, keys=keys_pressed, now=moments, whole=st.booleans())
def test_whatever_keys_are_pressed_the_call_ends_with_a_person_payments_or_a_goodbye(
    *, entry: Entry, keys: str, now: datetime, whole: bool
) -> None:
    site = example_site()
    told = converse(site, entry, keys, now, whole=whole)  # which counts the turns
    match told.end:
        case Wait(service):
            assert isinstance(entry, Returned) or opening(site, site.services[service], now) is Opening.OPEN
            assert service != "payments"
        case Pay():
            assert isinstance(entry, Returned) or opening(site, site.services["payments"], now) is Opening.OPEN
        case TakeMessage(service):
            assert whole
            assert service != "payments"
            assert told.heard[-1].endswith("/message-how")
        case _:
            assert told.end == HangUp()
            assert told.heard[-1].endswith("/goodbye")


@settings(max_examples=400, deadline=None)
@given(entry=entries, keys=keys_pressed, whole=st.booleans())
def test_whatever_keys_are_pressed_only_housing_and_assist_announce_and_record(
    *, entry: Entry, keys: str, whole: bool
) -> None:
    told = converse(example_site(), entry, keys, MONDAY_MORNING, whole=whole)
    announcing = [state for state, action in told.turns if "recording-announcement" in {p.id for p in action.prompts}]
    assert all(state.service in RECORDED for state in announcing)
    assert announcing in ([], [told.turns[-1][0]])  # once, and nothing between it and the queue
    if isinstance(told.end, Wait):
        heard_before = isinstance(entry, Transferred | Returned | Unanswered) and entry.announced
        heard = heard_before or (bool(announcing) and whole)
        assert told.end.announced is heard
        assert (told.end.verdict is Verdict.RECORD) is (heard and told.end.service in RECORDED)
        assert bool(announcing) is (told.end.service in RECORDED and not heard_before)
    for state in announcing:
        spoken = [prompt.language for prompt in told.turns[-1][1].prompts]
        assert spoken == ([state.language] if state.language else ["cy", "en"])


@settings(max_examples=400, deadline=None)
@given(entry=entries, keys=keys_pressed, now=moments)
def test_a_language_once_chosen_is_kept_to_the_end(entry: Entry, keys: str, now: datetime) -> None:
    told = converse(example_site(), entry, keys, now)
    chosen = [state.language for state, _ in told.turns if state.language] + [told.state.language]
    assert len(set(chosen)) == 1
    for state, action in told.turns:
        spoken = {prompt.language for prompt in action.prompts}
        assert spoken == ({state.language} if state.language else set(example_site().services[state.service].languages))
    if isinstance(told.end, Wait | Pay):
        assert told.end.language == told.state.language


@settings(max_examples=200, deadline=None)
@given(
    service=services,
    keys=st.lists(st.tuples(st.sampled_from("0123456789*#-"), st.integers(0, 300)), max_size=60),
    whole=st.booleans(),
)
def test_a_call_across_the_end_of_the_day_ends_as_well(
    *, service: str, keys: list[tuple[str, int]], whole: bool
) -> None:
    """Some seconds pass with every key, and the services close meanwhile."""
    now = london("2026-07-06 16:29:00")
    state, action = begin(example_site(), dialling(service), now)
    supply, turns = iter(keys), 0
    while isinstance(action, Play | Collect):
        turns += 1
        key, seconds = next(supply, ("-", 1))
        now += timedelta(seconds=seconds)
        pressed = Silence() if key == "-" else Key(key)
        state, action = step(example_site(), state, Played(whole) if isinstance(action, Play) else pressed, now)
    assert turns <= TURNS
    assert isinstance(action, Wait | Pay | HangUp | TakeMessage)


def test_who_never_stops_pressing_is_given_to_a_person_after_so_many_turns() -> None:
    told = converse(example_site(), dialling("housing"), "2" + "9" * 200, MONDAY_MORNING)
    assert len(told.turns) == TURNS
    assert landing(told.end) == "housing en, told, recorded"


def test_who_never_stops_pressing_while_nobody_is_there_is_wished_goodbye() -> None:
    general = always_open().services["general"]
    closed = Menu("general-closed", {"1": Repeat()}, Farewell())
    shut = replace(general, hours=Hours(dict.fromkeys(range(7), ()), on_bank_holidays=True, closures=frozenset()))
    site = with_service(always_open(), replace(shut, menus={**general.menus, "closed": closed}))
    told = converse(site, dialling("general"), "2" + "1" * 200, MONDAY_MORNING)
    assert len(told.turns) == TURNS
    assert told.heard[-1] == "en/goodbye"
    assert told.end == HangUp()
