"""A site's files: what they may say, and that whatever is wrong in them is named, all of it at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

import pytest

from ccdaemon.config import ConfigurationFaults, load, secret
from ccdaemon.model import Fault, Phone, Span
from ccdaemon.ways import Farewell, Menu, Repeat, ToMenu, ToQueue, ToService
from tests.builders import EXAMPLE, PROMPTS, Edit, example, faults_of, written_site

MAIN, HOUSING, GENERAL = "ccdaemon.toml", "services/housing.toml", "services/general.toml"
MONDAY = 'monday = ["09:00-17:00"]'


@dataclass(frozen=True)
class Wrong:
    """A change to the example, and the fault that it must give: at which key path, in which words."""

    file: str
    old: str
    new: str | None
    key: str
    words: str


def wrong(file: str, old: str, new: str | None, key: str, words: str) -> Wrong:
    return Wrong(file, old, new, key, words)


WRITTEN_WRONGLY = [
    # keys
    wrong(MAIN, "languages = [", "langauges = [", "site.langauges", "did you mean 'languages'?"),
    wrong(MAIN, "[mqtt]", "[mqqt]", "mqqt", "did you mean 'mqtt'?"),
    wrong(MAIN, "[gateway]", "color = 'blue'\n[gateway]", "manager.color", "is no key that is known here"),
    wrong(HOUSING, "records = true", "recrods = true", "recrods", "did you mean 'records'?"),
    wrong(HOUSING, MONDAY, 'mondy = ["09:00-17:00"]', "hours.mondy", "did you mean 'monday'?"),
    wrong(HOUSING, 'prompt = "housing-rent"', 'promt = "x"\nprompt = "housing-rent"', "menus.rent.promt", "'prompt'"),
    wrong(MAIN, 'general = "general" ', "# ", "site.general", "is missing"),
    wrong(MAIN, "fallback_queue", "# ", "asterisk.fallback_queue", "is missing"),
    wrong(HOUSING, 'extension = "6111"', "", "extension", "is missing"),
    wrong(HOUSING, 'prompt = "housing-rent"', "", "menus.rent.prompt", "is missing"),
    # figures, words, languages
    wrong(MAIN, "port = 5038", "port = 70000", "manager.port", "less than or equal to 65535"),
    wrong(MAIN, "port = 5038", 'port = "many"', "manager.port", "must be a whole number, without quotes"),
    wrong(MAIN, "port = 5038", 'port = "5038"', "manager.port", "must be a whole number, without quotes"),
    wrong(MAIN, "port = 5038", "port = 5038\ntls = 1", "manager.tls", "must be true or false, without quotes"),
    wrong(HOUSING, "records = true", 'records = "yes"', "records", "must be true or false, without quotes"),
    wrong(
        HOUSING, 'name = "housing"', 'name = "housing"\nwait = "60"', "queue.wait", "must be a number, without quotes"
    ),
    wrong(HOUSING, '"6111"', "6111", "extension", "must be a text, in quotes"),
    wrong(HOUSING, '[queue]\nname = "housing"', "[queue]\nname = {}", "queue.name", "must be a text, in quotes"),
    wrong(MAIN, '1001 = { service = "housing" }', '1001 = "housing"', "phones.1001", "must be a table"),
    wrong(HOUSING, "records = true", 'records = "sometimes"', "records", "must be true or false, without quotes"),
    wrong(
        HOUSING, 'name = "housing"', 'name = "Housing queue"', "queue.name", "is not small letters, digits and hyphens"
    ),
    wrong(HOUSING, 'name = "housing"', 'name = "general"', "queue.name", "no queue can be called 'general'"),
    wrong(HOUSING, 'name = "housing"', 'name = "housing"\nwait = 0', "queue.wait", "greater than 0"),
    wrong(HOUSING, 'name = "housing"', 'name = "housing"\nwait = nan', "queue.wait", "less than or equal to 7200"),
    wrong(HOUSING, 'name = "housing"', 'name = "housing"\nwait = 90000', "queue.wait", "less than or equal to 7200"),
    wrong(
        HOUSING,
        'name = { cy = "Tai", en = "Housing" }',
        'name = "Housing"',
        "name",
        "must be a table: its keys in braces",
    ),
    wrong(MAIN, 'languages = ["cy", "en"]', "languages = []", "site.languages", "one to nine languages"),
    wrong(MAIN, 'languages = ["cy", "en"]', 'languages = ["cy", "cy"]', "site.languages", "none of them twice"),
    wrong(
        MAIN,
        'languages = ["cy", "en"]',
        'languages = ["cy", "en-gb"]',
        "site.languages.1",
        "is not a language's letters",
    ),
    wrong(HOUSING, "records = true", 'languages = ["Welsh"]', "languages.0", "is not a language's letters"),
    # places
    wrong(MAIN, '"Europe/London"', '"Europe/Cardiff"', "site.timezone", "is no time zone"),
    wrong(MAIN, '"Europe/London"', '"Europe"', "site.timezone", "is no time zone"),
    wrong(MAIN, 'country = "GB"', 'country = "UK"', "site.country", "is no country"),
    wrong(MAIN, 'country = "GB"', 'country = "Wales"', "site.country", "is not a country's two letters"),
    wrong(MAIN, '"GB-WLS"', '"GB-WAL"', "site.bank_holidays", "no bank holidays are known for 'GB-WAL'"),
    wrong(MAIN, '"GB-WLS"', '"XX"', "site.bank_holidays", "no bank holidays are known for 'XX'"),
    wrong(MAIN, '"GB-WLS"', '"Wales"', "site.bank_holidays", "is not a country, or a part of one"),
    # numbers, extensions, phones
    wrong(HOUSING, '"01632 960111"', '"12"', "numbers.0", "'12' is no telephone number"),
    wrong(HOUSING, '"01632 960111"', '"01632 960111", "Tai"', "numbers.1", "'Tai' is no telephone number"),
    wrong(HOUSING, '"6111"', '"999"', "extension", "999 is no extension"),
    wrong(
        MAIN, "1001 = {", '"01001" = {', "phones.01001", "01001 is no extension: phones call the outside with a first 0"
    ),
    wrong(HOUSING, '"6111"', '"61 11"', "extension", "is not 2 to 8 digits"),
    wrong(MAIN, "1001 = {", "101x = {", "phones.101x", "is not 2 to 8 digits"),
    wrong(MAIN, '1001 = { service = "housing" }', "1001 = {}", "phones.1001.service", "is missing"),
    wrong(
        MAIN,
        '1001 = { service = "housing" }',
        '1001 = { service = "housing", endpoint = "1001\\nexten => 999" }',
        "phones.1001.endpoint",
        "is not the name of an endpoint",
    ),
    wrong(HOUSING, '"6111"', '"٦١١١"', "extension", "is not 2 to 8 digits"),  # digits, but on no telephone
    wrong(  # it would be a pattern in the dialplan, and stand for other phones too
        MAIN,
        '1001 = { service = "housing" }',
        '1001 = { service = "housing", endpoint = "_X." }',
        "phones.1001.endpoint",
        "is not the name of an endpoint",
    ),
    # what stands in the dialplan
    wrong(MAIN, 'spool = "/var', 'spool = "var', "paths.spool", "write the whole path"),
    wrong(MAIN, 'sounds = "/var/lib', 'sounds = "/var/my lib', "paths.sounds", "without blanks"),
    wrong(MAIN, 'sounds = "/var/lib', 'sounds = "/var\\n[cc-inbound]/', "paths.sounds", "cannot stand in a dialplan"),
    wrong(MAIN, 'config = "/etc', 'config = "/${SHELL(date)}', "asterisk.config", "cannot stand in a dialplan"),
    wrong(
        MAIN,
        'host = "127.0.0.1"\nport = 1883',
        'host = ""\nport = 1883',
        "mqtt.host",
        "is not a host's name or address",
    ),
    wrong(
        MAIN, 'host = "127.0.0.1"\nport = 5038', 'host = "a..b"\nport = 5038', "manager.host", "is not a host's name"
    ),
    wrong(MAIN, '1"\nport = 573', '1;x"\nport = 573', "gateway.host", "is not a host's name or address"),
    # hours
    wrong(HOUSING, MONDAY, 'monday = ["9-5"]', "hours.monday.0", "'9-5' is no span of a day"),
    wrong(HOUSING, MONDAY, 'monday = ["09:00-25:00"]', "hours.monday.0", "is no span of a day"),
    wrong(HOUSING, MONDAY, 'monday = ["09:00-17:60"]', "hours.monday.0", "is no span of a day"),
    wrong(HOUSING, MONDAY, 'monday = "09:00-17:00"', "hours.monday", "must be a list, in square brackets"),
    wrong(HOUSING, MONDAY, "closed_on = ['2026-12-25']", "hours.closed_on.0", "must be a day, without quotes"),
    wrong(HOUSING, MONDAY, "closed_on = 2026-12-25", "hours.closed_on", "must be a list, in square brackets"),
    wrong(
        HOUSING, MONDAY, "closed_on = ['tomorrow']", "hours.closed_on.0", "must be a day, without quotes, as 2026-12-25"
    ),
    # menus
    wrong(HOUSING, 'keys.2 = "menu rent"', 'keys.2 = "rent"', "menus.main.keys.2", "'rent' leads nowhere"),
    wrong(HOUSING, 'keys.2 = "menu rent"', 'keys.2 = "menu"', "menus.main.keys.2", "'menu' leads nowhere"),
    wrong(HOUSING, 'keys.2 = "menu rent"', 'keys.2 = "queue now"', "menus.main.keys.2", "'queue now' leads nowhere"),
    wrong(HOUSING, 'keys.2 = "menu rent"', "keys.2 = 2", "menus.main.keys.2", "2 leads nowhere"),
    wrong(
        HOUSING, 'keys.2 = "menu rent"', 'keys.12 = "menu rent"', "menus.main.keys.12", "is not one key of a telephone"
    ),
    wrong(
        HOUSING, 'keys.2 = "menu rent"', 'keys.A = "menu rent"', "menus.main.keys.A", "is not one key of a telephone"
    ),
    wrong(HOUSING, "[menus.rent]", "[menus.Rent]", "menus.Rent", "is not small letters, digits and hyphens"),
    # files
    wrong(HOUSING, "records = true", "records = = true", "", "is not valid TOML: Invalid value (at line 5"),
    wrong(HOUSING, "records = true", "records = true\nrecords = true", "", "is not valid TOML: Cannot overwrite"),
    wrong("services/New Line.toml", "", "", "", "a service is called as its file"),
    wrong("services/tŷ.toml", "", "", "", "a service is called as its file"),
    wrong("prompts/own.toml", "", "[own]\ncy = 'a'\nen = ", "", "is not valid TOML: Invalid value"),
    wrong("prompts/own.toml", "", "own = 'a'", "own", "a prompt is a table of language and text"),
    wrong("prompts/own.toml", "", "['../own']\ncy = 'a'\nen = 'a'", "../own", "its name is of small letters"),
    wrong("prompts/own.toml", "", "[own]\ncy = 1\nen = 'a'", "own.cy", "a prompt is a table of language and text"),
]


@pytest.mark.parametrize("each", WRITTEN_WRONGLY, ids=lambda each: f"{each.file}-{each.key}-{each.words[:20]}")
def test_what_is_written_wrongly_is_named_by_file_and_key_and_nothing_else_is(tmp_path: Path, each: Wrong) -> None:
    found = faults_of(written_site(tmp_path, [Edit(each.file, each.old, each.new)]))
    assert list(found) == [(each.file, each.key)]
    assert each.words in found[each.file, each.key]


@pytest.mark.parametrize(
    ("call", "recording", "faulty"),
    [
        ("6 months", "12 months", 1),
        ("364 days", "12 months", 1),
        ("12 months", "12 months", 0),
        ("24 months", "30 days", 0),
    ],
)
def test_recordings_are_not_kept_longer_than_that_by_which_they_are_found(
    tmp_path: Path, call: str, recording: str, faulty: int
) -> None:
    edits = [
        Edit(MAIN, 'call = "12 months"', f'call = "{call}"'),
        Edit(MAIN, 'recording = "12 months"', f'recording = "{recording}"'),
        Edit(MAIN, 'transcript = "12 months"', f'transcript = "{recording}"'),
    ]
    config = written_site(tmp_path, edits)
    if faulty:
        assert "nobody could find it any more" in faults_of(config)["ccdaemon.toml", "retention.call"]
    else:
        assert load(config, PROMPTS).site.name == "example"


def test_all_that_is_wrong_in_any_file_is_said_at_once(tmp_path: Path) -> None:
    """Written wrongly, or written well and of no sense, in the main file and in those of services."""
    edits = [
        Edit(MAIN, "port = 5038", "port = 70000\nusr = 'me'"),
        Edit(MAIN, '"GB-WLS"', '"GB-WAL"'),
        Edit(HOUSING, 'extension = "6111"', ""),
        Edit(HOUSING, MONDAY, 'monday = ["9-5"]'),
        Edit("services/ict.toml", "[hours]", "[hors]"),
        Edit("services/refuse.toml", "numbers", "numbers ="),
        Edit(GENERAL, '"service highways"', '"service motorways"'),
    ]
    assert set(faults_of(written_site(tmp_path, edits))) == {
        (MAIN, "manager.port"),
        (MAIN, "manager.usr"),
        (MAIN, "site.bank_holidays"),
        (HOUSING, "extension"),
        (HOUSING, "hours.monday.0"),
        ("services/ict.toml", "hours"),
        ("services/ict.toml", "hors"),
        ("services/refuse.toml", ""),
        (GENERAL, "menus.main.keys.2"),
    }


def test_what_makes_no_sense_in_one_file_is_said_together_with_what_is_written_wrongly_in_another(
    tmp_path: Path,
) -> None:
    """And nothing is said of keys that lead to the service that cannot be read: the general line's leads there."""
    edits = [
        Edit(HOUSING, "records = true", "recrods = true"),
        Edit("services/ict.toml", 'keys.2 = "menu equipment"', 'keys.2 = "menu equipmnt"'),
        Edit(MAIN, '1005 = { service = "general" }', '1005 = { service = "genral" }'),
    ]
    assert set(faults_of(written_site(tmp_path, edits))) == {
        (HOUSING, "recrods"),
        ("services/ict.toml", "menus.main.keys.2"),
        ("services/ict.toml", "menus.equipment"),  # which nobody can reach now
        (MAIN, "phones.1005.service"),
    }


