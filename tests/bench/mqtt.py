"""How soon monitoring sees a change, how often it is told, and how soon a broker that was away has everything.

Beside a bare aiomqtt client that publishes each change as it comes, at the same Mosquitto. Away is a broker that was
killed, and one to which the line fails for some time: nothing comes through, and nobody says so.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import aiomqtt

from ccdaemon.mqtt import Broker, Status
from tests.bench.ratios import ratio
from tests.lab.partition import BROKER, PAST, beyond, forward, router
from tests.lab.programs import Program
from tests.lab.site import ROOT

FOLDER = ROOT / ".run" / "bench-mqtt"
TOPICS, CHANGES = 60, 60  # a site's; changes of one, at random moments
BURST = 400  # changes of one topic in a second and a half
AIM_CHANGE, AIM_RATE, AIM_BACK = 0.250, 5.0, 2.0  # s at the 99th percentile; a second; s
HERE, PORT = "127.0.0.1", 18839
# Seconds for which the line fails, and whether something changes meanwhile. TCP says again what went unheard for 1.4 s,
# and then at 3 s; where nothing changes, nothing is sent, but the broker publishes the last will.
PARTITIONS = ((1.5, True), (2.5, True), (10.0, True), (25.0, False), (40.0, True))
SAMPLE = 0.005  # seconds between looks at the event loop's clock


async def main(rounds: int) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    broker = _broker(HERE)
    await broker.start()
    while not await _all_there(0, of=0):  # until it is up
        pass
    taken: dict[str, list[float]] = {"ours": [], "bare": []}
    try:
        async with _status() as status, aiomqtt.Client(HERE, PORT) as bare, _monitor() as heard:
            await _until(heard, f"topic/{TOPICS - 1}")

            def ours(number: int, status: Status = status) -> None:
                status.publish("topic/0", {"n": number})

            for number in range((rounds or 3) * CHANGES):
                await asyncio.sleep(random.uniform(0.01, 0.3))
                taken["ours"].append(await _seen(heard, "topic/0", ours, number))
                sending = asyncio.create_task(bare.publish("ccdaemon/bench/bare", json.dumps({"n": number}), qos=1))
                taken["bare"].append(await _seen(heard, "bare", lambda _: None, number))
                await sending
            rate = await _rate(status, heard)
        async with _status() as status:
            back = [await _back(status, broker) for _ in range(rounds or 3)]
    finally:
        await broker.stop()
    parted = await _partitions(rounds or 1)
    for name, each in taken.items():
        median, worst = 1000 * statistics.median(each), 1000 * _worst(each)
        print(f"{name}: a change is seen after {median:.1f} ms, 99th percentile {worst:.1f} ms")
    print(f"ours through bare: {ratio([statistics.median(taken['ours'])], [statistics.median(taken['bare'])])}")
    print(f"99th percentile through the limit of {AIM_CHANGE} s: {_worst(taken['ours']) / AIM_CHANGE:.2f}")
    print(f"messages a second of one topic that never rests: {rate:.2f}, limit {AIM_RATE}: {rate / AIM_RATE:.2f}")
    print(f"all {TOPICS} topics at a broker that is back: after {max(back):.2f} s at the most, limit {AIM_BACK}")
    for length, times in parted.items():
        print(f"the same after the line failed for {length:g} s: {max(times):.2f} s at the most, limit {AIM_BACK}")
    late = max(*back, *(max(times) for times in parted.values()))
    return 0 if _worst(taken["ours"]) <= AIM_CHANGE and rate <= AIM_RATE and late <= AIM_BACK else 1


def _worst(times: list[float]) -> float:
    return sorted(times)[int(0.99 * (len(times) - 1))]


def _broker(*hosts: str) -> Program:
    config = FOLDER / "mosquitto.conf"
    listeners = "".join(f"listener {PORT} {host}\n" for host in hosts)
    config.write_text(f"{listeners}allow_anonymous true\npersistence false\nuser root\n")
    command = ["mosquitto", "-c", str(config)]
    return Program("mosquitto", command if HERE in hosts else beyond(*command), FOLDER / "mosquitto.log")


@asynccontextmanager
async def _status(host: str = HERE) -> AsyncIterator[Status]:
    status = Status(Broker(host, PORT), "bench", {"state": "online"})
    status.publish("daemon", {"state": "online"})
    for number in range(TOPICS):
        status.publish(f"topic/{number}", {"n": -1})
    running = asyncio.create_task(status.run(lambda _: None))
    yield status
    while not running.done():  # before Python 3.12 aiomqtt may swallow a cancellation
        running.cancel()
        await asyncio.wait([running], timeout=0.5)


class _Heard:
    def __init__(self) -> None:
        self.newest: dict[str, dict[str, int]] = {}
        self.count = 0
        self.news = asyncio.Condition()


@asynccontextmanager
async def _monitor() -> AsyncIterator[_Heard]:
    heard = _Heard()

    async def listen() -> None:
        async with aiomqtt.Client(HERE, PORT) as client:
            await client.subscribe("ccdaemon/#", qos=1)
            async for message in client.messages:
                async with heard.news:
                    assert isinstance(message.payload, bytes)
                    heard.newest[message.topic.value.removeprefix("ccdaemon/bench/")] = json.loads(message.payload)
                    heard.count += 1
                    heard.news.notify_all()

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.3)
    yield heard
    listening.cancel()
    with suppress(asyncio.CancelledError, aiomqtt.MqttError):
        await listening


async def _until(heard: _Heard, topic: str, number: int | None = None) -> None:
    def so() -> bool:
        return topic in heard.newest and number in {None, heard.newest[topic]["n"]}

    async with asyncio.timeout(30), heard.news:
        await heard.news.wait_for(so)


async def _seen(heard: _Heard, topic: str, change: Callable[[int], None], number: int) -> float:
    began = time.perf_counter()
    change(number)
    await _until(heard, topic, number)
    return time.perf_counter() - began


async def _rate(status: Status, heard: _Heard) -> float:
    """Of a topic that changes every few milliseconds."""
    await asyncio.sleep(0.5)
    before, began = heard.count, time.perf_counter()
    for number in range(BURST):
        status.publish("topic/1", {"n": 1_000_000 + number})
        await asyncio.sleep(0.004)
    took = time.perf_counter() - began
    return (heard.count - before - 1) / took  # the first went out at once


async def _back(status: Status, broker: Program) -> float:
    """From the broker's return until somebody who comes then finds all topics right."""
    broker.kill(signal.SIGKILL)
    await broker.wait()
    await asyncio.sleep(random.uniform(3, 6))
    number = _change_all(status)
    await broker.start()
    return await _until_right(number)


