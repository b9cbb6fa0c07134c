"""What Asterisk has loaded, held against what is installed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.asterisk.loaded import loaded_dialplan, loaded_endpoints
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

    async def listing(self, name: str) -> list[dict[str, str]]:
        assert name == "ShowDialPlan"
        return self.dialplan

    async def action(self, name: str, fields: dict[str, str]) -> dict[str, str]:
        assert name == "Getvar"
        return {"Value": self.endpoints.get(fields["Variable"], "")}


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
