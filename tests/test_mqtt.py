"""Status topics at a real Mosquitto: whatever happens to it or to the way there, in the end every topic is right."""

from __future__ import annotations

import asyncio
import itertools
import json
import posixpath
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from structlog.testing import capture_logs

from ccdaemon import mqtt as room
from ccdaemon.alarms import Alarms
from ccdaemon.config import tls_context
from ccdaemon.mqtt import Broker, BrokerUnusable, Status, try_out
from tests.certificates import certificate

DEADLINE = 15.0  # seconds; whatever a test waits for is there long before
AIM_BACK = 2.0  # until a broker that is back has everything
PORT, PROXY_PORT = 1883, 1884
DAEMON = {"state": "online", "version": "0.1.0"}
OFFLINE = {"state": "offline", "version": "0.1.0"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(room, "LONGEST_DELAY", 0.1)
    monkeypatch.setattr(room, "GATHER", 0.02)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut between a message and its acknowledgement is noticed when that does not come."""
    monkeypatch.setattr(room, "REPLY_DEADLINE", 0.5)


# --- the world around ------------------------------------------------------------------------------------------------


class Mosquitto:
    """A broker on an address of its own. It keeps nothing when it ends."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.host = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.1"
        lines = ["persistence false", "log_dest stdout", "user root", f"listener {PORT} {self.host}", *options]
        if not any(option.startswith("allow_anonymous") for option in options):
            lines.append("allow_anonymous true")
        self._config = folder / f"{self.host}.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *("mosquitto", "-c", str(self._config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            said = b""
            while not said.endswith(b"running\n"):
                line = await self._process.stdout.readline()
                assert line, f"mosquitto ended: {said.decode()}"
                said += line

    async def kill(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        async with asyncio.timeout(DEADLINE):
            await self._process.communicate()

    def as_broker(self, port: int = PORT) -> Broker:
        return Broker(self.host, port)


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    await broker.kill()


class Proxy:
    """The way to the broker, which can be cut."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._ours: list[asyncio.StreamWriter] = []
        self._brokers: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, self._host, PROXY_PORT)

    def cut(self) -> None:
        """Both ends learn that the connection is gone."""
        self.cut_our_end()
        for writer in self._brokers:
            writer.transport.abort()

    def cut_our_end(self) -> None:
        """The broker does not notice, as when a firewall forgets a connection."""
        for writer in self._ours:
            writer.transport.abort()

    def close(self) -> None:
        """No way any more."""
        self._server.close()
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ours.append(writer)
        broker_reader, broker_writer = await asyncio.open_connection(self._host, PORT)
        self._brokers.append(broker_writer)
        await asyncio.gather(self._pass_on(reader, broker_writer), self._pass_on(broker_reader, writer))

    @staticmethod
    async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)


@asynccontextmanager
async def a_proxy(mosquitto: Mosquitto) -> AsyncIterator[Proxy]:
    proxy = Proxy(mosquitto.host)
    await proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()


class Monitoring:
    """A network monitor: it subscribes to all topics, and knows the newest payload of each."""

    def __init__(self) -> None:
        self.topics: dict[str, Any] = {}
        self.heard: list[tuple[str, Any]] = []
        self._news = asyncio.Condition()

    async def listen(self, client: aiomqtt.Client) -> None:
        with suppress(aiomqtt.MqttError):  # the broker may end before we do
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                topic = message.topic.value
                payload = json.loads(message.payload) if message.payload else None
                async with self._news:
                    self.heard.append((topic, payload))
                    self.topics[topic] = payload
                    if payload is None:
                        del self.topics[topic]
                    self._news.notify_all()

    def states_of_the_daemon(self) -> list[str]:
        """One after the other; what was said again is there once."""
        said = [payload["state"] for topic, payload in self.heard if topic.endswith("/daemon")]
        return [state for state, _ in itertools.groupby(said)]

    async def until(self, topics: dict[str, Any]) -> None:
        """Wait until these are the topics, all of them."""
        wanted = {posixpath.normpath(f"ccdaemon/gwynedd/{topic}"): payload for topic, payload in topics.items()}
        try:
            async with asyncio.timeout(DEADLINE), self._news:
                await self._news.wait_for(lambda: self.topics == wanted)
        except TimeoutError:
            assert self.topics == wanted


@asynccontextmanager
async def monitoring(mosquitto: Mosquitto) -> AsyncIterator[Monitoring]:
    monitor = Monitoring()
    async with aiomqtt.Client(mosquitto.host) as client:
        await client.subscribe("ccdaemon/#", qos=1)
        listening = asyncio.create_task(monitor.listen(client))
        try:
            yield monitor
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def retained(mosquitto: Mosquitto) -> dict[str, Any]:
    """What somebody who comes now gets at once, and nothing of what comes later."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(DEADLINE), aiomqtt.Client(mosquitto.host) as client:
        await client.subscribe([("ccdaemon/#", 1), ("end", 1)])
        await client.publish("end", qos=1)
        async for message in client.messages:
            if message.topic.value == "end":
                return found
            assert message.retain
            assert isinstance(message.payload, bytes)
            found[message.topic.value.removeprefix("ccdaemon/gwynedd/")] = json.loads(message.payload)
    raise AssertionError


class Linked:
    """What `run` says of the connection: a fault, or None when it is up."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[str | None] = asyncio.Queue()

    def __call__(self, fault: str | None) -> None:
        self._said.put_nowait(fault)

    async def until(self, *, up: bool) -> str | None:
        async with asyncio.timeout(DEADLINE):
            while ((fault := await self._said.get()) is None) != up:
                pass
            return fault


@asynccontextmanager
async def running(status: Status) -> AsyncIterator[Linked]:
    linked = Linked()
    task = asyncio.create_task(status.run(linked))
    try:
        yield linked
    finally:
        while not task.done():  # as the daemon does: before Python 3.12 aiomqtt may swallow a cancellation
            task.cancel()
            await asyncio.wait([task], timeout=1)
        assert task.cancelled(), task.exception()


def a_status(broker: Broker | None) -> Status:
    status = Status(broker, "gwynedd", DAEMON)
    status.publish("daemon", DAEMON)
    return status


# --- topics ----------------------------------------------------------------------------------------------------------


async def test_whoever_comes_later_finds_every_topic(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker())
    topics: dict[str, dict[str, Any]] = {
        "daemon": DAEMON,
        "calls": {"live": 2},
        "queues/tai": {"name": "Tai a Thŷ", "waiting": None},
    }
    async with monitoring(mosquitto) as monitor, running(status):
        for topic, payload in topics.items():
            status.publish(topic, payload)
        await monitor.until(topics)
    assert await retained(mosquitto) == topics


async def test_every_change_reaches_those_who_listen(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker())
    async with monitoring(mosquitto) as monitor, running(status):
        for number in range(5):
            status.publish("calls", {"live": number})
            await monitor.until({"daemon": DAEMON, "calls": {"live": number}})


async def test_of_many_changes_the_newest_wins_and_few_are_sent(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker())
    async with monitoring(mosquitto) as monitor, running(status) as linked:
        await linked.until(up=True)
        for number in range(10_000):
            status.publish("calls", {"live": number})
        await monitor.until({"daemon": DAEMON, "calls": {"live": 9999}})
    assert await retained(mosquitto) == {"daemon": DAEMON, "calls": {"live": 9999}}
    assert len(monitor.heard) == 2


async def test_a_change_while_the_last_one_is_on_its_way_is_not_lost(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker())
    async with monitoring(mosquitto) as monitor, running(status) as linked:
        await linked.until(up=True)
        for number in range(300):
            status.publish("calls", {"live": number})
            await asyncio.sleep(0)  # the loop turns, and a message may be anywhere
        await monitor.until({"daemon": DAEMON, "calls": {"live": 299}})


async def test_a_state_that_has_not_changed_is_not_sent_again(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker())
    async with monitoring(mosquitto) as monitor, running(status):
        await monitor.until({"daemon": DAEMON})
        status.publish("daemon", DAEMON)
        status.publish("calls", {"live": 1})
        await monitor.until({"daemon": DAEMON, "calls": {"live": 1}})
        status.publish("calls", {"live": 1})
        status.publish("queues/tai", {"waiting": 0})
        await monitor.until({"daemon": DAEMON, "calls": {"live": 1}, "queues/tai": {"waiting": 0}})
    assert len(monitor.heard) == 3


async def test_a_cleared_topic_vanishes_and_may_come_again(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker())
    both = {"daemon": DAEMON, "alarms/register": {"text": "full"}}
    async with monitoring(mosquitto) as monitor, running(status):
        status.publish("alarms/register", {"text": "full"})
        await monitor.until(both)
        status.publish("alarms/register", None)
        await monitor.until({"daemon": DAEMON})
        assert await retained(mosquitto) == {"daemon": DAEMON}
        status.publish("alarms/register", {"text": "full"})
        await monitor.until(both)


# --- the last will ---------------------------------------------------------------------------------------------------


async def test_when_the_connection_is_killed_the_broker_says_that_we_are_offline(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "FIRST_DELAY", 3600.0)  # nor do we come back
    status = a_status(mosquitto.as_broker(PROXY_PORT))
    async with monitoring(mosquitto) as monitor, a_proxy(mosquitto) as proxy, running(status):
        await monitor.until({"daemon": DAEMON})
        proxy.cut()
        await monitor.until({"daemon": OFFLINE})
    assert await retained(mosquitto) == {"daemon": OFFLINE}


@pytest.mark.usefixtures("impatient")
async def test_a_killed_connection_is_made_again_and_its_last_will_taken_back(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker(PROXY_PORT))
    status.publish("calls", {"live": 1})
    everything = {"daemon": DAEMON, "calls": {"live": 1}}
    async with monitoring(mosquitto) as monitor, a_proxy(mosquitto) as proxy, running(status) as linked:
        for _ in range(3):
            await linked.until(up=True)
            await monitor.until(everything)
            proxy.cut()
            await linked.until(up=False)
        await linked.until(up=True)
        await monitor.until(everything)
    assert monitor.states_of_the_daemon() == ["online", "offline"] * 3 + ["online"]


async def test_the_last_will_of_a_connection_that_only_the_broker_has_still_comes_before_the_new_one(
    mosquitto: Mosquitto,
) -> None:
    status = a_status(mosquitto.as_broker(PROXY_PORT))
    async with monitoring(mosquitto) as monitor, a_proxy(mosquitto) as proxy, running(status) as linked:
        await linked.until(up=True)
        await monitor.until({"daemon": DAEMON})
        proxy.cut_our_end()
        await linked.until(up=True)
        status.publish("calls", {"live": 1})
        await monitor.until({"daemon": DAEMON, "calls": {"live": 1}})
    assert monitor.states_of_the_daemon() == ["online", "offline", "online"]


async def test_an_orderly_end_is_no_case_for_the_last_will(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker())
    async with monitoring(mosquitto) as monitor:
        async with running(status):
            await monitor.until({"daemon": DAEMON})
        await status.say_last({"state": "ended"}, DEADLINE)
        await monitor.until({"daemon": {"state": "ended"}})
    assert await retained(mosquitto) == {"daemon": {"state": "ended"}}
    assert monitor.heard == [("ccdaemon/gwynedd/daemon", DAEMON), ("ccdaemon/gwynedd/daemon", {"state": "ended"})]


# --- a broker that is away -------------------------------------------------------------------------------------------


async def test_a_broker_that_comes_late_gets_every_topic(tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path)
    status = a_status(mosquitto.as_broker())
    async with running(status) as linked:
        assert await linked.until(up=False)
        status.publish("calls", {"live": 1})
        await mosquitto.start()
        await linked.until(up=True)
        async with monitoring(mosquitto) as monitor:
            await monitor.until({"daemon": DAEMON, "calls": {"live": 1}})
    await mosquitto.kill()


async def test_a_broker_that_forgot_everything_gets_every_topic_again_though_nothing_changed(
    mosquitto: Mosquitto,
) -> None:
    status = a_status(mosquitto.as_broker())
    topics = {"daemon": DAEMON} | {f"queues/{number}": {"waiting": number} for number in range(20)}
    for topic, payload in topics.items():
        status.publish(topic, payload)
    async with running(status) as linked:
        await linked.until(up=True)
        async with monitoring(mosquitto) as monitor:
            await monitor.until(topics)
        for _ in range(2):
            await mosquitto.kill()
            await linked.until(up=False)
            await mosquitto.start()
            await linked.until(up=True)
            async with monitoring(mosquitto) as monitor:
                await monitor.until(topics)


async def test_what_changed_while_there_was_no_way_to_the_broker_is_right_afterwards(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker(PROXY_PORT))
    status.publish("calls", {"live": 1})
    status.publish("alarms/register", {"text": "full"})
    async with monitoring(mosquitto) as monitor, a_proxy(mosquitto) as proxy, running(status) as linked:
        await linked.until(up=True)
        await monitor.until({"daemon": DAEMON, "calls": {"live": 1}, "alarms/register": {"text": "full"}})
        proxy.close()
        await linked.until(up=False)
        for number in range(2, 50):
            status.publish("calls", {"live": number})
        status.publish("alarms/register", None)
        status.publish("recorders", {"running": 3})
        await proxy.open()
        await linked.until(up=True)
        await monitor.until({"daemon": DAEMON, "calls": {"live": 49}, "recorders": {"running": 3}})
    assert await retained(mosquitto) == {"daemon": DAEMON, "calls": {"live": 49}, "recorders": {"running": 3}}


@pytest.mark.usefixtures("impatient")
async def test_changes_at_any_moment_of_many_cuts_are_right_in_the_end(mosquitto: Mosquitto) -> None:
    status = a_status(mosquitto.as_broker(PROXY_PORT))
    async with monitoring(mosquitto) as monitor, a_proxy(mosquitto) as proxy, running(status) as linked:
        await linked.until(up=True)
        for number in range(200):
            status.publish(f"queues/{number % 7}", {"waiting": number} if number % 3 else None)
            await asyncio.sleep(0)
            if number % 40 == 39:
                proxy.cut()
                await linked.until(up=True)
        final = {number % 7: {"waiting": number} if number % 3 else None for number in range(200)}
        left = {f"queues/{queue}": payload for queue, payload in final.items() if payload is not None}
        await monitor.until({"daemon": DAEMON, **left})
    assert await retained(mosquitto) == {"daemon": DAEMON, **left}


async def test_a_broker_that_does_not_answer_is_one_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "REPLY_DEADLINE", 0.1)
    host = Mosquitto(tmp_path).host
    connections: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: connections.append(writer), host, PORT)
    async with running(a_status(Broker(host, PORT))) as linked:
        assert await linked.until(up=False)
        assert connections
    silent.close()
    for writer in connections:
        writer.transport.abort()


async def test_a_way_that_swallows_what_is_said_is_tried_again_every_second_or_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TCP alone says it again after 1, 3 and 7 s: by then a line may have been back for long."""
    monkeypatch.undo()  # as the daemon has it
    mosquitto = Mosquitto(tmp_path)
    with socket.socket() as full:  # who takes no more connections does not answer to new ones
        full.bind((mosquitto.host, PORT))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex((mosquitto.host, PORT))
        async with running(a_status(mosquitto.as_broker())) as linked:
            for _ in range(4):
                assert await linked.until(up=False) == "timed out"
            for each in (full, *waiting):
                each.close()
            await mosquitto.start()
            began = asyncio.get_running_loop().time()
            await linked.until(up=True)
            assert asyncio.get_running_loop().time() - began < AIM_BACK
    await mosquitto.kill()


async def test_a_broker_that_does_not_want_us_says_so_and_no_password_gets_into_the_log(tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path, "allow_anonymous false")
    await mosquitto.start()
    broker = Broker(mosquitto.host, PORT, "ccdaemon", "a password")
    with capture_logs() as logs:
        async with running(a_status(broker)) as linked:
            fault = await linked.until(up=False)
    await mosquitto.kill()
    assert fault is not None
    assert "not authori" in fault.lower()
    assert {entry["log_level"] for entry in logs} == {"warning"}
    assert "a password" not in str(logs) + repr(broker)


async def test_no_broker_is_no_fault() -> None:
    status = a_status(None)
    with capture_logs() as logs:
        async with running(status):
            status.publish("calls", {"live": 1})
            await asyncio.sleep(0)  # it has begun
        await status.say_last({"state": "offline"}, DEADLINE)
    assert logs == []


@pytest.mark.parametrize("away", ["refused", "silent"])
async def test_a_last_word_that_nobody_takes_does_not_hold_up_the_end(tmp_path: Path, away: str) -> None:
    host = Mosquitto(tmp_path).host
    connections: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: connections.append(writer), host, PORT)
    if away == "refused":
        silent.close()
    with capture_logs() as logs:
        async with asyncio.timeout(DEADLINE):
            await Status(Broker(host, PORT), "gwynedd", DAEMON).say_last({"state": "offline"}, 0.2)
    assert [entry["log_level"] for entry in logs] == ["warning"]
    silent.close()
    for writer in connections:
        writer.transport.abort()


async def test_a_broker_on_trial_is_left_as_it_was(mosquitto: Mosquitto) -> None:
    await try_out(mosquitto.as_broker(), "example")
    async with aiomqtt.Client(mosquitto.host, PORT) as client:
        await client.subscribe("#")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(aiter(client.messages))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ((), None),
        (
            ("acl_file {folder}/acl",),
            "let us in, and does not give us back what is published at ccdaemon/example/doctor",
        ),
        (("allow_anonymous false",), "cannot be reached"),
    ],
)
async def test_a_broker_that_throws_away_what_we_publish_is_told_from_one_that_keeps_it(
    tmp_path: Path, options: tuple[str, ...], fault: str | None
) -> None:
    (tmp_path / "acl").write_text("topic read #\n")
    (tmp_path / "acl").chmod(0o700)
    broker = Mosquitto(tmp_path, *(each.format(folder=tmp_path) for each in options))
    await broker.start()
    try:
        if fault is None:
            await try_out(broker.as_broker(), "example")
        else:
            with pytest.raises(BrokerUnusable, match=fault):
                await try_out(broker.as_broker(), "example")
    finally:
        await broker.kill()
    with pytest.raises(BrokerUnusable, match="cannot be reached"):
        await try_out(broker.as_broker(), "example")