def _change_all(status: Status) -> int:
    number = random.randrange(1 << 30)
    for topic in range(TOPICS):
        status.publish(f"topic/{topic}", {"n": number})
    return number


async def _until_right(number: int, host: str = HERE) -> float:
    began = time.perf_counter()
    while not await _all_there(number, host):
        pass
    return time.perf_counter() - began


async def _all_there(number: int, host: str = HERE, of: int = TOPICS) -> bool:
    """Does who comes now get every topic as it is, and a daemon that is there? A broker that is not up has none."""
    right = 0
    try:
        async with aiomqtt.Client(host, PORT) as client:
            await client.subscribe([("ccdaemon/#", 1), ("end", 1)])
            await client.publish("end", qos=1)
            async for message in client.messages:
                if message.topic.value == "end":
                    return right == of
                assert isinstance(message.payload, bytes)
                said = json.loads(message.payload)
                right += said.get("n") == number
                right -= said.get("state") == "offline"
    except aiomqtt.MqttError:
        await asyncio.sleep(0.01)
    return False


# --- a line that fails -----------------------------------------------------------------------------------------------


async def _partitions(rounds: int) -> dict[float, list[float]]:
    """For each length of time, from the line's return until all topics are right."""
    taken: dict[float, list[float]] = {length: [] for length, _ in PARTITIONS}
    there, away = _Loop(), _Loop()
    async with router():
        broker = _broker(BROKER, PAST)
        await broker.start()
        try:
            async with _status(BROKER) as status:
                for _ in range(rounds):
                    for length, changes in PARTITIONS:
                        number = _change_all(status)
                        await _until_right(number, PAST)
                        await there.look(random.uniform(2, 4))
                        await forward(on=False)
                        number = _change_all(status) if changes else number
                        await away.look(length)
                        await forward(on=True)
                        taken[length].append(await _until_right(number, PAST))
        finally:
            await broker.stop()
    print(f"the daemon's event loop with the broker: {there.said}; while nothing comes through: {away.said}")
    return taken


class _Loop:
    """How late the event loop is, and what the process costs meanwhile."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._spent, self._time = 0.0, 0.0

    async def look(self, seconds: float) -> None:
        before, began = time.process_time(), time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            await asyncio.sleep(SAMPLE)
            self._late.append(time.perf_counter() - now - SAMPLE)
        self._spent += time.process_time() - before
        self._time += seconds

    @property
    def said(self) -> str:
        late, worst = 1000 * _worst(self._late), 1000 * max(self._late)
        return (
            f"late by {late:.1f} ms at the 99th percentile, {worst:.1f} at the most, CPU {self._spent / self._time:.1%}"
        )
