"""The part of the dialplan that is generated, and how it comes into Asterisk's configuration."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ccdaemon.agents import Agent
from ccdaemon.cli import app
from ccdaemon.cli import dialplan as dialplan_command
from ccdaemon.config import ConfigurationFaults, load
from ccdaemon.dialplan import GENERATED, SECOND_TIER, generated
from ccdaemon.model import Phone, Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.lights import lights
from ccdaemon.shipped import shipped
from tests.builders import PROMPTS, example, site_to_run, with_service, written_site

SCRIPT = Path("/etc/asterisk/ccdaemon/cc-second-tier")
SECRET = "the-gateway-secret-of-a-test"
LINE = re.compile(  # all that a generated line may be
    r"|; .*|\[[a-z-]+\]|CC_[A-Z_]+=[^;$]*"
    r"|exten => [^, ]+,1,(?:Set|MSet|Goto|Return)\([^$;()]*(?:\(num\)=[+0-9]+)?\)"
    r"|exten => \*5[56][^, ]+,hint,Custom:cc-(?:sealed|objected)-[^$;,()&]+"
    r"|exten => \*4[56]\d+,hint,Custom:cc-(?:in|paused)-\d+"
    r"|exten => \*28\d+,hint,Custom:cc-line-[a-z0-9-]+"
    r"|exten => \*90\d+,hint,PJSIP/[^$;,()&]+"
    r"| same => n,(?:Return\(\)|Goto\(cc-pass,(?:service|phone|officer),1\))"
)


def contexts(text: str) -> Mapping[str, list[str]]:
    """The lines of each section, without empty ones."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith(";"):
            section.append(line)
    return found


def extensions(text: str, context: str) -> dict[str, str]:
    """What each extension of a context does first."""
    lines = [re.fullmatch(r"exten => ([^,]+),1,(.*)", line) for line in contexts(text)[context]]
    return {line[1]: line[2] for line in lines if line is not None}


def example_dialplan(site: Site | None = None) -> str:
    return generated(replace(example(), site=site or example().site), SECRET, SCRIPT)


# --- what stands in it -----------------------------------------------------------------------------------------------


def test_the_static_contexts_find_their_settings() -> None:
    assert contexts(example_dialplan())["globals"] == [
        f"CC_SECRET={SECRET}",
        "CC_AGI=agi://127.0.0.1:573/call",
        f"CC_SECOND_TIER={SCRIPT}",
        "CC_SOUNDS=/var/lib/ccdaemon/sounds",
        "CC_RECORDINGS=/var/spool/ccdaemon/recordings",
        "CC_MISSED=/var/spool/ccdaemon/missed",
        "CC_FALLBACK_QUEUE=reception",
        "CC_PAYMENTS=payments",
        "CC_TRUNK=trunk",
        "CC_LANGUAGE=cy",
        "CC_ANNOUNCEMENT=recording-announcement",
        "CC_LONGEST_MESSAGE=180",
        "CC_DOOR_WAIT=15",
    ]


@pytest.mark.parametrize("spelling", ["+441632960111", "441632960111", "00441632960111", "01632960111", "1632960111"])
def test_a_number_leads_to_its_service_however_the_trunk_spells_it(spelling: str) -> None:
    assert extensions(example_dialplan(), "cc-dids")[spelling] == "Set(__CC_SERVICE=housing)"


def test_every_number_of_every_service_is_there_and_others_lead_to_the_general_line() -> None:
    dids = extensions(example_dialplan(), "cc-dids")
    for service in example().site.services.values():
        for number in service.numbers:
            assert dids[number] == f"Set(__CC_SERVICE={service.id})"
    assert [dids[anything] for anything in ("_[0-9+]!", "unknown")] == ["Set(__CC_SERVICE=general)"] * 2


@pytest.mark.parametrize(
    ("service", "variables"),
    [
        (
            "housing",
            "CC_QUEUE=housing,CC_QUEUE_WAIT=900,CC_LANGUAGES=cy-en,CC_LANGUAGE_WAIT=45,CC_QUEUE_cy=housing-cy,"
            "CC_QUEUE_en=",
        ),
        (
            "careline",
            "CC_QUEUE=careline,CC_QUEUE_WAIT=900,CC_LANGUAGES=cy-en,CC_LANGUAGE_WAIT=15,CC_QUEUE_cy=careline-cy,"
            "CC_QUEUE_en=",
        ),
        (
            "welsh-line",
            "CC_QUEUE=welsh-line,CC_QUEUE_WAIT=900,CC_LANGUAGES=cy,CC_LANGUAGE_WAIT=45,CC_QUEUE_cy=,CC_QUEUE_en=",
        ),
    ],
)
def test_a_service_sets_every_variable_of_its_queue_so_that_none_of_the_last_one_stays(
    service: str, variables: str
) -> None:
    assert extensions(example_dialplan(), "cc-services")[service] == f"MSet({variables})"