async def test_what_an_older_daemon_left_at_the_broker_is_cleared(mosquitto: Mosquitto) -> None:
    async with aiomqtt.Client(mosquitto.host) as older:
        for topic in ("gwynedd/queues/gone", "gwynedd/alarms/archive", "powys/queues/housing"):
            await older.publish(f"ccdaemon/{topic}", b'{"waiting":3}', qos=1, retain=True)
    status = a_status(mosquitto.as_broker())
    async with monitoring(mosquitto) as monitor, running(status):
        await monitor.until({"daemon": DAEMON, "../powys/queues/housing": {"waiting": 3}})


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho's, which it leaves to Python
@pytest.mark.parametrize("trusted", [True, False])
async def test_over_tls_only_a_broker_that_somebody_vouches_for_hears_us(tmp_path: Path, *, trusted: bool) -> None:
    mosquitto = Mosquitto(tmp_path)
    own, other = certificate(tmp_path / "own", mosquitto.host), certificate(tmp_path / "other", mosquitto.host)
    config = tmp_path / f"{mosquitto.host}.conf"
    config.write_text(f"{config.read_text()}listener 8883 {mosquitto.host}\ncertfile {own.file}\nkeyfile {own.key}\n")
    await mosquitto.start()
    status = a_status(Broker(mosquitto.host, 8883, tls=tls_context(own.file if trusted else other.file)))
    async with monitoring(mosquitto) as monitor, running(status) as linked:
        fault = await linked.until(up=trusted)
        if trusted:
            await monitor.until({"daemon": DAEMON})
        else:
            assert fault is not None
            assert "certificate" in fault
            assert monitor.heard == []
    await mosquitto.kill()


