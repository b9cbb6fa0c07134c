"""Does a site make sense? Everything that callers could stumble over is found before they do, with file and key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ccdaemon.config import load
from ccdaemon.model import Language
from ccdaemon.rules.soundness import sound_files, soundness
from ccdaemon.rules.wording import told
from tests.builders import PROMPTS, Edit, example, faults_of, written_site

MAIN, HOUSING, GENERAL, ICT = "ccdaemon.toml", "services/housing.toml", "services/general.toml", "services/ict.toml"
OWN = "prompts/own.toml"
CLOSED_MENU = '[menus.closed]\nprompt = "housing-closed"\nkeys.1 = "service careline"\n'
HOLIDAY_MENU = '[menus.holiday]\nprompt = "holiday"\nkeys.1 = "service careline"\n'
UNANSWERED_MENU = """\
[menus.unanswered]            # the queue was full or empty, or it took too long
prompt = "unanswered"
keys.1 = "queue"
"""


def prompt(name: str, cy: str, en: str) -> Edit:
    """A prompt of the site's own."""
    return Edit(f"prompts/{name}.toml", "", f'[{name}]\ncy = "{cy}"\nen = "{en}"\n')


@dataclass(frozen=True)
class Senseless:
    """Changes to the example, each well written, and the faults that they must give together: file, key, words."""

    claim: str
    edits: list[Edit]
    faults: list[tuple[str, str, str]]


