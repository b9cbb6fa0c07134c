"""What Asterisk has loaded, held against what is installed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccdaemon.asterisk.ami import AmiRefused
from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.asterisk.loaded import (
    allowed_actions,
    loaded_dialplan,
    loaded_endpoints,
    loaded_keys,
    loaded_modules,
    loaded_queues,
    loaded_trunk,
)
from ccdaemon.cli import app
from ccdaemon.model import LOADED, Setting
from ccdaemon.rules.loaded import not_loaded, phones_not_loaded, strangers
from ccdaemon.shipped import shipped
from tests.builders import example_site, site_to_run

OURS = (
    Setting("cc-one", "exten", "s,1,MSet(A=,B=${X(1,2)})", "ccdaemon/one.conf:2"),
    Setting("cc-one", "same", "n(label),GotoIf($[1]?done)", "ccdaemon/one.conf:3"),
    Setting("cc-one", "same", "n(done),Return()", "ccdaemon/one.conf:4"),
    Setting("cc-one", "exten", "*61,hint,confbridge:cc-1", "ccdaemon/one.conf:5"),
    Setting("cc-one", "include", "cc-two", "ccdaemon/one.conf:6"),
)
AS_LOADED = [
    Setting("cc-one", "exten", "s,1,MSet(A=,B=${X(1,2)})", LOADED),
    Setting("cc-one", "exten", "s,2,GotoIf($[1]?done)", LOADED),
    Setting("cc-one", "exten", "s,3,Return()", LOADED),
    Setting("cc-one", "include", "cc-two", LOADED),
]
LABELLED = r",1(\([\w-]+\))?,"
BRIDGE = Setting("cc-one", "exten", "77,1,Bridge(${X})", LOADED)
INCLUDE = Setting("cc-one", "include", "parkedcalls", LOADED)
AGAIN = Setting("cc-one", "exten", "78,1,Return()", LOADED)


@pytest.mark.parametrize(
    ("loaded", "others", "missing"),
    [
        (AS_LOADED, [], []),
        ([*AS_LOADED, BRIDGE, INCLUDE], [BRIDGE, INCLUDE], []),
        ([*AS_LOADED, AGAIN], [AGAIN], []),  # once more than it stands in our files
        (AS_LOADED[:-1], [], ["cc-one"]),
        ([*AS_LOADED[1:], BRIDGE], [], ["cc-one"]),  # an older one: what is in it is judged once it is loaded anew
        ([*AS_LOADED, replace(BRIDGE, section="park-dial")], [], []),
        ([], [], ["cc-one"]),
    ],
)
def test_what_is_loaded_is_told_apart_from_what_is_ours(
    loaded: list[Setting], others: list[Setting], missing: list[str]
) -> None:
    assert strangers(loaded, OURS) == others
    assert [fault.key for fault in not_loaded(loaded, OURS)] == missing


def test_every_line_of_our_own_contexts_is_known_again(tmp_path: Path) -> None:
    """As Asterisk lists it: numbered, and without labels."""
    (tmp_path / "ccdaemon").mkdir()
    for file in shipped("dialplan").glob("*.conf"):
        (tmp_path / "ccdaemon" / file.name).write_text(file.read_text())
    (tmp_path / "extensions.conf").write_text("#include ccdaemon/*.conf\n")
    installed = read_asterisk(tmp_path).dialplan or ()
    numbered = [
        Setting(setting.section, "exten", re.sub(LABELLED, ",7,", setting.value, count=1), LOADED)
        if setting.key == "exten"
        else Setting(setting.section, "exten", f"x,7,{setting.value.partition(',')[2]}", LOADED)
        for setting in installed
        if setting.key in {"exten", "same"} and ",hint," not in setting.value
    ]
    included = [Setting(each.section, "include", each.value, LOADED) for each in installed if each.key == "include"]
    assert len(numbered) > 100
    assert strangers([*numbered, *included], installed) == []
    assert not_loaded([*numbered, *included], installed) == []


@dataclass
class Switch:
    """An Asterisk with this dialplan and these endpoints."""

    dialplan: list[dict[str, str]] = field(default_factory=list)
    endpoints: dict[str, str] = field(default_factory=dict)

    queues: list[dict[str, str]] = field(default_factory=list)

    async def listing(self, name: str) -> list[dict[str, str]]:
        return {"ShowDialPlan": self.dialplan, "QueueStatus": self.queues}[name]

    async def action(self, name: str, fields: dict[str, str]) -> dict[str, str]:
        if name == "ListCommands":
            return {"Response": "Success", "ActionID": "1", "Ping": "Keepalive command.  (Priv: <none>)"}
        assert name == "Getvar"
        if (value := self.endpoints.get(fields["Variable"], "")) == "refused":
            message = "Getvar: GetVar Access Forbidden: Variable"
            raise AmiRefused(message)
        return {"Value": value}


async def test_the_loaded_dialplan_is_read_as_if_it_stood_in_a_file() -> None:
    entries = [
        {"Context": "mine", "Extension": "7", "Priority": "1", "Application": "Dial", "AppData": "PJSIP/8001,30"},
        {"Context": "mine", "Extension": "8", "Priority": "hint", "Application": "Custom:x"},
        {"Context": "mine", "IncludeContext": "parkedcalls"},
        {"Context": "mine", "Switch": "Realtime/x@mine"},
    ]
    assert await loaded_dialplan(Switch(entries)) == [
        Setting("mine", "exten", "7,1,Dial(PJSIP/8001,30)", LOADED),
        Setting("mine", "include", "parkedcalls", LOADED),
        Setting("mine", "switch", "Realtime/x@mine", LOADED),
    ]


async def test_what_an_endpoint_may_do_is_asked_of_asterisk() -> None:
    names = ("pickup_group", "named_pickup_group", "one_touch_recording", "redirect_method")
    there = {f"PJSIP_ENDPOINT(8001,{name})": "yes" if name == "one_touch_recording" else "" for name in names}
    found = await loaded_endpoints(Switch(endpoints=there), ["1001", "8001"])
    assert [(each.section, each.key, each.value) for each in found] == [
        ("8001", name, "yes" if name == "one_touch_recording" else "") for name in names
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"IFMODULE(app_dial.so)": "1"}, True),
        ({"IFMODULE(app_dial.so)": "0"}, False),
        ({"IFMODULE(app_dial.so)": ""}, None),  # there is no func_module
        ({"IFMODULE(app_dial.so)": "refused"}, None),
    ],
)
async def test_a_module_is_there_if_asterisk_says_so(told: dict[str, str], *, expected: bool | None) -> None:
    assert await loaded_modules(Switch(endpoints=told), ["app_dial"]) == {"app_dial": expected}


@pytest.mark.parametrize(
    ("there", "answers", "expected"),
    [("1", "0", True), ("1", "", False), ("0", "", False), ("", "0", True), ("", "", False)],
)
async def test_a_module_that_did_not_come_up_is_not_taken_for_one_that_works(
    there: str, answers: str, *, expected: bool
) -> None:
    told = {"IFMODULE(app_confbridge.so)": there, "CONFBRIDGE_INFO(parties,cc-0)": answers}
    assert await loaded_modules(Switch(endpoints=told), ["app_confbridge"]) == {"app_confbridge": expected}


async def test_the_trunk_and_the_keys_are_told_as_they_would_stand_in_a_file() -> None:
    told = {
        "PJSIP_ENDPOINT(trunk,context)": "cc-inbound",
        "PJSIP_ENDPOINT(trunk,allow_transfer)": "false",
        "FEATURE(pickupexten)": "*8",
    }
    switch = Switch(endpoints=told)
    assert [(each.key, each.value) for each in await loaded_trunk(switch, "trunk")] == [
        ("", ""),
        ("context", "cc-inbound"),
        ("allow_transfer", "no"),
    ]
    assert await loaded_trunk(switch, "another") == []
    assert [(each.key, each.value) for each in await loaded_keys(switch) if each.value] == [("pickupexten", "*8")]


async def test_queues_are_told_with_their_members_and_actions_with_their_rights() -> None:
    queues = [
        {"Event": "QueueParams", "Queue": "housing"},
        {"Event": "QueueMember", "Queue": "housing", "Location": "PJSIP/1001"},
        {"Event": "QueueParams", "Queue": "ict"},
        {"Event": "QueueEntry", "Queue": "ict", "Channel": "PJSIP/trunk-1"},
    ]
    assert await loaded_queues(Switch(queues=queues)) == {"housing": ["PJSIP/1001"], "ict": []}
    assert await allowed_actions(Switch()) == {"Ping": "Keepalive command.  (Priv: <none>)"}


def test_a_phone_that_asterisk_does_not_have_is_said() -> None:
    site = example_site()
    (first, *others) = site.phones.values()
    loaded = [Setting(phone.endpoint, "redirect_method", "user", LOADED) for phone in others]
    assert [fault.key for fault in phones_not_loaded(site, loaded)] == [first.endpoint]


def test_an_asterisk_that_does_not_answer_is_said(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    main = config / "ccdaemon.toml"
    main.write_text(main.read_text().replace("port = 5038", "port = 1"))
    done = CliRunner().invoke(app, ["doctor", "--config", str(config)])
    assert done.exit_code == 1
    assert "Asterisk does not answer at 127.0.0.1:1: cannot connect" in done.stdout
    assert "unseen  dialplan: there is no manager link" in done.stdout
