"""Metrics for Prometheus: each status topic in figures, on a loopback port or at a Unix socket.

A topic's key becomes `ccdaemon_TOPIC_KEY`, with the label `name` where there is a topic for each thing of a kind. A
word of a few becomes a figure for each of them, 1 for the one that is so. What is unknown is left out.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ccdaemon.topics import TOPICS, Payload

MAX_REQUEST = 8192  # bytes; a scraper's is a few hundred
DEADLINE = 5.0  # seconds
MOST = 8  # scrapers at a time
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Newest = Callable[[], Mapping[str, Payload]]


class Topics(Collector):
    """Reads the topics when it is asked."""

    def __init__(self, newest: Newest) -> None:
        self._newest = newest

    def collect(self) -> Iterator[GaugeMetricFamily]:
        newest = self._newest()
        for topic in TOPICS:
            kind, _, named = topic.pattern.partition("/")
            there = {
                name.removeprefix(f"{kind}/") if named else "": payload
                for name, payload in newest.items()
                if name == topic.pattern or (named and name.startswith(f"{kind}/"))
            }
            for key, hint in get_type_hints(topic.payload, include_extras=True).items():
                family = _family(f"ccdaemon_{kind}_{key}", topic.says, hint, named=bool(named))
                if family is not None:
                    for name, payload in there.items():
                        family.add(name, payload[key])
                    yield family.metric


@dataclass
class _Family:
    metric: GaugeMetricFamily
    words: tuple[str, ...]
    named: bool

    def add(self, name: str, value: object) -> None:
        labels = [name] if self.named else []
        if self.words:
            for word in self.words:
                self.metric.add_metric([*labels, word], float(word == value))
        elif isinstance(value, Mapping):
            for of, count in value.items():
                self.metric.add_metric([*labels, of], count)
        elif isinstance(value, int | float):  # true and false too
            self.metric.add_metric(labels, value)


def _family(metric: str, says: str, hint: Any, *, named: bool) -> _Family | None:  # noqa: ANN401 - any type's hint
    """None for what is no figure: texts, hashes, versions."""
    kind, help_ = hint, says
    if get_origin(kind) is Annotated:
        kind, *notes = get_args(kind)
        told = [each.description for each in notes if getattr(each, "description", None)]
        help_ = ": ".join([says, *told])
    options = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    words = get_args(kind) if get_origin(kind) is Literal else ()
    labels = ["name"] if named else []
    if words or any(get_origin(each) is dict for each in options):
        labels.append("is" if words else "of")
    elif not {bool, int, float} & {*options}:
        return None
    return _Family(GaugeMetricFamily(metric, help_, labels=labels), words, named)


class Metrics:
    """The server. Everything else than GET /metrics is not found."""

    def __init__(self, newest: Newest) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(Topics(newest))
        self._places = asyncio.Semaphore(MOST)
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def listening(self, host: str, port: int | None, socket: Path | None) -> AsyncIterator[int]:
        """At a socket, or else at a port, which it tells. Raises `OSError` for one that is taken."""
        if socket is None:
            server = await asyncio.start_server(self._serve, host, port, limit=MAX_REQUEST)
            port = server.sockets[0].getsockname()[1]
        else:
            if await asyncio.to_thread(socket.is_socket):  # of one who was killed; whatever else it is stays
                await asyncio.to_thread(socket.unlink)
            server = await asyncio.start_unix_server(self._serve, socket, limit=MAX_REQUEST)
            await asyncio.to_thread(socket.chmod, 0o660)
        try:
            yield port or 0
        finally:
            server.close()
            for writer in self._open:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(DEADLINE), self._places:
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(request))
                await writer.drain()
        self._open.discard(writer)
        writer.close()

    def _answer(self, request: bytes) -> bytes:
        if request.split(b" ", 2)[:2] != [b"GET", b"/metrics"]:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        body = generate_latest(self._registry)
        heads = (f"Content-Type: {CONTENT_TYPE}", f"Content-Length: {len(body)}", "Connection: close")
        return "\r\n".join(["HTTP/1.1 200 OK", *heads, "", ""]).encode() + body
