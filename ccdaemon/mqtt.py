"""Status topics on an MQTT broker: retained, QoS 1, the newest state of each, a last will on `.../daemon`.

What is published is kept as one value for each topic. A broker that is away costs nothing but its memory of the newest
state; when it is back it gets all topics anew. Source: MQTT 3.1.1; the documentation of aiomqtt.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import aiomqtt
import structlog

from ccdaemon.topics import Payload

GATHER = 0.2  # seconds; changes within it go out as one: at most five a second of each topic
# Seconds for an attempt to connect, and from one to the next: who is back gets all within two. A short one, because
# what goes unheard is said again by TCP after 1, 3 and 7 s, and a line may be back in between.
CONNECT_DEADLINE, FIRST_DELAY, LONGEST_DELAY = 1.0, 0.25, 0.5
REFUSED_DELAY = 30.0  # seconds after a refusal, of a password for instance
KEEPALIVE = 15  # seconds; after half as much again the broker publishes the last will
REPLY_DEADLINE = 3.0  # seconds
# Of the broker's answers to CONNECT: our version, name, password, right. That it cannot now (136) is none of these.
REFUSALS = frozenset({132, 133, 134, 135})
SWEEP = 2.0  # seconds in which the broker tells what it has retained
MAX_UNACKNOWLEDGED = 200  # messages under way
# A connection on which nothing comes through for two seconds is given up, however little there is to say: TCP would
# wait for about as long again as the line was away. It is a kernel that answers: a busy broker is not meant.
GIVEN_UP = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2000),  # milliseconds; tcp(7)
)
GONE = "the broker has closed the connection, or does not answer any more"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are there."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


class _Client(aiomqtt.Client):
    """One that waits no longer than we do for a connection and for an answer, and notices when the line fails."""

    def __init__(self, broker: Broker, identifier: str, will: aiomqtt.Will | None = None) -> None:
        super().__init__(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            tls_context=broker.tls,
            identifier=identifier,
            keepalive=KEEPALIVE,
            timeout=REPLY_DEADLINE,
            max_queued_outgoing_messages=MAX_UNACKNOWLEDGED,
            will=will,
            socket_options=GIVEN_UP,
        )
        self._client.connect_timeout = CONNECT_DEADLINE  # which aiomqtt leaves at five seconds

    async def __aexit__(self, *fault: Any) -> None:  # noqa: ANN401, PYI036 - as what it passes them on to has it
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # else asyncio may complain of one that nobody has looked at
        await super().__aexit__(*fault)

    async def connected(self, doing: Coroutine[Any, Any, object]) -> None:
        """Do this while there is a connection: aiomqtt waits for an answer even when nothing can come any more."""
        task = asyncio.create_task(doing, name="asking the broker")
        try:
            await asyncio.wait((task, self._disconnected), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise aiomqtt.MqttError(GONE)
            await task
        finally:
            task.cancel()


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Status:
    """The newest state of every topic below `ccdaemon/SITE/`."""

    def __init__(self, broker: Broker | None, site: str, daemon: Mapping[str, object]) -> None:
        self._broker = broker
        self._site = site
        self._prefix = f"ccdaemon/{site}"
        self._offline = {**daemon, "state": "offline"}
        self._topics: dict[str, Payload | None] = {}
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()
        self._refresh: Callable[[], None] = lambda: None

    def publish(self, topic: str, payload: Payload | None) -> None:
        """Set the state of a topic; None clears it. Never waits."""
        if topic not in self._topics or self._topics[topic] != payload:
            self._topics[topic] = payload
            self._changed[topic] = None
            self._news.set()

    def wake(self) -> None:
        """Something may have changed of what `refresh` makes."""
        self._news.set()

    def refresh_by(self, refresh: Callable[[], None]) -> None:
        """What publishes whatever is made only when somebody looks at it."""
        self._refresh = refresh

    def newest(self) -> dict[str, Payload]:
        """Every topic as it is now."""
        self._refresh()
        return {topic: payload for topic, payload in sorted(self._topics.items()) if payload is not None}

    async def run(self, linked: Callable[[str | None], None]) -> NoReturn:
        """Keep the broker up to date for ever. `linked` hears of each fault, and None of each connection."""
        loop, delay = asyncio.get_running_loop(), FIRST_DELAY
        while True:
            if self._broker is None:
                await asyncio.Event().wait()
            began = loop.time()
            try:
                async with self._client() as client:
                    linked(None)
                    delay = FIRST_DELAY
                    self._changed = dict.fromkeys(self._topics)
                    self._news.set()
                    await self._send(client)
            except aiomqtt.MqttError as fault:
                if _cancelled():  # aiomqtt's way out, cancelled, may end in a time-out of its own
                    raise asyncio.CancelledError from fault
                linked(str(fault))
                if delay == FIRST_DELAY:
                    log.warning(
                        "no MQTT broker: monitoring sees nothing new, calls are not concerned", reason=str(fault)
                    )
                if isinstance(fault, aiomqtt.MqttCodeError) and getattr(fault.rc, "value", fault.rc) in REFUSALS:
                    delay = REFUSED_DELAY
            waits = max(FIRST_DELAY, delay - (loop.time() - began))  # an attempt that nobody answers was wait enough
            await asyncio.sleep(waits * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing
            delay = min(delay * 2, LONGEST_DELAY)

    async def say_last(self, payload: Mapping[str, object], within: float) -> None:
        """Publish the daemon's own state on a connection of its own: `run` may be gone already."""
        if self._broker is None:
            return
        try:
            async with asyncio.timeout(within), self._client() as client:
                await client.publish(f"{self._prefix}/daemon", json.dumps(payload), qos=1, retain=True)
        except (aiomqtt.MqttError, TimeoutError) as fault:
            log.warning("the broker did not hear that we end; it publishes the last will", reason=str(fault))

    def _client(self) -> _Client:
        assert self._broker is not None
        return _Client(
            self._broker,
            f"ccdaemon-{self._site}",  # so that the broker ends an older connection first, its will included
            aiomqtt.Will(f"{self._prefix}/daemon", json.dumps(self._offline), qos=1, retain=True),
        )

    async def _send(self, client: _Client) -> None:
        """Publish what changes, until the broker has gone."""
        gone = asyncio.create_task(self._listen(client), name="broker gone")
        gone.add_done_callback(lambda _: self._news.set())
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                if gone.done():
                    raise aiomqtt.MqttError(GONE)
                self._refresh()
                await self._send_changes(client)
                await asyncio.sleep(GATHER)
        finally:
            gone.cancel()

    async def _listen(self, client: _Client) -> None:
        """Clear what an older daemon left at the broker, queues and alarms that are no more; then wait for the end."""
        ours = f"{self._prefix}/#"
        with contextlib.suppress(aiomqtt.MqttError):
            await client.connected(client.subscribe(ours, qos=1))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP):
                    async for message in client.messages:
                        topic = message.topic.value.removeprefix(f"{self._prefix}/")
                        if message.retain and topic not in self._topics:
                            self.publish(topic, None)
            await client.connected(client.unsubscribe(ours))  # else we would hear ourselves
            async for _ in client.messages:
                pass

    async def _send_changes(self, client: _Client) -> None:
        changed, self._changed = self._changed, {}
        try:
            for topic in [*changed]:
                payload = self._topics[topic]
                text = None if payload is None else json.dumps(payload, separators=(",", ":"))
                await client.connected(client.publish(f"{self._prefix}/{topic}", text, qos=1, retain=True))
                del changed[topic]
        finally:
            self._changed = changed | self._changed


class BrokerUnusable(Exception):
    """The broker is not there, does not let us in, or does not keep what we publish; the text says which."""


async def try_out(broker: Broker, site: str) -> None:
    """Publish below the site's prefix, read it again, and clear it, as who the daemon is. Raises `BrokerUnusable`.

    Read again, because a broker need not say that it has thrown away what somebody may not publish (MQTT 3.1.1, 3.3.5).
    """
    topic, said = f"ccdaemon/{site}/doctor", secrets.token_hex(8)
    client = _Client(broker, f"ccdaemon-{site}-doctor-{said}")
    doing = "cannot be reached"
    try:
        async with asyncio.timeout(3 * REPLY_DEADLINE), client:
            doing = f"let us in, and does not give us back what is published at {topic}"
            await client.subscribe(topic, qos=1)
            await client.publish(topic, json.dumps(said), qos=1, retain=True)
            try:
                async for message in client.messages:
                    if message.payload == json.dumps(said).encode():
                        break
            finally:
                await client.publish(topic, None, qos=1, retain=True)
    except (aiomqtt.MqttError, TimeoutError) as fault:
        raise BrokerUnusable(f"{doing}: {fault}" if str(fault) else doing) from None