# --- alarms ----------------------------------------------------------------------------------------------------------

Said = list[tuple[str, Any]]


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def alarms(said: Said) -> Alarms:
    return Alarms(lambda topic, payload: said.append((topic, payload and payload["text"])))


def test_an_alarm_is_published_and_logged_once_however_often_it_is_raised(alarms: Alarms, said: Said) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            alarms.raise_("register", "the disk is full")
    assert said == [("alarms/register", "the disk is full")]
    assert [(entry["log_level"], entry["alarm"]) for entry in logs] == [("error", "register")]
    assert alarms.standing == {"register": "the disk is full"}


def test_an_alarm_that_is_over_is_cleared_and_may_come_again(alarms: Alarms, said: Said) -> None:
    alarms.raise_("register", "the disk is full")
    alarms.clear("register")
    assert alarms.standing == {}
    alarms.raise_("register", "the disk is full again")
    assert said == [
        ("alarms/register", "the disk is full"),
        ("alarms/register", None),
        ("alarms/register", "the disk is full again"),
    ]


def test_an_alarm_that_changes_its_words_is_shown_with_them_and_logged_no_more(alarms: Alarms, said: Said) -> None:
    alarms.raise_("register", "the disk is full")
    with capture_logs() as logs:
        alarms.raise_("register", "the disk is full, 2 calls wait")
    assert (said[-1], logs) == (("alarms/register", "the disk is full, 2 calls wait"), [])


