"""Prometheus finds in figures what MQTT has in JSON, and whoever asks for something else learns and harms nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ccdaemon import metrics as room
from ccdaemon.metrics import Metrics
from ccdaemon.topics import Payload

DEADLINE = 10.0  # seconds
NEWEST: Mapping[str, Payload] = {
    "daemon": {"state": "online", "version": "1.0", "since": 1783328400},
    "ami": {"state": "up", "reason": None, "asterisk": "22.10.1"},
    "calls": {"live": 3, "by_service": {"housing": 2}, "by_language": {"cy": 1}},
    "trunks/trunk": {"reachable": True, "registered": None, "round_trip_ms": 1.5, "calls": 2},
    "queues/housing": {
        "waiting": 2,
        "longest_since": None,
        "by_language": {"cy": 1},
        "logged_in": 3,
        "free": 1,
        "talking": 1,
        "wrapping_up": 1,
        "paused": 0,
        "answered": 7,
        "abandoned": 1,
        "service_level": 87.5,
    },
    "services/housing": {"state": "open", "why": "timetable"},
    "recorders": {"running": 1},
    "payments": {"opened": 1, "refused": 0, "guarded": 0, "slowest_ms": 4.5},
    "register": {
        "bytes": 4096,
        "oldest": 1,
        "holds": 2,
        "cases_due": "2026-12-01",
        "messages": {"environmental": 2},
        "messages_dropped": 1,
        "expired": 5,
        "whole": False,
    },
    "disk/spool": {"free_bytes": 10, "used_percent": 50.0},
    "clock": {"synchronised": True, "error_ms": None},
    "alarms/disk": {"raised": 1783328400, "text": "full", "acknowledged": None},
}


@asynccontextmanager
async def listening(newest: Mapping[str, Payload] = NEWEST) -> AsyncIterator[Path]:
    path = Path("metrics")
    async with Metrics(lambda: newest).listening("127.0.0.1", None, path):
        yield path


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # paths of sockets are short


async def asked(path: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request)
    async with asyncio.timeout(DEADLINE):
        answer = await reader.read()
    writer.close()
    return answer


async def scraped(path: Path) -> dict[str, float]:
    """Each sample, by its name and labels as they are written."""
    head, _, body = (await asked(path, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_every_figure_of_every_topic_is_there_and_what_is_unknown_is_not() -> None:
    async with listening() as path:
        found = await scraped(path)
    assert found == {
        "ccdaemon_daemon_state is=online": 1,
        "ccdaemon_daemon_state is=draining": 0,
        "ccdaemon_daemon_state is=offline": 0,
        "ccdaemon_daemon_since": 1783328400,
        "ccdaemon_ami_state is=up": 1,
        "ccdaemon_ami_state is=down": 0,
        "ccdaemon_calls_live": 3,
        "ccdaemon_calls_by_service of=housing": 2,
        "ccdaemon_calls_by_language of=cy": 1,
        "ccdaemon_trunks_reachable name=trunk": 1,
        "ccdaemon_trunks_round_trip_ms name=trunk": 1.5,
        "ccdaemon_trunks_calls name=trunk": 2,
        "ccdaemon_queues_waiting name=housing": 2,
        "ccdaemon_queues_by_language name=housing of=cy": 1,
        "ccdaemon_queues_logged_in name=housing": 3,
        "ccdaemon_queues_free name=housing": 1,
        "ccdaemon_queues_talking name=housing": 1,
        "ccdaemon_queues_wrapping_up name=housing": 1,
        "ccdaemon_queues_paused name=housing": 0,
        "ccdaemon_queues_answered name=housing": 7,
        "ccdaemon_queues_abandoned name=housing": 1,
        "ccdaemon_queues_service_level name=housing": 87.5,
        "ccdaemon_services_state is=open name=housing": 1,
        "ccdaemon_services_state is=closed name=housing": 0,
        "ccdaemon_services_state is=bank-holiday name=housing": 0,
        "ccdaemon_services_state is=emergency name=housing": 0,
        "ccdaemon_services_why is=timetable name=housing": 1,
        "ccdaemon_services_why is=site file name=housing": 0,
        "ccdaemon_services_why is=command name=housing": 0,
        "ccdaemon_recorders_running": 1,
        "ccdaemon_payments_opened": 1,
        "ccdaemon_payments_refused": 0,
        "ccdaemon_payments_guarded": 0,
        "ccdaemon_payments_slowest_ms": 4.5,
        "ccdaemon_register_bytes": 4096,
        "ccdaemon_register_oldest": 1,
        "ccdaemon_register_holds": 2,
        "ccdaemon_register_messages of=environmental": 2,
        "ccdaemon_register_messages_dropped": 1,
        "ccdaemon_register_expired": 5,
        "ccdaemon_register_whole": 0,
        "ccdaemon_disk_free_bytes name=spool": 10,
        "ccdaemon_disk_used_percent name=spool": 50,
        "ccdaemon_clock_synchronised": 1,
        "ccdaemon_alarms_raised name=disk": 1783328400,
    }


async def test_alert_rules_name_metrics_that_exist() -> None:
    rules = files("ccdaemon").joinpath("alerts.yml").read_text()
    async with listening() as path:
        body = (await asked(path, b"GET /metrics HTTP/1.1\r\n\r\n")).decode()
    families = set(re.findall(r"^# TYPE (\w+)", body, re.MULTILINE))
    named = set(re.findall(r"\bccdaemon_\w+", rules))
    assert named <= families
    assert len(named) >= 12


async def test_a_port_serves_too() -> None:
    metrics, found = Metrics(lambda: NEWEST), 0
    async with metrics.listening("127.0.0.1", 0, None) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        async with asyncio.timeout(DEADLINE):
            found = len(await reader.read())
        writer.close()
    assert found > 1000


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\n\r\n", b"POST /metrics HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
async def test_whatever_else_is_asked_is_not_found(request_: bytes) -> None:
    async with listening() as path:
        assert (await asked(path, request_)).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("request_", [b"", b"GET /metrics", b"GET /" + b"x" * 100_000])
async def test_who_says_nothing_or_too_much_is_cut_off_and_others_are_served(
    monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.2)
    async with listening() as path:
        assert await asked(path, request_) == b""
        assert "ccdaemon_calls_live" in await scraped(path)


async def test_many_who_say_nothing_keep_nobody_out_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.2)
    async with listening() as path:
        idle = [await asyncio.open_unix_connection(path) for _ in range(50)]
        async with asyncio.timeout(DEADLINE):
            while b"200 OK" not in await asked(path, b"GET /metrics HTTP/1.1\r\n\r\n"):
                pass
        for _, writer in idle:
            writer.close()