ONE_KEY = prompt("one-key", "Pwyswch 1.", "Press 1.")
MAKES_NO_SENSE = [
    # --- the site ---
    Senseless(
        "the general service does not exist",
        [Edit(MAIN, 'general = "general"', 'general = "reception"')],
        [(MAIN, "site.general", "there is no services/reception.toml")],
    ),
    Senseless(
        "the payments service does not exist",
        [Edit(MAIN, 'payments = "payments"', 'payments = "cash"')],
        [(MAIN, "site.payments", "there is no services/cash.toml")],
    ),
    Senseless(
        "recording is allowed on a service that does not exist",
        [Edit(MAIN, '["housing", "assist"]', '["housing", "assist", "tenancy"]')],
        [(MAIN, "recording.allowed_services", "there is no services/tenancy.toml")],
    ),
    Senseless(
        "recording is allowed on payments",
        [Edit(MAIN, '["housing", "assist"]', '["housing", "assist", "payments"]')],
        [(MAIN, "recording.allowed_services", "the payments service 'payments' is never recorded")],
    ),
    Senseless(
        "a service records that may not",
        [Edit(ICT, 'extension = "6114"', 'extension = "6114"\nrecords = true')],
        [(ICT, "records", "may not be recorded: set false, or add it to recording.allowed_services on purpose")],
    ),
    Senseless(
        "two services have the same number, written in two ways",
        [Edit(ICT, '"01632 960114"', '"01632 960114", "+44 1632 960111"')],
        [(ICT, "numbers.1", "+441632960111 reaches services/housing.toml already")],
    ),
    Senseless(
        "a service has the same number twice",
        [Edit(ICT, '"01632 960114"', '"01632 960114", "+44 1632 960114"')],
        [(ICT, "numbers.1", "+441632960114 reaches services/ict.toml already")],
    ),
    Senseless(
        "two services have the same extension",
        [Edit(ICT, '"6114"', '"6111"')],
        [(ICT, "extension", "6111 reaches services/housing.toml already")],
    ),
    Senseless(
        "a service has the extension of a phone",
        [Edit(ICT, '"6114"', '"1001"')],
        [(ICT, "extension", "1001 reaches ccdaemon.toml phones.1001 already")],
    ),
    Senseless(
        "a phone is of a service that does not exist",
        [Edit(MAIN, '1001 = { service = "housing" }', '1001 = { service = "homes" }')],
        [(MAIN, "phones.1001.service", "there is no services/homes.toml")],
    ),
    Senseless(
        "a phone shows the number of a service that has none",
        [Edit(ICT, '["01632 960114"]', "[]")],
        [(MAIN, "phones.1008.service", "'ict' has no number")],
    ),
    Senseless(
        "a prompt that every site says is not there",
        [Edit(MAIN, 'announcement = "recording-announcement"', 'announcement = "we-record"')],
        [(MAIN, "site.languages", "there is no prompt 'we-record'")],
    ),
    Senseless(
        "a prompt that the dialplan says exists in one language only",
        [Edit(OWN, "", "[hold]\nen = 'Please hold.'\n")],
        [(MAIN, "site.languages", "prompt 'hold' has no text in 'cy', only in en")],
    ),
    # --- a service ---
    Senseless(
        "a service speaks a language that the site does not",
        [
            Edit(ICT, 'extension = "6114"', 'extension = "6114"\nlanguages = ["cy", "en", "pl"]'),
            Edit(
                OWN,
                "",
                "".join(
                    f'[{name}]\ncy = "{texts["cy"]}"\nen = "{texts["en"]}"\npl = "{texts["en"]}"\n'
                    for name, texts in example().catalogue.items()
                    if name in ("welcome", "unanswered") or name.startswith("ict-")
                ),
            ),
        ],
        [(ICT, "languages", "'pl' is none of the site's languages")],
    ),
    Senseless(
        "a service has no name in Welsh",
        [Edit(ICT, 'cy = "TGCh", ', "")],
        [(ICT, "name.cy", "is missing")],
    ),
    Senseless(
        "a queue is for a language that nobody can choose",
        [Edit(ICT, '{ cy = "ict-cy" }', '{ cy = "ict-cy", pl = "ict-pl" }')],
        [(ICT, "queue.languages.pl", "nobody can choose this language here")],
    ),
    Senseless(
        "hours of one day overlap",
        [Edit(HOUSING, 'tuesday = ["09:00-17:00"]', 'tuesday = ["12:00-18:00", "09:00-12:30"]')],
        [(HOUSING, "hours.tuesday", "09:00-12:30 and 12:00-18:00 overlap")],
    ),
    Senseless(
        "hours of one day stand there twice",
        [Edit(HOUSING, 'tuesday = ["09:00-17:00"]', 'tuesday = ["09:00-17:00", "09:00-17:00"]')],
        [(HOUSING, "hours.tuesday", "09:00-17:00 and 09:00-17:00 overlap")],
    ),
    Senseless(
        "hours end before they begin",
        [Edit(HOUSING, 'friday = ["09:00-17:00"]', 'friday = ["17:00-09:00"]')],
        [(HOUSING, "hours.friday", "17:00-09:00 ends first")],
    ),
    Senseless(
        "nothing is said to callers while a service is closed",
        [Edit(HOUSING, CLOSED_MENU, "")],
        [(HOUSING, "menus.closed", "is missing: what callers hear when the service is closed")],
    ),
    Senseless(
        "a service that is always open has a day on which it is not",
        [Edit("services/careline.toml", "always = true", "always = true\nclosed_on = [2026-12-24]")],
        [("services/careline.toml", "menus.closed", "is missing")],
    ),
    Senseless(
        "nothing is said to callers whom nobody answered",
        [Edit(ICT, UNANSWERED_MENU, "")],
        [(ICT, "menus.unanswered", "is missing")],
    ),
    Senseless(
        "the welcome tells of another key than that of its language",
        [
            Edit(ICT, 'extension = "6114"', 'extension = "6114"\nwelcome = "hello"'),
            prompt("hello", "Pwyswch 2.", "Press 2."),
        ],
        [(ICT, "welcome", "the 'cy' text of 'hello' must tell of key 1 only")],
    ),
    Senseless(
        "a welcome that is not there",
        [Edit(ICT, 'extension = "6114"', 'extension = "6114"\nwelcome = "hello"')],
        [(ICT, "welcome", "there is no prompt 'hello'")],
    ),
    Senseless(
        "an emergency message in English only",
        [
            Edit(ICT, 'extension = "6114"', 'extension = "6114"\nemergency = "outage"'),
            Edit(OWN, "", "[outage]\nen = 'All is down.'\n"),
        ],
        [(ICT, "emergency", "prompt 'outage' has no text in 'cy', only in en: callers must hear both")],
    ),
    # --- menus and keys ---
    Senseless(
        "a menu's prompt is not there",
        [Edit(ICT, '"ict-main"', '"ict-mian"')],
        [(ICT, "menus.main.prompt", "there is no prompt 'ict-mian' in the catalogue")],
    ),
    Senseless(
        "a menu's prompt exists in Welsh only",
        [Edit(ICT, '"ict-closed"', '"ict-shut"'), Edit(OWN, "", "[ict-shut]\ncy = 'Ar gau.'\nen = ' '\n")],
        [(ICT, "menus.closed.prompt", "prompt 'ict-shut' has no text in 'en'")],
    ),
    Senseless(
        "a key of the menu is told of in neither language",
        [Edit(ICT, 'keys.1 = "queue"', 'keys.1 = "queue"\nkeys.7 = "queue"')],
        [(ICT, "menus.main.keys.7", "does not tell of key 7")],
    ),
    Senseless(
        "the prompt tells of a key that the menu has not",
        [Edit(ICT, 'keys.1 = "queue"\n', "")],
        [(ICT, "menus.main.keys.1", "tells of key 1, which leads nowhere")],
    ),
    Senseless(
        "English callers hear of one more key than Welsh ones",
        [
            Edit(
                ICT,
                '[menus.closed]\nprompt = "ict-closed"\n',
                '[menus.closed]\nprompt = "shut"\nkeys.1 = "service careline"\n',
            ),
            prompt("shut", "Ar gau.", "Closed. Press 1 for Careline."),
        ],
        [(ICT, "menus.closed.keys.1", "the 'cy' text of 'shut' does not tell of key 1")],
    ),
    Senseless(
        "Welsh callers hear of another key than English ones",
        [
            Edit(
                ICT, '[menus.closed]\nprompt = "ict-closed"\n', '[menus.closed]\nprompt = "shut"\nkeys."*" = "repeat"\n'
            ),
            prompt("shut", "Pwyswch stwnsh.", "Press star."),
        ],
        [
            (ICT, "menus.closed.keys.#", "the 'cy' text of 'shut' tells of key #, which leads nowhere"),
            (ICT, "menus.closed.keys.*", "the 'cy' text of 'shut' does not tell of key *"),
        ],
    ),
    Senseless(
        "a key leads to a menu that is not there, and no key to one that is",
        [Edit(ICT, '"menu equipment"', '"menu equipmnt"')],
        [
            (ICT, "menus.main.keys.2", "there is no [menus.equipmnt] in this file"),
            (ICT, "menus.equipment", "no key leads here"),
        ],
    ),
    Senseless(
        "a key leads to a service that is not there",
        [Edit(GENERAL, '"service housing"', '"service houses"')],
        [(GENERAL, "menus.main.keys.3", "there is no services/houses.toml")],
    ),
    Senseless(
        "a key leads to the service where the caller is",
        [Edit(GENERAL, '"service housing"', '"service general"')],
        [(GENERAL, "menus.main.keys.3", "leads to the service where the caller is")],
    ),
    Senseless(
        "a key says a prompt that is not there",
        [Edit(GENERAL, '"say privacy-notice"', '"say privacy"')],
        [(GENERAL, "menus.main.keys.9", "there is no prompt 'privacy'")],
    ),
    Senseless(
        "a menu's last resort leads nowhere",
        [Edit(ICT, '"ict-equipment"', '"ict-equipment"\notherwise = "menu nowhere"')],
        [(ICT, "menus.equipment.otherwise", "there is no [menus.nowhere]")],
    ),
    # --- ways ---
    Senseless(
        "a key leads to a queue in which nobody answers",
        [Edit(HOUSING, CLOSED_MENU, CLOSED_MENU.replace("service careline", "queue"))],
        [(HOUSING, "menus.closed.keys.1", "leads to a queue in which nobody answers while the service is closed")],
    ),
    Senseless(
        "who presses nothing on a bank holiday waits where nobody answers",
        [Edit(HOUSING, HOLIDAY_MENU, f'{HOLIDAY_MENU}otherwise = "queue"\n')],
        [(HOUSING, "menus.holiday.otherwise", "leads to a queue in which nobody answers")],
    ),
    Senseless(
        "a menu behind the one for the night leads to a queue in which nobody answers",
        [
            Edit(HOUSING, CLOSED_MENU, CLOSED_MENU.replace("service careline", "menu night")),
            Edit(HOUSING, HOLIDAY_MENU, f'{HOLIDAY_MENU}\n[menus.night]\nprompt = "one-key"\nkeys.1 = "queue"\n'),
            ONE_KEY,
        ],
        [
            (HOUSING, "menus.night.keys.1", "leads to a queue in which nobody answers"),
            (HOUSING, "menus.night.otherwise", "leads to a queue in which nobody answers"),
        ],
    ),
    Senseless(
        "who presses nothing hears the same menu for ever",
        [Edit(ICT, '"ict-equipment"', '"ict-equipment"\notherwise = "repeat"')],
        [(ICT, "menus.equipment.otherwise", "would go round for ever")],
    ),
    Senseless(
        "two menus lead to each other for who presses nothing",
        [
            Edit(ICT, '"ict-main"', '"ict-main"\notherwise = "menu equipment"'),
            Edit(ICT, '"ict-equipment"', '"ict-equipment"\notherwise = "menu main"'),
        ],
        [
            (ICT, "menus.main.otherwise", "who presses nothing goes round for ever"),
            (ICT, "menus.equipment.otherwise", "who presses nothing goes round for ever"),
        ],
    ),
    Senseless(
        "two services lead to each other for who presses nothing",
        [
            Edit(ICT, '"ict-main"', '"ict-main"\notherwise = "service housing"'),
            Edit(HOUSING, '"housing-main"', '"housing-main"\notherwise = "service ict"'),
        ],
        [
            (ICT, "menus.main.otherwise", "who presses nothing goes round for ever"),
            (HOUSING, "menus.main.otherwise", "who presses nothing goes round for ever"),
        ],
    ),
    Senseless(
        "two closed services lead to each other for who presses nothing",
        [
            Edit(ICT, '"ict-closed"', '"ict-closed"\notherwise = "service housing"'),
            Edit(HOUSING, CLOSED_MENU, f'{CLOSED_MENU}otherwise = "service ict"\n'),
        ],
        [
            (ICT, "menus.closed.otherwise", "who presses nothing goes round for ever"),
            (HOUSING, "menus.closed.otherwise", "who presses nothing goes round for ever"),
        ],
    ),
    Senseless(
        "on a bank holiday a service leads to itself by way of one that has no message for bank holidays",
        [
            Edit(ICT, '"ict-closed"', '"ict-closed"\notherwise = "service housing"'),
            Edit(HOUSING, HOLIDAY_MENU, f'{HOLIDAY_MENU}otherwise = "service ict"\n'),
        ],
        [(HOUSING, "menus.holiday.otherwise", "who presses nothing goes round for ever")],
    ),
    Senseless(
        "a menu from which no key leads to a person",
        [
            Edit(ICT, 'keys.2 = "queue"\nkeys."*" = "back"\nkeys.0 = "queue"\n', ""),
            Edit(ICT, '"ict-equipment"\nkeys.1 = "queue"', '"one-key"\nkeys.1 = "repeat"\notherwise = "goodbye"'),
            ONE_KEY,
        ],
        [(ICT, "menus.equipment", "no key leads to a person from here")],
    ),
    Senseless(
        "a closed service that neither leads to a person nor says goodbye",
        [Edit(ICT, '"ict-closed"', '"ict-closed"\notherwise = "repeat"')],
        [
            (ICT, "menus.closed.otherwise", "would go round for ever"),
            (ICT, "menus.closed", "no key leads to a person from here"),
        ],
    ),
]


