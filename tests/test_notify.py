"""What systemd hears, by a socket as systemd has one."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccdaemon.notify import Systemd

DEADLINE = 10.0  # seconds; whatever a test waits for is there long before


class Listener:
    """systemd's end: one datagram is one message."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)  # noqa: FBT003 - its only argument

    def heard(self) -> list[str]:
        """All messages that have come."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return messages

    async def next(self) -> str:
        async with asyncio.timeout(DEADLINE):
            return (await asyncio.get_running_loop().sock_recv(self._socket, 65536)).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    path = str(tmp_path / "notify")
    abstract = request.param == "abstract"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{path}" if abstract else path)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    listener = Listener(f"\0{path}" if abstract else path)
    yield listener
    listener.close()


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"READY": "1"}, "READY=1"),
        ({"READY": "1", "STATUS": "Answering calls"}, "READY=1\nSTATUS=Answering calls"),
        ({"RELOADING": "1", "MONOTONIC_USEC": "12345"}, "RELOADING=1\nMONOTONIC_USEC=12345"),
        ({"STATUS": "Dŵr"}, "STATUS=Dŵr"),
        ({"STATUS": "refused:\nREADY=1\r\nSTOPPING=1"}, "STATUS=refused: READY=1 STOPPING=1"),
        ({"STATUS": ""}, "STATUS="),
    ],
)
def test_states_are_told_in_one_message_a_line_each(systemd: Listener, states: dict[str, str], message: str) -> None:
    Systemd().tell(**states)
    assert systemd.heard() == [message]


def test_each_tell_is_a_message_of_its_own_in_its_order(systemd: Listener) -> None:
    ours = Systemd()
    for number in range(5):
        ours.tell(STATUS=str(number))
    assert systemd.heard() == [f"STATUS={number}" for number in range(5)]


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    elsewhere = Listener(str(tmp_path / "notify"))
    Systemd().tell(READY="1")
    assert elsewhere.heard() == []
    elsewhere.close()


def test_programs_that_we_start_do_not_speak_for_us(systemd: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    Systemd().tell(READY="1")
    assert "NOTIFY_SOCKET" not in os.environ
    assert "WATCHDOG_USEC" not in os.environ
    assert systemd.heard() == ["READY=1"]


async def test_the_watchdog_is_fed_at_once_and_again_and_again(
    systemd: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    loop = asyncio.get_running_loop()
    began = loop.time()
    feeding = asyncio.create_task(Systemd().feed_watchdog())
    fed = [await systemd.next() for _ in range(4)]
    feeding.cancel()
    assert fed == ["WATCHDOG=1"] * 4
    assert loop.time() - began > 0.05  # three pauses of a third of the watchdog's time: it is no busy loop


async def test_where_systemd_keeps_no_watchdog_none_is_fed(systemd: Listener) -> None:
    ours = Systemd()
    feeding = asyncio.create_task(ours.feed_watchdog())
    await asyncio.sleep(0)  # it has begun
    ours.tell(READY="1")
    feeding.cancel()
    assert systemd.heard() == ["READY=1"]


async def test_a_loop_that_does_not_turn_does_not_feed_the_watchdog(
    systemd: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "3000")
    feeding = asyncio.create_task(Systemd().feed_watchdog())
    assert await systemd.next() == "WATCHDOG=1"
    systemd.heard()
    blocked = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < blocked + 0.05:  # without an await, as a daemon that hangs
        pass
    assert systemd.heard() == []
    feeding.cancel()
