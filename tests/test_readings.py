"""What we look at again and again: disks, clock, register, phones and trunk, each with what monitoring is told."""

from __future__ import annotations

import asyncio
import ctypes
import errno
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest

from ccdaemon import machine
from ccdaemon.faults import SwitchRefused
from ccdaemon.flows import readings as room
from ccdaemon.flows.readings import read_clock, read_disks, read_register, read_switch
from ccdaemon.kept import Hold
from ccdaemon.notices import CallIdentified
from ccdaemon.rules.calls import Calls
from ccdaemon.topics import Clock, Disk, Payload
from tests.builders import Noticeboard, a_register, example_site, listed

DEADLINE = 10.0  # seconds
FOLDERS = {"spool": Path("/var/spool/ccdaemon"), "state": Path("/var/lib/ccdaemon")}


class Board(dict[str, Payload | None]):
    """Topics, as they are shown."""

    publish = dict.__setitem__


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK", 0.001)
    monkeypatch.setattr(room, "SLOW_LOOK", 0.001)


Until: TypeAlias = Callable[[Callable[[], bool]], Coroutine[Any, Any, None]]


@asynccontextmanager
async def reading(flow: Coroutine[Any, Any, None]) -> AsyncIterator[Until]:
    """While it reads; what it gives waits until something is so."""
    task = asyncio.create_task(flow)

    async def until(so: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not so():
                assert not task.done(), task.exception()
                await asyncio.sleep(0.001)

    yield until
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class Room:
    """A machine as a test wants it."""

    def __init__(self) -> None:
        self.used, self.synchronised, self.looks = 10.0, True, 0

    def disk(self, folder: Path) -> Disk:
        return {"free_bytes": 1, "used_percent": self.used if folder == FOLDERS["spool"] else 5.0}

    def clock(self) -> Clock:
        self.looks += 1
        return {"synchronised": self.synchronised, "error_ms": None}


async def test_a_disk_that_fills_is_an_alarm_until_there_is_clearly_room_again() -> None:
    place, board, alarms = Room(), Board(), Noticeboard()
    async with reading(read_disks(place, FOLDERS, board.publish, alarms)) as until:
        await until(lambda: board.get("disk/spool") == {"free_bytes": 1, "used_percent": 10.0})
        assert alarms.standing == {}
        place.used = 94.9
        await until(lambda: board["disk/spool"] == {"free_bytes": 1, "used_percent": 94.9})
        assert alarms.standing == {}
        place.used = 95.0
        await until(lambda: "disk" in alarms.standing)
        assert "the disk of /var/spool/ccdaemon is nearly full" in alarms.standing["disk"]
        place.used = 90.0
        await until(lambda: board["disk/spool"] == {"free_bytes": 1, "used_percent": 90.0})
        assert "disk" in alarms.standing
        place.used = 89.9
        await until(lambda: alarms.standing == {})


async def test_a_clock_that_nothing_sets_is_an_alarm_after_minutes_of_that() -> None:
    place, board, alarms = Room(), Board(), Noticeboard()
    place.synchronised = False
    async with reading(read_clock(place, board.publish, alarms)) as until:
        await until(lambda: "clock" in alarms.standing)
        assert place.looks > room.STRAY
        place.synchronised = True
        await until(lambda: alarms.standing == {})
    assert board["clock"] == {"synchronised": True, "error_ms": None}


def test_the_machine_that_this_runs_on_tells_of_itself(tmp_path: Path) -> None:
    disk, clock = machine.disk(tmp_path), machine.clock()
    assert 0 < disk["used_percent"] < 100
    assert disk["free_bytes"] > 1_000_000
    assert clock["synchronised"] in {True, False, None}
    assert (clock["error_ms"] is not None) == (clock["synchronised"] is True)


async def test_the_register_says_how_old_it_is_what_is_held_and_who_waits_for_an_answer(tmp_path: Path) -> None:
    board = Board()
    async with (
        a_register(tmp_path / "register.sqlite3") as register,
        reading(read_register(register, example_site, lambda: 3, board.publish)) as until,
    ):
        await until(lambda: "register" in board)
        empty = board["register"]
        assert empty is not None
        nothing: dict[str, object] = {"oldest": None, "holds": 0, "cases_due": None, "expired": None, "whole": None}
        nothing |= {"messages": {}, "messages_dropped": 3}
        assert {name: empty[name] for name in nothing} == nothing
        await register.write([CallIdentified("1.1", 1000.0), CallIdentified("2.1", 2000.0)])
        await register.add_hold(Hold("complaint", "C-1", call="1.1"), "dai", 0)
        await register.open_case("access", "SAR-1", date(2026, 9, 3), "dai", 0)
        await register.ran(5.0, 6.0, {}, whole=False)
        wanted = {"oldest": 2000, "holds": 1, "cases_due": "2026-10-05", "expired": 5, "whole": False}
        await until(lambda: {name: (board["register"] or {})[name] for name in wanted} == wanted)


class Asterisk:
    """A manager link with one trunk."""

    def __init__(self, variables: Mapping[str, str], registrations: list[dict[str, str]] | None = None) -> None:
        self.variables = variables
        self.registrations = registrations

    async def action(self, name: str, fields: Mapping[str, str]) -> dict[str, str]:
        assert name == "Getvar"
        if fields["Variable"] not in self.variables:
            message = "No such variable"
            raise SwitchRefused(message)
        return {"Value": self.variables[fields["Variable"]]}

    async def listing(self, name: str) -> list[dict[str, str]]:
        if name == "DeviceStateList":
            return [{"Device": "PJSIP/1001", "State": "INUSE"}, {"Device": "PJSIP/1002", "State": "NOT_INUSE"}]
        assert name == "PJSIPShowRegistrationsOutbound"
        if self.registrations is None:
            message = "No Outbound Registrations found."
            raise SwitchRefused(message)
        return self.registrations


UP = {
    "PJSIP_ENDPOINT(trunk,aors)": "trunk",
    "PJSIP_AOR(trunk,contact)": "trunk;@1,trunk;@2",
    "PJSIP_CONTACT(trunk;@1,status)": "Reachable",
    "PJSIP_CONTACT(trunk;@1,roundtrip_usec)": "12345",
    "PJSIP_CONTACT(trunk;@2,status)": "Unreachable",
    "PJSIP_CONTACT(trunk;@2,roundtrip_usec)": "0",
}
AWAY = UP | {"PJSIP_CONTACT(trunk;@1,status)": "Unreachable", "PJSIP_CONTACT(trunk;@1,roundtrip_usec)": "0"}
NOT_ASKED = {name: "NonQualified" if name.endswith("status)") else value for name, value in AWAY.items()}


@pytest.mark.parametrize(
    ("variables", "registrations", "expected"),
    [
        (UP, None, {"reachable": True, "registered": None, "round_trip_ms": 12.3}),
        (AWAY, None, {"reachable": False, "registered": None, "round_trip_ms": None}),
        (NOT_ASKED, None, {"reachable": None, "registered": None, "round_trip_ms": None}),
        ({}, None, {"reachable": None, "registered": None, "round_trip_ms": None}),  # the endpoint is not there
        (UP, [{"Endpoint": "trunk", "Status": "Registered"}], {"registered": True}),
        (UP, [{"ObjectName": "trunk", "Status": "Rejected"}], {"registered": False}),
        (UP, [{"ObjectName": "another", "Status": "Registered"}], {"registered": None}),
    ],
)
async def test_a_trunk_is_what_asterisk_knows_of_it(
    variables: Mapping[str, str], registrations: list[dict[str, str]] | None, expected: Mapping[str, object]
) -> None:
    board, calls = Board(), Calls()
    calls.resynchronise([{**listed("1.1", "1.1"), "Channel": "PJSIP/trunk-00000001"}], [], [], 0.0)
    switch = Asterisk(variables, registrations)
    async with reading(read_switch(switch, lambda: "trunk", calls, example_site, board.publish)) as until:
        await until(lambda: "trunks/trunk" in board)
        trunk = board["trunks/trunk"]
        assert trunk is not None
        assert {name: trunk[name] for name in expected} == expected
        assert trunk["calls"] == 1
        assert board["endpoints"] == {"phones": 12, "idle": 1, "busy": 1, "unavailable": 10}
    assert board == {"endpoints": None, "trunks/trunk": None}  # without a link nobody knows


async def test_a_trunk_that_is_called_otherwise_takes_the_place_of_the_old_one() -> None:
    board, names = Board(), ["old"]
    async with reading(read_switch(Asterisk({}), lambda: names[-1], Calls(), example_site, board.publish)) as until:
        await until(lambda: "trunks/old" in board)
        names.append("new")
        await until(lambda: board.get("trunks/new") is not None)
        assert board["trunks/old"] is None


async def test_a_disk_that_cannot_be_looked_at_is_an_alarm_and_not_the_end() -> None:
    class Broken(Room):
        def disk(self, folder: Path) -> Disk:
            if self.used > 50:
                raise OSError(errno.EIO, "Input/output error")
            return super().disk(folder)

    place, board, alarms = Broken(), Board(), Noticeboard()
    place.used = 60.0
    async with reading(read_disks(place, FOLDERS, board.publish, alarms)) as until:
        await until(lambda: "/var/spool/ccdaemon cannot be looked at: Input/output" in alarms.standing.get("disk", ""))
        assert board["disk/spool"] is None
        place.used = 10.0
        await until(lambda: alarms.standing == {})


@pytest.mark.parametrize(("said", "synchronised"), [("yes", True), ("no", False), ("", None), (None, None)])
def test_a_clock_of_which_the_kernel_tells_us_nothing_is_asked_of_who_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, *, synchronised: bool | None
) -> None:
    if said is not None:
        (tmp_path / "timedatectl").write_text(f"#!/bin/sh\necho {said}\n")
        (tmp_path / "timedatectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(adjtimex=lambda _: -1))
    assert machine.clock() == {"synchronised": synchronised, "error_ms": None}