def test_a_wait_of_less_than_a_second_does_not_become_for_ever() -> None:
    """Queue() takes 0 seconds for no limit."""
    housing = example().site.services["housing"]
    site = with_service(example().site, replace(housing, queue=replace(housing.queue, wait=0.2, language_wait=0.4)))
    said = extensions(example_dialplan(site), "cc-services")["housing"]
    assert "CC_QUEUE_WAIT=1," in said
    assert "CC_LANGUAGE_WAIT=1," in said


@pytest.mark.parametrize(
    ("extension", "what"),
    [
        ("6111", "Set(__CC_SERVICE=housing)"),
        ("8000", "Goto(cc-pass,payments,1)"),  # by the door, never straight to the queue
        ("1001", "MSet(CC_PHONE=PJSIP/1001,CC_CALLEE=1001)"),
        ("8001", "MSet(CC_PHONE=PJSIP/8001,CC_CALLEE=8001)"),
    ],
)
def test_an_extension_is_a_service_payments_or_a_phone(extension: str, what: str) -> None:
    assert extensions(example_dialplan(), "cc-extensions")[extension] == what


def test_there_is_no_other_extension_so_that_a_transfer_to_nowhere_is_refused() -> None:
    """Asterisk tells a REFER to what no extension or pattern matches 404 by NOTIFY; the agent still has the caller."""
    site = example().site
    assert {*extensions(example_dialplan(), "cc-extensions")} == {
        *(service.extension for service in site.services.values()),
        *site.phones,
    }


def test_a_phone_shows_the_number_of_its_service() -> None:
    phones = extensions(example_dialplan(), "cc-phones")
    assert phones["1001"] == "Set(CALLERID(num)=+441632960111)"
    assert len(phones) == len(example().site.phones)


def test_a_phone_whose_endpoint_has_another_name_is_known_by_both() -> None:
    site = replace(example().site, phones={"1001": Phone("1001", "desk-7", "housing", "1001", "en")})
    assert extensions(example_dialplan(site), "cc-extensions")["1001"] == "MSet(CC_PHONE=PJSIP/desk-7,CC_CALLEE=1001)"
    assert extensions(example_dialplan(site), "cc-phones") == {"desk-7": "Set(CALLERID(num)=+441632960111)"}


def test_an_officers_extension_is_behind_the_door_as_payments_are() -> None:
    lines = contexts(example_dialplan())["cc-extensions"]
    behind = {lines[number - 1].partition(",")[0] for number, line in enumerate(lines) if "cc-pass,officer" in line}
    assert behind == {"exten => 8001", "exten => 8002"}


def test_a_phone_is_known_by_its_device_and_whether_it_takes_payments() -> None:
    phones = {
        "1001": Phone("1001", "1001", "housing", "desk", "en"),
        "1011": Phone("1011", "line-2", "payments", "desk", "cy"),
    }
    devices = extensions(example_dialplan(replace(example().site, phones=phones)), "cc-devices")
    assert devices == {
        "1001": "MSet(CC_DEVICE=desk,CC_OFFICER=1,CC_HANDSET=en)",
        "line-2": "MSet(CC_DEVICE=desk,CC_OFFICER=1,CC_HANDSET=cy)",
    }


def test_every_context_that_the_static_ones_ask_is_there() -> None:
    static = "".join(file.read_text() for file in (PROMPTS.parent / "dialplan").glob("*.conf"))
    asked = set(re.findall(r"\b(?:Gosub|Goto|GotoIf|GosubIf)\((?:[^)]*\?)?(cc-[a-z]+),", static))
    asked |= set(re.findall(r"^include => (cc-[a-z]+)$", static, re.MULTILINE))
    defined = {*re.findall(r"^\[(cc-[a-z]+)\]", static, re.MULTILINE), *contexts(example_dialplan())}
    assert {"cc-dids", "cc-services", "cc-extensions"} <= asked
    assert asked <= defined


# --- nothing else can stand in it ------------------------------------------------------------------------------------