def test_an_alarm_that_somebody_is_at_says_so_until_it_is_over() -> None:
    shown: dict[str, Any] = {}
    alarms = Alarms(shown.__setitem__)
    assert not alarms.acknowledge("disk")
    alarms.raise_("disk", "2 disks are full")
    assert shown["alarms/disk"]["acknowledged"] is None
    assert alarms.acknowledge("disk")
    seen = shown["alarms/disk"]["acknowledged"]
    assert seen >= shown["alarms/disk"]["raised"]
    alarms.raise_("disk", "3 disks are full")
    assert (shown["alarms/disk"]["text"], shown["alarms/disk"]["acknowledged"]) == ("3 disks are full", seen)
    with capture_logs() as logs:
        alarms.raise_("disk", "a disk cannot be read")
    assert shown["alarms/disk"]["acknowledged"] is None  # that is something else
    assert [entry["event"] for entry in logs] == ["a disk cannot be read"]
    alarms.clear("disk")
    alarms.raise_("disk", "full")
    assert shown["alarms/disk"]["acknowledged"] is None


def test_alarms_stand_side_by_side(alarms: Alarms) -> None:
    alarms.raise_("register", "the disk is full")
    alarms.raise_("asterisk", "no link")
    alarms.clear("register")
    assert alarms.standing == {"asterisk": "no link"}


async def test_an_alarm_that_a_killed_daemon_left_at_the_broker_goes_when_it_is_found_to_be_over(
    mosquitto: Mosquitto,
) -> None:
    killed, status = a_status(mosquitto.as_broker()), a_status(mosquitto.as_broker())
    async with monitoring(mosquitto) as monitor:
        Alarms(killed.publish).raise_("asterisk", "no link")
        async with running(killed) as linked:
            await linked.until(up=True)
            while len(monitor.topics) < 2:
                await asyncio.sleep(0)
        assert set(await retained(mosquitto)) == {"daemon", "alarms/asterisk"}
        alarms = Alarms(status.publish)
        with capture_logs() as logs:
            alarms.clear("asterisk")
            alarms.clear("asterisk")
        assert logs == []  # nothing is over for this daemon
        async with running(status):
            await monitor.until({"daemon": DAEMON})