def test_a_fault_is_written_as_file_key_and_what_to_do() -> None:
    assert str(Fault("services/x.toml", "records", "is missing")) == "services/x.toml: records: is missing"
    assert str(Fault("services/x.toml", "", "cannot be read")) == "services/x.toml: cannot be read"


@pytest.mark.parametrize("name", [MAIN, HOUSING, "prompts/own.toml"])
def test_a_file_that_cannot_be_read_is_named_by_its_whole_path(tmp_path: Path, name: str) -> None:
    config = written_site(tmp_path)
    (config / name).unlink(missing_ok=True)
    (config / name).mkdir(parents=True)
    assert faults_of(config)[str(config / name), ""].startswith("cannot be read: Is a directory")


def test_a_byte_order_mark_of_an_editor_does_no_harm(tmp_path: Path) -> None:
    config = written_site(tmp_path, [Edit("prompts/own.toml", "", '[goodbye]\ncy = "Hwyl."\nen = "Bye."\n')])
    for file in (config / MAIN, config / HOUSING, config / "prompts/own.toml"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load(config, PROMPTS).catalogue["goodbye"]["cy"] == "Hwyl."


@pytest.mark.parametrize(
    ("edit", "more"),
    [
        (Edit(MAIN, 'payments = "payments"', ""), True),
        (Edit(MAIN, "port = 5038", "port = 70000"), False),
        (Edit(MAIN, "languages = [", "langauges = ["), False),
        (Edit(MAIN, "1001 = {", "0101 = {"), False),
        (Edit("prompts/own.toml", "", "own = 'a'"), True),
        (Edit(HOUSING, "records = true", "recrods = true"), False),
    ],
)
def test_that_there_may_be_more_is_known(tmp_path: Path, edit: Edit, *, more: bool) -> None:
    senseless = Edit("services/ict.toml", 'keys.2 = "menu equipment"', 'keys.2 = "menu equipmnt"')
    with pytest.raises(ConfigurationFaults) as refusal:
        load(written_site(tmp_path, [edit, senseless]), PROMPTS)
    assert refusal.value.more == more
    assert ("services/ict.toml" in str(refusal.value)) != more


def test_a_folder_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFaults, match=r"ccdaemon\.toml: cannot be read"):
        load(tmp_path, PROMPTS)