def test_nothing_of_ours_leads_to_the_recorder_on_trial() -> None:
    """Only what Asterisk is told to call by itself comes there, for `ccdaemon doctor`."""
    texts = {file.name: file.read_text() for file in shipped("dialplan").rglob("*.conf")}
    assert "[cc-trial]" in texts.pop("cc-trial.conf")
    assert [name for name, text in {**texts, GENERATED: example_dialplan()}.items() if "cc-trial" in text] == []


def test_each_light_shows_a_state_and_is_a_key_to_dial() -> None:
    lines = contexts(example_dialplan())["cc-lights"]
    assert lines[:5] == [
        "exten => *551001,hint,Custom:cc-sealed-1001",
        "exten => *551001,1,Goto(cc-seal,dialled,1)",
        "exten => *561001,hint,Custom:cc-objected-1001",
        "exten => *901001,hint,PJSIP/1001",
        "exten => *901001,1,Goto(cc-handset,*901001,1)",
    ]
    assert "exten => *286111,hint,Custom:cc-line-housing" in lines
    assert not any(line.startswith("exten => *908001,") for line in lines)  # an officer: nobody listens there


def test_every_light_of_the_dialplan_is_set_and_every_one_that_is_set_is_there() -> None:
    site = replace(example().site, agents={"1001": Agent("1001", ("housing",), frozenset())})
    shown = set(re.findall(r"hint,Custom:(cc-[\w-]+)", example_dialplan(site)))
    assert shown == lights(Calls(), site).keys()


def test_every_line_of_the_example_is_of_a_known_form() -> None:
    assert all(LINE.fullmatch(line) for line in example_dialplan().splitlines())


@dataclass(frozen=True)
class Place:
    """Something that is written in a site and ends up in the dialplan: in which file, instead of what, for example."""

    file: str
    old: str
    new: str
    good: str


HOUSING, MAIN = "services/housing.toml", "ccdaemon.toml"
PLACES = {
    "queue": Place(HOUSING, 'name = "housing"', "name = WRITTEN", "homes"),
    "Welsh queue": Place(HOUSING, 'cy = "housing-cy"', "cy = WRITTEN", "tai"),
    "extension": Place(HOUSING, 'extension = "6111"', "extension = WRITTEN", "61110"),
    "number": Place(HOUSING, '["01632 960111"]', "[WRITTEN]", "01632 960999"),
    "phone": Place(MAIN, "1001 = {", "WRITTEN = {", "1999"),
    "endpoint": Place(MAIN, '1001 = { service = "housing"', '1001 = { service = "housing", endpoint = WRITTEN', "desk"),
    "device": Place(MAIN, '1001 = { service = "housing"', '1001 = { service = "housing", device = WRITTEN', "desk"),
    "host": Place(MAIN, '"127.0.0.1"\nport = 573', "WRITTEN\nport = 573", "::1"),
    "trunk": Place(MAIN, 'trunk = "trunk"', "trunk = WRITTEN", "carrier"),
    "fallback": Place(MAIN, 'fallback_queue = "reception"', "fallback_queue = WRITTEN", "anybody"),
    "folder": Place(MAIN, 'spool = "/var/spool/ccdaemon"', "spool = WRITTEN", "/srv/ccdaemon"),
    "sounds": Place(MAIN, 'sounds = "/var/lib/ccdaemon/sounds"', "sounds = WRITTEN", "/srv/sounds"),
}
dangerous = st.text(alphabet="ab7/-_.;\n\r\t,$(){}[]&=\\\"' \u0660\u2028", min_size=1, max_size=12)


