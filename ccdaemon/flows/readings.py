"""What nobody tells us of, and we look at again and again: disks, clock, register, and what Asterisk says of phones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, Protocol

from ccdaemon.cases import Case
from ccdaemon.faults import RegisterFull, SwitchRefused
from ccdaemon.flows.journal import Alarms
from ccdaemon.flows.topics import Publish
from ccdaemon.model import Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.deadline import due
from ccdaemon.rules.status import calls_through, endpoints_topic
from ccdaemon.topics import Clock, Disk, Trunk

LOOK, SLOW_LOOK = 5.0, 60.0  # seconds
FULL, NEARLY_FULL = 95.0, 90.0  # per cent; an alarm begins at the higher one, and ends below the lower one
STRAY = 3  # looks, minutes, for which a clock may be on its own: after a start it always is


class Machine(Protocol):
    def disk(self, folder: Path) -> Disk: ...

    def clock(self) -> Clock: ...


class Switch(Protocol):
    async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]: ...

    async def listing(self, name: str) -> list[dict[str, str]]: ...


class Register(Protocol):
    async def size(self) -> int: ...

    async def oldest(self) -> float | None: ...

    async def standing_holds(self) -> set[int]: ...

    async def cases(self) -> list[Case]: ...

    async def count_messages(self) -> dict[str, int]: ...

    async def last_night(self) -> tuple[float, bool] | None: ...


async def read_disks(machine: Machine, folders: Mapping[str, Path], publish: Publish, alarms: Alarms) -> NoReturn:
    """With an alarm long before one hinders anybody."""
    full = set[str]()
    while True:
        said = []
        for name, folder in folders.items():
            try:
                disk = await asyncio.to_thread(machine.disk, folder)
            except OSError as fault:
                said.append(f"{folder} cannot be looked at: {fault.strerror}. What is recorded there may be lost")
                publish(f"disk/{name}", None)
                continue
            publish(f"disk/{name}", disk)
            full = full | {name} if disk["used_percent"] >= (NEARLY_FULL if name in full else FULL) else full - {name}
        if full:
            where = ", ".join(str(folders[name]) for name in sorted(full))
            said.append(f"the disk of {where} is nearly full. What is recorded is lost once it is: make room")
        if said:
            alarms.raise_("disk", f"{'; '.join(said)}. Calls go on")
        else:
            alarms.clear("disk")
        await asyncio.sleep(LOOK)


async def read_clock(machine: Machine, publish: Publish, alarms: Alarms) -> NoReturn:
    stray = 0
    while True:
        clock = await asyncio.to_thread(machine.clock)
        publish("clock", clock)
        stray = stray + 1 if clock["synchronised"] is False else 0
        if stray > STRAY:
            alarms.raise_(
                "clock", "nothing sets this machine's clock: hours, retention and evidence rest on it. See NTP"
            )
        elif not stray:
            alarms.clear("clock")
        await asyncio.sleep(SLOW_LOOK)


async def read_register(
    register: Register, site: Callable[[], Site], dropped: Callable[[], int], publish: Publish
) -> NoReturn:
    """How much is kept, since when, and how the last night was."""
    while True:
        try:
            night, oldest = await register.last_night(), await register.oldest()
            publish(
                "register",
                {
                    "bytes": await register.size(),
                    "oldest": None if oldest is None else int(oldest),
                    "holds": len(await register.standing_holds()),
                    "cases_due": _next_case(await register.cases(), site()),
                    "messages": await register.count_messages(),
                    "messages_dropped": dropped(),
                    "expired": night and int(night[0]),
                    "whole": night and night[1],
                },
            )
        except RegisterFull:  # which is an alarm of its own
            pass
        await asyncio.sleep(SLOW_LOOK)


def _next_case(cases: list[Case], site: Site) -> str | None:
    days = [last for case in cases if case.closed is None and (last := due(case, site.bank_holidays)) is not None]
    return str(min(days)) if days else None


async def read_switch(
    switch: Switch, trunk: Callable[[], str], calls: Calls, site: Callable[[], Site], publish: Publish
) -> NoReturn:
    """Phones and trunk, as long as there is a link: without one nobody knows."""
    name = trunk()
    try:
        while True:
            listed = await switch.listing("DeviceStateList")
            states = {each["Device"]: each["State"] for each in listed if "Device" in each}
            publish("endpoints", endpoints_topic(site(), states))
            if name != trunk():
                publish(f"trunks/{name}", None)
                name = trunk()
            publish(f"trunks/{name}", await trunk_state(switch, name, calls))
            await asyncio.sleep(LOOK)
    finally:
        publish("endpoints", None)
        publish(f"trunks/{name}", None)


async def trunk_state(switch: Switch, name: str, calls: Calls) -> Trunk:
    """Does the carrier answer, and are we registered there?"""
    contacts = []
    for aor in _listed(await _value(switch, f"PJSIP_ENDPOINT({name},aors)")):
        contacts += _listed(await _value(switch, f"PJSIP_AOR({aor},contact)"))
    states = [await _value(switch, f"PJSIP_CONTACT({contact},status)") for contact in contacts]
    trips = [await _value(switch, f"PJSIP_CONTACT({contact},roundtrip_usec)") for contact in contacts]
    measured = [int(trip) / 1000 for trip in trips if trip.isdecimal() and int(trip)]
    asked = [state for state in states if state not in {"NonQualified", "Created", "Unknown", ""}]
    return {
        "reachable": "Reachable" in asked if asked else None,
        "registered": await _registered(switch, name),
        "round_trip_ms": round(min(measured), 1) if measured else None,
        "calls": calls_through(calls, name),
    }


async def _registered(switch: Switch, name: str) -> bool | None:
    """By outbound registrations that name this endpoint, or are called like it. None where there is none."""
    try:
        entries = await switch.listing("PJSIPShowRegistrationsOutbound")
    except SwitchRefused:  # there is none at all
        return None
    states = [each.get("Status") for each in entries if name in {each.get("Endpoint"), each.get("ObjectName")}]
    return "Registered" in states if states else None


async def _value(switch: Switch, variable: str) -> str:
    try:
        return (await switch.action("Getvar", {"Variable": variable})).get("Value", "")
    except SwitchRefused:  # it knows of no such thing
        return ""


def _listed(value: str) -> list[str]:
    return [each for each in value.split(",") if each]
