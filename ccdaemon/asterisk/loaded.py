"""What Asterisk has loaded: dialplan, modules, keys, queues, and what its endpoints may do, read over the manager link.

All of it by what our user may send anyway: `ModuleCheck` would need the right `system`, so modules are asked for by the
function IFMODULE. That knows of a module which was loaded and did not come up, too; those that read a configuration of
their own are asked for something that only they can answer.
Source: the Asterisk documentation on ShowDialPlan, ListCommands, QueueStatus and the functions; ast_module_check in
main/loader.c; action_getvar in main/manager.c.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ccdaemon.asterisk.ami import AmiRefused
from ccdaemon.asterisk.wire import Headers
from ccdaemon.model import LOADED, Setting

FIELDS = ("pickup_group", "named_pickup_group", "one_touch_recording", "redirect_method")
TRUNK_FIELDS = ("context", "allow_transfer")
KEYS = {
    "pickupexten": "FEATURE(pickupexten)",
    "automixmon": "FEATUREMAP(automixmon)",
    "parkcall": "FEATUREMAP(parkcall)",
}
PLACES = ("ASTETCDIR", "ASTRUNDIR", "ASTSPOOLDIR")  # variables that Asterisk itself has
PROBES = {  # what a module that works answers to, with anything but nothing
    "app_confbridge": "CONFBRIDGE_INFO(parties,cc-0)",
    "app_queue": "QUEUE_EXISTS(cc-0)",
    "func_base64": "BASE64_ENCODE(a)",
    "func_dialplan": "DIALPLAN_EXISTS(cc-inbound,s,1)",
    "func_groupcount": "GROUP_COUNT(cc-0@cc-payments)",
    "func_logic": "IF(1?a:b)",
    "func_sha1": "SHA1(a)",
    "func_strings": "FILTER(a,a)",
    "func_timeout": "TIMEOUT(absolute)",
    "func_uuid": "UUID()",
}


class Switch(Protocol):
    """The manager link, without what it takes by default."""

    async def action(self, name: str, fields: dict[str, str]) -> Headers: ...

    async def listing(self, name: str) -> list[Headers]: ...


async def loaded_dialplan(switch: Switch) -> list[Setting]:
    """Every line, as it would stand in a file; hints aside."""
    found = []
    for entry in await switch.listing("ShowDialPlan"):
        context = entry.get("Context", "")
        if "IncludeContext" in entry:
            found.append(Setting(context, "include", entry["IncludeContext"], LOADED))
        elif "Switch" in entry:
            found.append(Setting(context, "switch", entry["Switch"], LOADED))
        elif entry.get("Priority", "hint") != "hint":
            step = f"{entry['Extension']},{entry['Priority']},{entry['Application']}({entry.get('AppData', '')})"
            found.append(Setting(context, "exten", step, LOADED))
    return found


async def loaded_endpoints(switch: Switch, names: Iterable[str]) -> list[Setting]:
    """What these endpoints may do, as far as the payments door is concerned; nothing of one that is not there."""
    found = []
    for name in names:
        values = {field: await _value(switch, f"PJSIP_ENDPOINT({name},{field})") for field in FIELDS}
        if any(values.values()):
            found += [Setting(name, field, value, LOADED) for field, value in values.items()]
    return found


async def loaded_trunk(switch: Switch, name: str) -> list[Setting]:
    """The endpoint towards the carrier as it would stand in pjsip.conf; nothing if there is none."""
    values = {field: await _value(switch, f"PJSIP_ENDPOINT({name},{field})") for field in TRUNK_FIELDS}
    written = {"true": "yes", "false": "no"}
    settings = [Setting(name, field, written.get(value, value), LOADED) for field, value in values.items()]
    return [Setting(name, "", "", LOADED), *settings] if any(values.values()) else []


async def loaded_keys(switch: Switch) -> list[Setting]:
    """What callers and agents may press, as it would stand in features.conf."""
    return [Setting("general", key, await _value(switch, function), LOADED) for key, function in KEYS.items()]


async def loaded_modules(switch: Switch, names: Iterable[str]) -> dict[str, bool | None]:
    """Which of these work; None where Asterisk does not say."""
    there = dict[str, bool | None]()
    for name in names:
        told = await _value(switch, f"IFMODULE({name}.so)")
        works = name not in PROBES or bool(await _value(switch, PROBES[name]))
        there[name] = (works if name in PROBES else None) if told == "" else told == "1" and works
    return there


async def allowed_actions(switch: Switch) -> dict[str, str]:
    """What our user may send: each action with its description, at whose end stand the rights of which it needs one."""
    told = await switch.action("ListCommands", {})
    return {name: text for name, text in told.items() if name not in {"Response", "ActionID"}}


async def loaded_queues(switch: Switch) -> dict[str, list[str]]:
    """The members of each queue."""
    queues = dict[str, list[str]]()
    for entry in await switch.listing("QueueStatus"):
        members = queues.setdefault(entry.get("Queue", ""), [])
        if entry.get("Event") == "QueueMember":
            members.append(entry.get("Location", ""))
    return queues


async def places(switch: Switch) -> dict[str, str]:
    """Asterisk's own folders, by the names of its variables."""
    return {name: await _value(switch, name) for name in PLACES}


async def _value(switch: Switch, variable: str) -> str:
    try:
        return (await switch.action("Getvar", {"Variable": variable})).get("Value", "")
    except AmiRefused:  # it knows of no such thing
        return ""