@pytest.mark.parametrize("each", MAKES_NO_SENSE, ids=lambda each: each.claim)
def test_what_makes_no_sense_is_named_by_file_and_key_and_nothing_else_is(tmp_path: Path, each: Senseless) -> None:
    found = faults_of(written_site(tmp_path, each.edits))
    assert sorted(found) == sorted((file, key) for file, key, _ in each.faults)
    for file, key, words in each.faults:
        assert words in found[file, key]


def test_everything_that_makes_no_sense_is_said_at_once(tmp_path: Path) -> None:
    edits = [
        Edit(MAIN, 'payments = "payments"', 'payments = "cash"'),
        Edit(MAIN, '["housing", "assist"]', '["housing", "tenancy"]'),
        Edit(MAIN, '1001 = { service = "housing" }', '1001 = { service = "homes" }'),
        Edit(ICT, '"01632 960114"', '"01632 960111"'),
        Edit(ICT, '"6114"', '"6111"'),
        Edit(ICT, '"ict-main"', '"ict-mian"'),
        Edit(ICT, '"menu equipment"', '"menu equipmnt"'),
        Edit(HOUSING, 'tuesday = ["09:00-17:00"]', 'tuesday = ["12:00-18:00", "09:00-12:30"]'),
        Edit(HOUSING, CLOSED_MENU, ""),
        Edit(GENERAL, '"service highways"', '"service motorways"'),
    ]
    assert set(faults_of(written_site(tmp_path, edits))) == {
        (MAIN, "site.payments"),
        (MAIN, "recording.allowed_services"),
        (MAIN, "phones.1001.service"),
        ("services/assist.toml", "records"),
        (ICT, "numbers.0"),
        (ICT, "extension"),
        (ICT, "menus.main.prompt"),
        (ICT, "menus.main.keys.2"),
        (ICT, "menus.equipment"),
        (HOUSING, "hours.tuesday"),
        (HOUSING, "menus.closed"),
        (GENERAL, "menus.main.keys.2"),
    }