def with_words(config: Path, place: Place, written: str) -> str | None:
    """The dialplan of a site in which this is written; None if the site is refused."""
    file = config / place.file
    before = file.read_text()
    assert place.old in before
    quoted = '"' + "".join(f"\\u{ord(sign):04x}" for sign in written) + '"'
    file.write_text(before.replace(place.old, place.new.replace("WRITTEN", quoted), 1))
    try:
        return generated(load(config, PROMPTS), SECRET, SCRIPT)
    except ConfigurationFaults:
        return None
    finally:
        file.write_text(before)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_site(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_fair_name_comes_into_the_dialplan(config: Path, place: Place) -> None:
    text = with_words(config, place, place.good)
    assert text is not None
    assert text != example_dialplan()
    assert all(LINE.fullmatch(line) for line in text.splitlines())


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@settings(max_examples=25, deadline=None)
@given(written=dangerous)
def test_no_name_can_add_to_a_line_or_begin_one(config: Path, place: Place, written: str) -> None:
    """Either the site is refused, or each line is of a form that is known, and there are as many of them as before."""
    for words in (written, place.good + written, f"/{written}"):
        text = with_words(config, place, words)
        if text is not None:
            assert all(LINE.fullmatch(line) for line in text.split("\n"))
            assert [*contexts(text)] == [*contexts(example_dialplan())]
            assert text.count("\n") == example_dialplan().count("\n")


@pytest.mark.parametrize("sign", [";", "$", ",", ")", "{", '"', "[", "\\", "&"])
def test_a_secret_of_which_asterisk_would_read_a_part_only_is_not_written(tmp_path: Path, sign: str) -> None:
    config = site_to_run(tmp_path)
    (config / "gateway.secret").write_text(f"sixteen-letters{sign}and-more")
    done = ccdaemon("install", config)
    assert done.exit_code == 1
    assert "gateway.secret: a secret is one line of 16 or more letters, digits and ._~+/=-;" in done.stderr
    assert "sixteen" not in done.output
    assert not (tmp_path / "etc").exists()


# --- into Asterisk's configuration -----------------------------------------------------------------------------------


def ccdaemon(command: str, config: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["dialplan", command, "--config", str(config), *options], catch_exceptions=False)


def asterisks(folder: Path) -> Path:
    """Our folder in the configuration of Asterisk."""
    return folder / "etc" / "asterisk" / "ccdaemon"


def test_all_that_asterisk_needs_of_us_is_written_into_a_folder_of_ours(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    ours = asterisks(tmp_path)
    ours.parent.mkdir(parents=True)
    theirs = ours.parent / "extensions.conf"
    theirs.write_text("[default]\n")
    done = ccdaemon("install", config)
    assert done.exit_code == 0
    assert {file.name for file in ours.glob("*.conf")} == {
        GENERATED,
        *(file.name for file in shipped("dialplan").glob("*.conf")),
    }
    assert {file.name for file in (ours / "samples").iterdir()} == {
        file.name for file in (shipped("dialplan") / "samples").iterdir()
    }
    assert (ours / GENERATED).read_text() == generated(
        load(config, PROMPTS), "the-gateway-secret-of-a-test", ours / SECOND_TIER
    )
    assert (ours / "manager" / "secret.conf").read_text() == "secret = the-manager-secret-of-a-test\n"
    assert theirs.read_text() == "[default]\n"
    assert "#include ccdaemon/*.conf" in done.stdout  # what is left to do by hand


def test_what_holds_a_secret_is_for_us_and_asterisk_alone(tmp_path: Path) -> None:
    ccdaemon("install", site_to_run(tmp_path))
    modes = {
        str(file.relative_to(asterisks(tmp_path))): stat.S_IMODE(file.stat().st_mode)
        for file in asterisks(tmp_path).rglob("*")
        if file.is_file()
    }
    assert modes.pop(GENERATED) == modes.pop("manager/secret.conf") == 0o640
    assert modes.pop(SECOND_TIER) == 0o755
    assert set(modes.values()) == {0o644}


def test_what_an_interrupted_installation_left_is_not_written_into(tmp_path: Path) -> None:
    """It may be open to everybody; and who reads it now must not go on to read the secret."""
    config = site_to_run(tmp_path)
    left = asterisks(tmp_path) / f".{GENERATED}.new"
    left.parent.mkdir(parents=True)
    left.write_text("half of a file")
    left.chmod(0o666)
    with left.open() as reader:
        assert ccdaemon("install", config).exit_code == 0
        assert reader.read() == "half of a file"
    assert not left.exists()
    assert stat.S_IMODE((asterisks(tmp_path) / GENERATED).stat().st_mode) == 0o640


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    ccdaemon("install", config)
    before = {file: file.stat().st_mtime_ns for file in asterisks(tmp_path).rglob("*")}
    done = ccdaemon("install", config)
    assert (done.exit_code, done.stdout) == (0, "Nothing to change.\n")
    assert {file: file.stat().st_mtime_ns for file in asterisks(tmp_path).rglob("*")} == before


def test_what_is_written_into_a_folder_of_ones_own_names_it_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk works in a directory of its own. That the folder was not there is said: it may be misspelt."""
    config = site_to_run(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    done = ccdaemon("install", config, "--to", "asterisk")
    assert f"There was no folder {tmp_path}/asterisk.\n" in done.stdout
    assert f"CC_SECOND_TIER={tmp_path}/asterisk/ccdaemon/{SECOND_TIER}" in (
        tmp_path / "asterisk" / "ccdaemon" / GENERATED
    ).read_text().replace("\\", "")
    assert ccdaemon("diff", config, "--to", str(tmp_path / "asterisk")).exit_code == 0
    (tmp_path / "asterisk" / "ccdaemon" / GENERATED).unlink()
    assert "There was no folder" not in ccdaemon("install", config, "--to", "asterisk").stdout


@pytest.mark.parametrize(("to", "told"), [([], 1), (["--to", "asterisks"], 1), (["--to", "to-look-at"], 0)])
def test_that_asterisk_has_no_group_of_its_own_is_said_once_where_asterisk_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: list[str], told: int
) -> None:
    monkeypatch.setattr(dialplan_command, "GROUP", "nobody-is-in-this-group")
    config = site_to_run(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asterisks").mkdir()
    (tmp_path / "asterisks" / "asterisk.conf").touch()
    said = ccdaemon("install", config, *to).stdout.count("There is no group nobody-is-in-this-group")
    assert said == (told if os.geteuid() == 0 else 0)


def test_contexts_of_an_earlier_ccdaemon_are_taken_out_and_no_others(tmp_path: Path) -> None:
    """Asterisk includes all that is in the folder."""
    config = site_to_run(tmp_path)
    ccdaemon("install", config)
    old, own = asterisks(tmp_path) / "cc-fax.conf", asterisks(tmp_path) / "ours.conf"
    for file in (old, own):
        file.write_text("[fax]\n")
    done = ccdaemon("diff", config)
    assert (done.exit_code, done.stdout) == (1, f"no longer ours {old}\n")
    done = ccdaemon("install", config)
    assert f"removed {old}" in done.stdout
    assert (old.exists(), own.exists()) == (False, True)
    assert ccdaemon("diff", config).exit_code == 0


def test_the_second_tiers_script_runs_with_the_python_that_has_what_it_needs(tmp_path: Path) -> None:
    ccdaemon("install", site_to_run(tmp_path))
    first, _ = (asterisks(tmp_path) / SECOND_TIER).read_text().split("\n", 1)
    assert first == f"#!{sys.executable}"


# --- what would change -----------------------------------------------------------------------------------------------


def test_before_the_first_installation_everything_is_new_and_no_secret_is_shown(tmp_path: Path) -> None:
    done = ccdaemon("diff", site_to_run(tmp_path))
    assert done.exit_code == 1
    assert f"new {asterisks(tmp_path) / GENERATED} (holds a secret)" in done.stdout
    assert "+[cc-inbound]" in done.stdout
    assert "secret-of-a-test" not in done.output
    assert not asterisks(tmp_path).exists()  # it only looks


def test_after_an_installation_nothing_would_change(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    ccdaemon("install", config)
    done = ccdaemon("diff", config)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Nothing to change in {asterisks(tmp_path)}. ")


@pytest.mark.parametrize(
    ("file", "old", "new", "shown"),
    [
        (HOUSING, '"6111"', '"6999"', ["-exten => 6111,1,Set(__CC_SERVICE=housing)", "+exten => 6999,1,Set("]),
        (
            HOUSING,
            "960111",
            "960199",
            ["-exten => 01632960111,1,Set(", "+exten => 1001,1,Set(CALLERID(num)=+441632960199"],
        ),
        (HOUSING, '"housing-cy"', '"tai"', ["CC_QUEUE_cy=tai,"]),
        (
            MAIN,
            "port = 573 ",
            "port = 5730 ",
            ["-CC_AGI=agi://127.0.0.1:573/call", "+CC_AGI=agi://127.0.0.1:5730/call"],
        ),
        ("gateway.secret", "the-gateway", "the-new-gateway", ["another secret in ", GENERATED]),
        ("manager.secret", "the-manager", "the-new-manager", ["another secret in ", "secret.conf"]),
    ],
)
def test_a_change_of_the_site_is_shown_as_it_would_change_asterisk(
    tmp_path: Path, file: str, old: str, new: str, shown: list[str]
) -> None:
    config = site_to_run(tmp_path)
    ccdaemon("install", config)
    changed = config / file
    changed.write_text(changed.read_text().replace(old, new, 1))
    done = ccdaemon("diff", config)
    assert done.exit_code == 1
    for words in shown:
        assert words in done.stdout
    assert "secret-of-a-test" not in done.output
    assert "CC_SECRET=the" not in done.output


def test_a_change_that_somebody_made_by_hand_is_shown(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    ccdaemon("install", config)
    (asterisks(tmp_path) / "cc-ask.conf").write_text("[cc-ask]\nexten => s,1,Return() ; [not] asked\n")
    done = ccdaemon("diff", config)
    assert done.exit_code == 1
    assert "-exten => s,1,Return() ; [not] asked" in done.stdout