# --- what a sound site becomes ---------------------------------------------------------------------------------------


def test_the_shipped_example_has_no_fault() -> None:
    site = load(EXAMPLE, PROMPTS).site
    lines = "assist blue-badge careline complaints environmental garden-waste general highways housing ict income"
    assert [*site.services] == [*lines.split(), "payments", "refuse", "trade-waste", "welsh-line"]
    assert [service.id for service in site.services.values() if service.records] == ["assist", "housing"]


def test_the_keys_of_a_file_become_what_they_say() -> None:
    housing = example().site.services["housing"]
    assert housing.name == {"cy": "Tai", "en": "Housing"}
    assert housing.numbers == ("+441632960111",)
    assert housing.hours.week[0] == (Span(time(9), time(17)),)
    assert housing.hours.week[5] == ()
    assert housing.menus["main"].keys["1"] == ToMenu("repairs")
    assert housing.menus["rent"].keys["1"] == ToService("payments")
    assert housing.queue.by_language == {"cy": "housing-cy"}


def test_what_is_left_out_is_what_a_caller_would_expect(tmp_path: Path) -> None:
    """Who presses nothing gets a person, but a goodbye where nobody is there; the site's welcome, all its languages."""
    edits = [
        Edit(MAIN, '1001 = { service = "housing" }', '1001 = { service = "housing", endpoint = "desk-7" }'),
        Edit(MAIN, '1002 = { service = "housing" }', '1002 = { service = "housing", device = "desk-8" }'),
    ]
    site = load(written_site(tmp_path, edits), PROMPTS).site
    housing = site.services["housing"]
    assert housing.menus["main"].otherwise == ToQueue()
    assert [housing.menus[name].otherwise for name in ("closed", "holiday", "unanswered")] == [Farewell()] * 3
    assert (housing.welcome, housing.languages, housing.emergency) == ("welcome", ("cy", "en"), None)
    assert (housing.queue.wait, housing.queue.language_wait, housing.menus["main"].wait) == (900, 45, 5)
    assert site.phones["1001"] == Phone("1001", "desk-7", "housing", "1001", "cy")
    assert site.phones["1002"] == Phone("1002", "1002", "housing", "desk-8", "cy")


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("09:00-17:00", Span(time(9), time(17))),
        ("00:00-24:00", Span(time.min, time.max)),
        ("13:30-23:59", Span(time(13, 30), time(23, 59))),
    ],
)
def test_hours_may_be_written_to_midnight(tmp_path: Path, written: str, span: Span) -> None:
    config = written_site(tmp_path, [Edit(HOUSING, MONDAY, f'monday = ["{written}"]')])
    assert load(config, PROMPTS).site.services["housing"].hours.week[0] == (span,)


