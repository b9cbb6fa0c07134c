"""What Asterisk has loaded: its dialplan, and what its endpoints may do, read over the manager link.

Source: the Asterisk documentation on ShowDialPlan and on the function PJSIP_ENDPOINT.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ccdaemon.asterisk.wire import Headers
from ccdaemon.model import LOADED, Setting

FIELDS = ("pickup_group", "named_pickup_group", "one_touch_recording", "redirect_method")


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
        values = {
            field: (await switch.action("Getvar", {"Variable": f"PJSIP_ENDPOINT({name},{field})"})).get("Value", "")
            for field in FIELDS
        }
        if any(values.values()):
            found += [Setting(name, field, value, LOADED) for field, value in values.items()]
    return found
