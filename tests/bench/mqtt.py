"""How soon monitoring sees a change, how often it is told, and how soon a broker that was away has everything.

Beside a bare aiomqtt client that publishes each change as it comes, at the same Mosquitto.
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
from pathlib import Path

import aiomqtt

from ccdaemon.mqtt import Broker, Status
from tests.bench.ratios import ratio
from tests.lab.programs import Program
from tests.lab.site import ROOT

FOLDER = ROOT / ".run" / "bench-mqtt"
TOPICS, CHANGES = 60, 60  # a site's; changes of one, at random moments
BURST = 400  # changes of one topic in a second and a half
AIM_CHANGE, AIM_RATE, AIM_BACK = 0.250, 5.0, 2.0  # s at the 99th percentile; a second; s
PORT = 18839


async def main(rounds: int) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    broker = _broker()
    await broker.start()
    while not await _all_there(0, of=0):  # until it is up
        pass
    taken: dict[str, list[float]] = {"ours": [], "bare": []}
    try:
        async with _status() as status, aiomqtt.Client("127.0.0.1", PORT) as bare, _monitor() as heard:
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
    for name, each in taken.items():
        median, worst = 1000 * statistics.median(each), 1000 * _worst(each)
        print(f"{name}: a change is seen after {median:.1f} ms, 99th percentile {worst:.1f} ms")
    print(f"ours through bare: {ratio([statistics.median(taken['ours'])], [statistics.median(taken['bare'])])}")
    print(f"99th percentile through the limit of {AIM_CHANGE} s: {_worst(taken['ours']) / AIM_CHANGE:.2f}")
    print(f"messages a second of one topic that never rests: {rate:.2f}, limit {AIM_RATE}: {rate / AIM_RATE:.2f}")
    print(f"all {TOPICS} topics at a broker that is back: after {max(back):.2f} s at the most, limit {AIM_BACK}")
    return 0 if _worst(taken["ours"]) <= AIM_CHANGE and rate <= AIM_RATE and max(back) <= AIM_BACK else 1


def _worst(times: list[float]) -> float:
    return sorted(times)[int(0.99 * (len(times) - 1))]


def _broker() -> Program:
    config = FOLDER / "mosquitto.conf"
    config.write_text(f"listener {PORT} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n")
    return Program("mosquitto", ["mosquitto", "-c", str(config)], Path(FOLDER / "mosquitto.log"))


@asynccontextmanager
async def _status() -> AsyncIterator[Status]:
    status = Status(Broker("127.0.0.1", PORT), "bench", {"state": "online"})
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
        async with aiomqtt.Client("127.0.0.1", PORT) as client:
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
    number = random.randrange(1 << 30)
    for topic in range(TOPICS):
        status.publish(f"topic/{topic}", {"n": number})
    await broker.start()
    began = time.perf_counter()
    while True:
        if await _all_there(number):
            return time.perf_counter() - began


async def _all_there(number: int, of: int = TOPICS) -> bool:
    """Does who comes now get every topic as it is? A broker that is not up has none."""
    right = 0
    try:
        async with aiomqtt.Client("127.0.0.1", PORT) as client:
            await client.subscribe([("ccdaemon/#", 1), ("end", 1)])
            await client.publish("end", qos=1)
            async for message in client.messages:
                if message.topic.value == "end":
                    return right == of
                assert isinstance(message.payload, bytes)
                right += json.loads(message.payload).get("n") == number
    except aiomqtt.MqttError:
        await asyncio.sleep(0.01)
    return False