def test_days_of_its_own_and_keys_of_every_kind_may_be_written(tmp_path: Path) -> None:
    edits = [
        Edit(HOUSING, MONDAY, f"{MONDAY}\nclosed_on = [2026-12-24]\nopen_on_bank_holidays = true"),
        Edit(HOUSING, '[menus.holiday]\nprompt = "holiday"\nkeys.1 = "service careline"\n', ""),
        Edit("prompts/own.toml", "", '[say-on]\ncy = "Pwyswch seren."\nen = "Press star."\n'),
        Edit(HOUSING, "[menus.rent]", '[menus.say-on]\nprompt = "say-on"\nkeys."*" = "repeat"\n\n[menus.rent]'),
        Edit(HOUSING, 'keys.1 = "service payments"', 'keys.1 = "menu say-on"'),
    ]
    housing = load(written_site(tmp_path, edits), PROMPTS).site.services["housing"]
    assert housing.hours.closures == {date(2026, 12, 24)}
    assert housing.hours.on_bank_holidays
    assert housing.menus["say-on"] == Menu("say-on", {"*": Repeat()}, ToQueue())


def test_a_prompt_of_the_site_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    own = '[goodbye]\ncy = "Hwyl."\nen = "Bye."\n'
    catalogue = load(written_site(tmp_path, [Edit("prompts/own.toml", "", own)]), PROMPTS).catalogue
    assert catalogue["goodbye"] == {"cy": "Hwyl.", "en": "Bye."}
    assert catalogue["connecting"] == example().catalogue["connecting"]


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_a_secret_is_the_one_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sixteen-letters-and-more\n")
    assert secret(tmp_path / "secret") == "sixteen-letters-and-more"


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"too-short", b"two lines of\nsome letters", b"with gaps in it, and long", b"\xff\xfe" * 20],
)
def test_what_is_no_secret_is_refused_and_never_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigurationFaults, match="`ccdaemon init` makes one") as refusal:
        secret(tmp_path / "secret")
    assert content.decode(errors="replace").strip() in ("", "too-short") or "letters" in str(refusal.value)
    assert "gaps" not in str(refusal.value)


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFaults, match=f"{tmp_path}{os.sep}none: the secret cannot be read: No such file"):
        secret(tmp_path / "none")
