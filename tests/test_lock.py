"""The lock: what a site's own Asterisk configuration may not hold, and what only a person can judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.model import Phone
from ccdaemon.rules.lock import lock_faults, to_be_judged
from ccdaemon.shipped import shipped
from tests.builders import example_site

SITE = replace(
    example_site(),
    phones={
        each: Phone(each, each, "payments" if each[0] == "8" else "housing", each, "cy") for each in ("1001", "8001")
    },
)


def configured(folder: Path, **files: str) -> Path:
    """Asterisk's configuration folder with our samples, and what a site has written besides."""
    for sample in (shipped("dialplan") / "samples").glob("*.conf"):
        name = sample.stem
        (folder / sample.name).write_text(f"{sample.read_text()}\n{files.pop(name, '')}\n")
    for name, text in files.items():
        (folder / f"{name}.conf").write_text(f"{text}\n")
    return folder


def said(folder: Path) -> list[str]:
    return [str(fault) for fault in lock_faults(SITE, "ccdaemon", read_asterisk(folder))]


def test_our_own_samples_leave_no_way_round(tmp_path: Path) -> None:
    assert said(configured(tmp_path)) == []
    assert to_be_judged(read_asterisk(tmp_path), ()) == []


def test_our_own_contexts_are_not_judged_by_it(tmp_path: Path) -> None:
    configured(tmp_path)  # whose extensions.conf includes them
    (tmp_path / "ccdaemon").mkdir()
    for file in shipped("dialplan").glob("*.conf"):
        (tmp_path / "ccdaemon" / file.name).write_text(file.read_text())
    assert said(tmp_path) == []
    assert to_be_judged(read_asterisk(tmp_path), ()) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("exten => *8,1,Pickup(${EXTEN:2})", "Pickup() leads round the payments door"),
        ("exten => *8,1,PickupChan(PJSIP/1001)", "PickupChan() leads round the payments door"),
        ("exten => 1,1,Bridge(${X})", "Bridge() leads round the payments door: it joins calls"),
        ("exten => 1,1,Answer()\n same => n,BridgeAdd(${X})", "BridgeAdd() leads round the payments door"),
        ("exten => 1,1,MixMonitor(a.wav)", "only cc-connected may start a recorder"),
        ("exten => 1,1,ExecIf($[1]?MixMonitor(a.wav))", "only cc-connected may start a recorder"),
        ("exten => 7000,1,ConfBridge(7000)", "the rooms *61 to *69 of cc-meet ask it"),
        ("exten => 77,1,Pickup", "Pickup() leads round the payments door"),
        ("exten => 1,1,Set(CONFBRIDGE(bridge,record_conference)=yes)", "it records whoever joins a conference"),
        ("exten => 1,1,Set(FEATURE(pickupexten)=*8)", "takes a ringing call without the door"),
        ("exten => 1,1,Set(FEATUREMAP(automixmon)=*1)", "agents could start a recorder by key"),
        ("exten => 1,1,Set(FEATUREMAP(parkcall)=#7)", "callers would be parked without the door"),
        ("exten => 1,1,Set(__TRANSFER_CONTEXT=mine)", "a transfer would lead elsewhere than to cc-transfer"),
        ("exten => 1,1,Goto(cc-trial,record,1)", "no call may come there"),
        ("include => cc-trial", "no call may come there"),
        ("exten => 78,1,Answer()\n same => n,MixMonitor", "only cc-connected may start a recorder"),
        ("exten => 9,1,Dial(PJSIP/8001/sip:8001@192.0.2.1)", "dials the officer 8001 past"),
        ("exten => 700,1,Park()", "the spaces *71 to *79 of cc-meet ask it"),
        ("include => parkedcalls", "who fetches a call there asks no door"),
        (
            "exten => 9,1,Dial(PJSIP/8001,30)",
            "dials the officer 8001 past the payments door: Goto(cc-transfer,EXTENSION,1)",
        ),
        ("exten => 9,1,Dial(PJSIP/1001&PJSIP/8001)", "dials the officer 8001 past"),
        ("exten => 9,1,Queue(payments,t)", "goes to queue 'payments' past the payments door"),
        ("exten => 9,1,Queue(payments-cy)", "goes to queue 'payments-cy' past the payments door"),
        ("exten => 9,1,Dial(PJSIP/1001,30)", None),
        ("exten => 9,1,Queue(housing)", None),
        ("exten => 9,1,Goto(cc-payments,s,1)", None),
        ("exten => 9,1,Playback(bridge)", None),
        ("exten => 9,1,NoOp(pickup it)", None),
    ],
)
def test_a_way_round_in_the_dialplan_is_named_with_its_line(tmp_path: Path, line: str, fault: str | None) -> None:
    found = said(configured(tmp_path, extensions=f"[mine]\n{line}"))
    assert [fault is not None and fault in each for each in found] == ([True] if fault else []), found
    assert all(each.startswith("extensions.conf:") and ": mine: " in each for each in found)


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("features", "[general]\npickupexten = *8", "pickupexten: leads round the payments door"),
        ("features", "[featuremap]\nautomixmon = *3", "automixmon: leads round the payments door"),
        ("features", "[featuremap]\nparkcall = #72", "parkcall: leads round the payments door"),
        ("features", "[featuremap]\nautomixmon =", None),
        ("confbridge", "[room]\ntype = bridge\nrecord_conference = yes", "record_conference records whoever joins"),
        ("confbridge", "[room]\ntype = bridge\nrecord_conference = no", None),
        ("res_parking", "[default]\nparkext = 700", "makes extensions that fetch calls without asking"),
        ("res_parking", "[more]\nparkpos = 701-720", None),
        ("pjsip", "[8001](cc-phone)\nnamed_pickup_group = all", "lets an officer pick up calls of others"),
        ("pjsip", "[1001](cc-phone)\nnamed_pickup_group = all", None),
        ("pjsip", "[1001](cc-phone)\none_touch_recording = yes", "lets the phone start a recorder by key"),
        ("pjsip", "[1001](cc-phone)\nredirect_method = uri_core", "would lead callers straight to anybody"),
        ("manager", "[clicks]\nsecret = x\nwrite = originate,call", "manager user 'clicks' has write = call,originate"),
        ("manager", "[ccdaemon]\nread = call,agent,reporting", "lacks user: the daemon does not hear of calls, queues"),
        ("manager", "[ccdaemon]\nread = call,agent,user", None),
        ("manager", "[monitoring]\nsecret = x\nread = all\nwrite = reporting", None),
        ("ari", "[general]\nenabled = yes\n[app]\ntype = user\nread_only = no", "ARI user 'app' may join and record"),
        ("ari", "[general]\nenabled = no\n[app]\ntype = user", None),
        ("ari", "[app]\ntype = user\nread_only = yes", None),
    ],
)
def test_a_way_round_in_another_file_is_named_too(tmp_path: Path, file: str, text: str, fault: str | None) -> None:
    found = said(configured(tmp_path, **{file: text}))
    assert [fault is not None and fault in each for each in found] == ([True] if fault else []), found
    assert all(each.startswith(f"{file}.conf:") for each in found)


