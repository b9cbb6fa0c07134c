"""Asterisk's own configuration: read as Asterisk reads it, and what in it would break our promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.model import AsteriskFiles, Fault, Setting
from ccdaemon.rules.asterisk import KEYS, asterisk_faults, too_old
from tests.builders import TRUNK, example, example_site, shipped_files

FALLBACK = example().main.asterisk.fallback_queue


def folder_with(folder: Path, **files: str) -> Path:
    """A configuration folder; `queues` is queues.conf."""
    for name, text in files.items():
        (folder / f"{name}.conf").write_text(text)
    return folder


def settings(found: tuple[Setting, ...] | None) -> list[tuple[str, str, str]]:
    """Section, key and value of each setting; a bare section is the line that opens it."""
    assert found is not None
    return [(each.section, each.key, each.value) for each in found]


# --- as Asterisk reads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[a]\nmember => PJSIP/1\n", [("a", "", ""), ("a", "member", "PJSIP/1")]),
        ("[a]\nkey=value\nother =  a = b \n", [("a", "", ""), ("a", "key", "value"), ("a", "other", "a = b")]),
        ("[a]\nkey =\n", [("a", "", ""), ("a", "key", "")]),
        ("; nothing\n[a] ; a section\nkey = value ; why\n;key = other\n", [("a", "", ""), ("a", "key", "value")]),
        ("[a]\nkey = 1\\;2 ; why\n", [("a", "", ""), ("a", "key", "1\\;2")]),
        (";-- [b]\nkey = no\n--;\n[a]\nkey = yes\n", [("a", "", ""), ("a", "key", "yes")]),
        ("[a]\nkey ;-- within --; = yes\n", [("a", "", ""), ("a", "key", "yes")]),
        (  # rules of dashes are comments of one line
            ";-----------\n[a]\nkey = yes\n;---------;\nother = yes\n--;\n",
            [("a", "", ""), ("a", "key", "yes"), ("a", "other", "yes")],
        ),
        # templates are no sections, and who is made of them has their settings and then its own
        ("[t](!)\nkey = 1\n", []),
        (
            "[t](!)\nkey = 1\n[a](t)\nkey = 2\n",
            [("a", "", ""), ("a", "key", "1"), ("a", "key", "2")],
        ),
        (
            "[t](!)\nkey = 1\n[u](!,t)\nother = 2\n[a](u)\n",
            [("a", "", ""), ("a", "key", "1"), ("a", "other", "2")],
        ),
        (
            "[t](!)\none = 1\n[u](!)\ntwo = 2\n[a](t, u)\n",
            [("a", "", ""), ("a", "one", "1"), ("a", "two", "2")],
        ),
        ("[a]\none = 1\n[b](a)\n", [("a", "", ""), ("a", "one", "1"), ("b", "", ""), ("b", "one", "1")]),
        ("[a]\none = 1\n[a](+)\ntwo = 2\n", [("a", "", ""), ("a", "one", "1"), ("a", "", ""), ("a", "two", "2")]),
        ("", []),
    ],
)
def test_sections_comments_and_templates_are_read_as_asterisk_does(
    tmp_path: Path, written: str, read: list[tuple[str, str, str]]
) -> None:
    assert settings(read_asterisk(folder_with(tmp_path, queues=written)).queues) == read


@pytest.mark.parametrize(
    "line",
    [
        "#include more.conf",
        '#include "more.conf"',
        "#include <more.conf>",
        "#include\tmore.conf",
        "#include   more.conf   ; why",
        "#tryinclude more.conf",
        "#include m*.conf",
        "#include sub/*.conf",
        "#include FOLDER/more.conf",
        "#include FOLDER/m*.conf",
        '#include "FOLDER/sub/*.conf"',
    ],
)
def test_an_included_file_stands_where_it_is_included(tmp_path: Path, line: str) -> None:
    (tmp_path / "sub").mkdir()
    folder_with(tmp_path, queues=f"[a]\none = 1\n{line.replace('FOLDER', str(tmp_path))}\nthree = 3\n")
    for name in ("more", "sub/more"):
        folder_with(tmp_path, **{name: "two = 2\n"})
    read = settings(read_asterisk(tmp_path).queues)
    assert read == [("a", "", ""), ("a", "one", "1"), ("a", "two", "2"), ("a", "three", "3")]


def test_every_setting_knows_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    folder_with(
        tmp_path,
        queues="\n;-- two\nlines --;\n[a]\none = 1\n#include sub/b.conf\nthree = 3\n",
        **{"sub/b": "; x\ntwo = 2\n"},
    )
    found = read_asterisk(tmp_path).queues or ()
    assert [(each.key, each.where) for each in found] == [
        ("", "queues.conf:4"),
        ("one", "queues.conf:5"),
        ("two", "sub/b.conf:2"),
        ("three", "queues.conf:7"),
    ]


@pytest.mark.parametrize("line", ["#include none.conf", "#include", "#include /", "#include none/*.conf", "#exec date"])
def test_what_cannot_be_included_leaves_the_rest(tmp_path: Path, line: str) -> None:
    found = read_asterisk(folder_with(tmp_path, queues=f"[a]\n{line}\none = 1\n")).queues
    assert ("a", "one", "1") in settings(found)


def test_a_file_that_includes_itself_comes_to_an_end(tmp_path: Path) -> None:
    found = read_asterisk(folder_with(tmp_path, queues="[a]\n#include queues.conf\n")).queues
    assert set(settings(found)) == {("a", "", "")}


def test_files_that_are_not_there_are_known_as_such(tmp_path: Path) -> None:
    assert read_asterisk(tmp_path) == AsteriskFiles(tmp_path, None, None, None)


# --- what is shipped -------------------------------------------------------------------------------------------------


def faults_in(folder: Path) -> list[Fault]:
    return asterisk_faults(example_site(), FALLBACK, "trunk", read_asterisk(folder))


def test_the_shipped_dialplan_and_samples_have_no_fault(tmp_path: Path) -> None:
    found = read_asterisk(shipped_files(tmp_path))
    assert any("Queue(" in setting.value for setting in found.dialplan or ())  # they were read
    assert any("Dial(" in setting.value for setting in found.dialplan or ())
    assert faults_in(tmp_path) == []


# --- queues ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "file", "key", "words"),
    [
        (
            "[housing](cc-queue)",
            "[house](cc-queue)",
            "services/housing.toml",
            "queue.name",
            "queue 'housing' is not known to Asterisk: callers to Housing would hear the fallback",
        ),
        (
            "[housing-cy](cc-queue)",
            "; [housing-cy](cc-queue)",
            "services/housing.toml",
            "queue.languages.cy",
            "queue 'housing-cy' is not known",
        ),
        ("[ict](cc-queue)", "[ict](!,cc-queue)", "services/ict.toml", "queue.name", "queue 'ict' is not known"),
        (
            f"[{FALLBACK}](cc-queue)",
            "[other](cc-queue)",
            "ccdaemon.toml",
            "asterisk.fallback_queue",
            f"queue '{FALLBACK}' is not known to Asterisk: callers who have nowhere else to go",
        ),
        (
            "[housing](cc-queue)",
            "[housing](cc-queue)\nmembergosub = other",
            "services/housing.toml",
            "queue.name",
            "no call would be recorded",
        ),
        (
            "[housing](cc-queue)",
            "[housing]",
            "services/housing.toml",
            "queue.name",
            "has no membergosub = cc-connected",
        ),
        (
            "member => PJSIP/1008",
            "member => Local/1008@desk,1",
            "queues.conf:",
            "ict",
            "member Local/1008@desk of queue 'ict' is a Local channel",
        ),
    ],
)
def test_queues_that_would_fail_callers_are_named(
    tmp_path: Path, old: str, new: str, file: str, key: str, words: str
) -> None:
    queues = shipped_files(tmp_path) / "queues.conf"
    text = queues.read_text()
    assert old in text
    queues.write_text(text.replace(old, new, 1))
    assert [(fault.file.startswith(file), fault.key) for fault in faults_in(tmp_path) if words in fault.text] == [
        (True, key)
    ]


def test_the_section_of_general_settings_is_no_queue(tmp_path: Path) -> None:
    folder = folder_with(shipped_files(tmp_path), queues="[general]\n")
    unknown = [fault for fault in faults_in(folder) if "is not known to Asterisk" in fault.text]
    queues = {service.queue.name for service in example_site().services.values()}
    welsh = {name for service in example_site().services.values() for name in service.queue.by_language.values()}
    assert len(unknown) == len(example_site().services) + len(welsh) + 1
    assert "general" not in queues


def test_a_machine_without_asterisk_is_told_to_leave_the_question_out(tmp_path: Path) -> None:
    (fault,) = faults_in(tmp_path)
    assert fault.file == str(tmp_path)
    assert "--no-asterisk" in fault.text


# --- options by which somebody could transfer or record --------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "options"),
    [
        # Queue(): the caller is outside, so nothing for the calling party
        ("Queue(housing,i,,,900)", ""),
        ("Queue(housing)", ""),
        ("Queue(housing,t)", ""),  # the agent's, not the caller's
        ("Queue(housing,T)", "T"),
        ("Queue(housing,iTt)", "T"),
        ("Queue(housing,HKWX)", "H, K, W, X"),
        ("Queue(housing,,T)", ""),  # an announcement called T
        ("Queue(${CC_QUEUE_${CC_LANG}},T,,,${CC_LANGUAGE_WAIT})", "T"),
        ("queue(housing,T)", "T"),  # Asterisk does not mind how an application is written
        ("QUEUE(housing,T)", "T"),
        ('Queue(${IF($["${X}"="1"]?a,b:c)},T)', "T"),
        ("Queue(${CC_TIER},${CC_THK})", ""),  # the name of a variable
        ("Queue(housing,b(context^TKW^1)B(x,y))", ""),
        ("QueueLog(housing,T)", ""),
        ("NoOp(${QUEUE_MEMBER(housing,T)})", ""),
        ('ExecIf($["${X}"="1"]?Queue(housing,T):Queue(ict,K))', "T|K"),
        # Dial() to a desk: who calls may be outside
        ("Dial(PJSIP/1001,30,i)", ""),
        ("Dial(PJSIP/1001)", ""),
        ("Dial(PJSIP/1001,30)", ""),
        ("Dial(PJSIP/1001,30,tk)", ""),
        ("Dial(PJSIP/1001,30,T)", "T"),
        ("Dial(PJSIP/1001&PJSIP/1002,30,iX)", "X"),
        ("Dial(PJSIP/1001,30,U(cc-connected^T^K))", ""),
        ("Dial(PJSIP/1001,30,U(cc-connected(T,K)))", ""),
        ("Dial(PJSIP/1001,30,U(cc-connected(T(K)))T)", "T"),
        ("Dial(PJSIP/1001,30,L(60000:30000)b(x^${IF($[1]?T:K)}^1)W)", "W"),
        ("Dial(${IF($[${X}=1]?PJSIP/1,PJSIP/2)},30,H)", "H"),
        ("dial(PJSIP/1001,30,T)", "T"),
        ("RetryDial(sound,1,2,PJSIP/1001,30,T)", ""),  # not ours to judge
        # Dial() towards the trunk: who is called is outside
        ("Dial(PJSIP/${EXTEN}@${CC_TRUNK},90,i)", ""),
        ("Dial(PJSIP/${EXTEN}@${CC_TRUNK},90,TKHWX)", ""),  # the agent's own keys
        ("Dial(PJSIP/${EXTEN}@${CC_TRUNK},90,t)", "t"),
        ("Dial(PJSIP/${EXTEN}@trunk,90,hkwx)", "h, k, w, x"),
        ("Dial(PJSIP/trunk/sip:999@carrier.example,90,t)", "t"),
        ("Dial(PJSIP/1001@trunk-two,90,T)", "T"),  # another one, of which nothing is known
        ("Dial(PJSIP/${EXTEN}@trunk,90,U(sub(t,h)))", ""),
    ],
)
def test_nobody_outside_may_transfer_or_record_by_key(tmp_path: Path, line: str, options: str) -> None:
    folder = shipped_files(tmp_path)
    (folder / "ccdaemon" / "own.conf").write_text(f"[own]\nexten => s,1,NoOp()\n same => n,{line}\n")
    found = faults_in(folder)
    assert [fault.text.partition("option ")[2].partition(":")[0] for fault in found] == [
        each for each in options.split("|") if each
    ]
    assert all((fault.file, fault.key) == ("ccdaemon/own.conf:3", "own") for fault in found)


def test_what_is_commented_out_may_say_anything(tmp_path: Path) -> None:
    folder = shipped_files(tmp_path)
    (folder / "ccdaemon" / "own.conf").write_text("[own]\n; exten => s,1,Queue(a,T)\n;-- exten => s,1,Dial(a,,T) --;\n")
    assert faults_in(folder) == []


# --- the dialplan and the phones -------------------------------------------------------------------------------------


def test_a_dialplan_that_does_not_include_ours_answers_nobody(tmp_path: Path) -> None:
    (fault,) = faults_in(folder_with(shipped_files(tmp_path), extensions="[default]\n"))
    assert fault.file == "extensions.conf"
    assert "#include ccdaemon/*.conf" in fault.text


@pytest.mark.parametrize(
    ("phone", "keys"),
    [
        ("[1001](cc-phone)\n[1001](cc-phone-auth)\n[1001](cc-phone-aor)\n", []),
        ("[1001](cc-phone)\nset_var = CALLED = 1\n", []),
        ("[1001](cc-phone)\ncontext = default\n", ["1001.context"]),
        ("[1001]\ntype = endpoint\ncontext = cc-internal\n", ["1001.set_var", "1001.set_var"]),
        ("[1001]\ntype = endpoint\nset_var = TRANSFER_CONTEXT=default\n", ["1001.context", *["1001.set_var"] * 2]),
        ("[1001](cc-phone)\nset_var = DYNAMIC_FEATURES=ours\n", ["1001.set_var"]),
        (
            "[1001](cc-phone)\nset_var = DYNAMIC_FEATURES="
            "cc-pays#ours#cc-keep#cc-resume#cc-announce#cc-record#cc-watched#cc-objects\n",
            [],
        ),
        ("[1999]\ntype = endpoint\n", []),  # none of the site's
        ("[1001](!)\ntype = endpoint\n", []),
    ],
)
def test_a_phone_dials_and_transfers_by_our_contexts(tmp_path: Path, phone: str, keys: list[str]) -> None:
    folder = shipped_files(tmp_path)
    with (folder / "pjsip.conf").open("a") as pjsip:
        pjsip.write(f"\n{phone}")
    assert [fault.key for fault in faults_in(folder)] == keys


def test_what_phones_run_by_key_must_be_in_features_conf(tmp_path: Path) -> None:
    folder = shipped_files(tmp_path)
    for text in ("[applicationmap]\nours = *9,self,NoOp\n", "[general]\ncc-record = A,self,NoOp\n", None):
        if text is None:
            (folder / "features.conf").unlink()
        else:
            (folder / "features.conf").write_text(text)
        assert [(fault.file, fault.key) for fault in faults_in(folder)] == [("features.conf", "applicationmap")] * len(
            KEYS
        )


def test_a_conference_needs_its_room_and_who_may_be_in_it(tmp_path: Path) -> None:
    folder = shipped_files(tmp_path)
    text = "[general]\n[cc-room]\ntype = bridge\n[cc-brought]\ntype = user\nmarked = yes\n"
    (folder / "confbridge.conf").write_text(text)
    assert [each.key for each in faults_in(folder)] == ["cc-phone", "cc-brought.marked", "cc-brought.end_marked"]


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("[cc]", "[mine]", "cc", "is missing: nobody could be parked"),
        ("parkpos = 1-9", "parkpos = 701-720", "cc.parkpos", "must be '1-9'"),
        ("comebacktoorigin = no", "", "cc.comebacktoorigin", "must be 'no'"),
        ("parkedcalltransfers = caller", "parkedcalltransfers = both", "cc.parkedcalltransfers", "must be 'caller'"),
        ("context = cc-spaces", "context = parkedcalls", "cc.context", "must be 'cc-spaces'"),
        ("comebackcontext = cc-parked", "comebackcontext = mine", "cc.comebackcontext", "must be 'cc-parked'"),
    ],
)
def test_whom_nobody_fetches_must_come_back(tmp_path: Path, old: str, new: str, key: str, words: str) -> None:
    folder = shipped_files(tmp_path)
    parking = folder / "res_parking.conf"
    parking.write_text(parking.read_text().replace(f"\n{old}", f"\n{new}"))
    (fault,) = faults_in(folder)
    assert (fault.file.partition(":")[0], fault.key) == ("res_parking.conf", key)
    assert words in fault.text


# --- the trunk -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trunk", "file", "key", "words"),
    [
        ("", "ccdaemon.toml", "asterisk.trunk", "there is no endpoint 'trunk' in pjsip.conf"),
        ("[trunk](!,cc-trunk)\n", "ccdaemon.toml", "asterisk.trunk", "there is no endpoint"),
        ("[trunk](cc-trunk)\nallow_transfer = yes\n", "pjsip.conf:", "trunk.allow_transfer", "must be 'no'"),
        ("[trunk](cc-trunk)\ncontext = cc-internal\n", "pjsip.conf:", "trunk.context", "must be 'cc-inbound'"),
        ("[trunk]\ntype = endpoint\ncontext = cc-inbound\n", "pjsip.conf:", "trunk.allow_transfer", "must be 'no'"),
    ],
)
def test_a_trunk_may_lead_to_our_context_only_and_move_no_call(
    tmp_path: Path, trunk: str, file: str, key: str, words: str
) -> None:
    folder = shipped_files(tmp_path)
    pjsip = folder / "pjsip.conf"
    pjsip.write_text(pjsip.read_text().replace(TRUNK, f"\n{trunk}"))
    (fault,) = faults_in(folder)
    assert (fault.file.startswith(file), fault.key) == (True, key)
    assert words in fault.text


@pytest.mark.parametrize(
    ("version", "is_too_old"),
    [
        ("20.11.0", True),
        ("22.0.3", True),
        ("22.1.0", False),
        ("22.10.1+dfsg+~cs6.17.60671434-1", False),
        ("23.0.0", False),
        ("GIT-master-1a2b3c", False),  # nobody knows
        ("", False),
    ],
)
def test_an_asterisk_whose_recordings_could_not_be_told_apart_is_too_old(version: str, *, is_too_old: bool) -> None:
    fault = too_old(version)
    assert (fault is not None) == is_too_old
    assert fault is None or fault.startswith(f"Asterisk {version} is older than 22.1")