def test_a_site_without_services_is_told_where_they_go(tmp_path: Path) -> None:
    config = written_site(tmp_path)
    for file in (config / "services").iterdir():
        file.unlink()
    assert faults_of(config) == {
        (MAIN, "services"): "there is no service: put one file for each into the folder services/"
    }


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [
            prompt("closed-now", "Ar gau. Pwyswch 1.", "Closed. Press 1."),
            *[
                Edit(
                    ICT,
                    '[menus.closed]\nprompt = "ict-closed"\n',
                    '[menus.closed]\nprompt = "closed-now"\nkeys.1 = "menu later"\n',
                ),
                Edit(
                    ICT,
                    "[menus.unanswered]",
                    '[menus.later]\nprompt = "ict-closed"\notherwise = "goodbye"\n\n[menus.unanswered]',
                ),
            ],
        ],
        [
            Edit(MAIN, '["housing", "assist"]', '["housing", "assist", "ict"]'),
            Edit(ICT, 'extension = "6114"', 'extension = "6114"\nrecords = true'),
        ],
        [Edit(ICT, '"ict-main"', '"ict-main"\notherwise = "service general"')],
    ],
    ids=["as shipped", "two menus for the night", "recording allowed on purpose", "to the general line"],
)
def test_what_makes_sense_is_not_complained_of(tmp_path: Path, edits: list[Edit]) -> None:
    assert load(written_site(tmp_path, edits), PROMPTS).site.services