def test_a_context_that_is_only_called_like_ours_is_judged(tmp_path: Path) -> None:
    (found,) = said(configured(tmp_path, extensions="[cc-mine]\nexten => 77,1,Pickup()"))
    assert ": cc-mine: Pickup() leads round the payments door" in found


def test_a_manager_port_without_our_user_is_a_fault(tmp_path: Path) -> None:
    configured(tmp_path)
    (tmp_path / "manager.conf").write_text("[general]\nenabled = yes\n")
    (found,) = said(tmp_path)
    assert found.startswith("manager.conf: there is no [ccdaemon]: the daemon could not log in")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("exten => _X.,1,Dial(${TARGET},30)", "mine: Dial(${TARGET},30)"),
        ("exten => _X.,1,Queue(${QUEUE})", "mine: Queue(${QUEUE})"),
        ("exten => 1,1,AGI(my.sh)", "mine: AGI(my.sh)"),
        ("exten => 1,1,Stasis(app)", "mine: Stasis(app)"),
        ("exten => 1,1,Dial(PJSIP/1001,30)", None),
    ],
)
def test_what_is_computed_is_for_a_person_to_judge_and_sign_off(tmp_path: Path, line: str, text: str | None) -> None:
    files = read_asterisk(configured(tmp_path, extensions=f"[mine]\n{line}"))
    assert [each.text for each in to_be_judged(files, ())] == ([text] if text else [])
    assert to_be_judged(files, [text or ""]) == []