# --- prompts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "keys"),
    [
        ("For repairs, press 1. For rent, press 2.", "en", {"1", "2"}),
        ("Press star to go back, or press the hash.", "en", {"*", "#"}),
        ("I fynd yn ôl, pwyswch seren. Pwyswch y 0, neu pwyswch stwnsh.", "cy", {"*", "0", "#"}),
        ("Pwyswch 1.", "en", set()),  # Welsh words in the English text
        ("We open at 9, and express 1 wish.", "en", set()),
        ("", "cy", set()),
        ("Naciśnij 1.", "pl", None),  # a language that we cannot read
    ],
)
def test_the_keys_that_a_prompt_tells_of_are_read_from_its_text(
    text: str, language: Language, keys: set[str] | None
) -> None:
    assert told(text, language) == keys


def test_a_language_that_we_cannot_read_is_not_held_against_a_menu(tmp_path: Path) -> None:
    """All of the site in English and Polish: each Polish text stands, whatever keys it tells of."""
    polish = "".join(
        f'["{name}"]\nen = "{texts["en"].replace("press 2", "press 1") if name == "welcome" else texts["en"]}"\n'
        'pl = "Naciśnij 7."\n'
        for name, texts in example().catalogue.items()
    )
    edits = [Edit(OWN, "", polish), Edit(MAIN, 'languages = ["cy", "en"]', 'languages = ["en", "pl"]')]
    config = written_site(tmp_path, edits)
    (config / "services" / "welsh-line.toml").unlink()
    main = config / "ccdaemon.toml"
    main.write_text(main.read_text().replace('1010 = { service = "welsh-line" }', ""))
    for file in (config / "services").iterdir():
        text = file.read_text().replace('languages = { cy = "', 'languages = { pl = "')
        file.write_text(text.replace("name = { cy =", "name = { pl ="))
    assert load(config, PROMPTS).site.languages == ("en", "pl")


def test_every_sound_that_callers_may_hear_is_listed_once_for_each_language() -> None:
    files = sound_files(example().site, example().catalogue)
    assert len(files) == len(set(files))
    assert {"cy/cc/welcome.alaw", "en/cc/welcome.alaw", "cy/queue-thereare.alaw", "cy/digits/1.alaw"} <= set(files)
    assert len(files) == 2 * len(example().catalogue)


def test_the_shipped_example_makes_sense() -> None:
    assert soundness(example().site, example().catalogue, ("housing", "assist")) == []
