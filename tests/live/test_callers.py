"""What single callers meet: Welsh in queues, nobody there, odd numbers, missing sounds, a changed configuration."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import pytest_asyncio

from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import Phone
from tests.lab.scripts import lets_it_ring, presses, talks
from tests.lab.site import queues
from tests.live.conftest import RUN

HOUSING, CARELINE, ICT, COMPLAINTS = "01632960111", "01632960107", "01632960114", "01632960101"
HIGHWAYS, WELSH_LINE, UNKNOWN = "01632960103", "01632960110", "01632960999"
LONG_QUEUE = 12
RELOADED = 10.0  # seconds until a new configuration counts, or is refused


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Nobody is logged in to ICT, one caller fills the queue of Complaints, and no phone is answered but where told."""
    conf = queues(ict=[], ict_cy=[], highways_cy=[]).replace(
        "[complaints](cc-queue)\n", "[complaints](cc-queue)\nmaxlen = 1\n"
    )
    async with contact_centre(RUN / "callers", asterisk={"queues.conf": conf}) as centre:
        centre.world.desk("*", lets_it_ring())
        yield centre


class Listener:
    """A caller who does as told and hears."""

    def __init__(self, centre: Centre, number: str, *keys: str, caller: str = "01597827460") -> None:
        self._call = asyncio.create_task(centre.world.call(number, presses(*keys, then=self._listen), caller=caller))
        self._phone: Phone | None = None
        self._enough = asyncio.Event()

    async def _listen(self, phone: Phone) -> None:
        self._phone = phone
        gone = asyncio.create_task(phone.wait_until_gone())
        enough = asyncio.create_task(self._enough.wait())
        await asyncio.wait({gone, enough}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        enough.cancel()

    @property
    def heard(self) -> list[str]:
        """Prompts as `cy/housing-main`, in the order in which they were heard."""
        if self._phone is None or not self._phone.heard.exists():
            return []
        return [f"{each.language}/{each.prompt}" for each in heard(self._phone.heard, SOUNDS)]

    async def until_heard(self, *prompts: str, within: float = 30) -> list[str]:
        try:
            async with asyncio.timeout(within):
                while not set(prompts) <= set(self.heard):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            message = f"not heard within {within} s: {set(prompts) - set(self.heard)}; heard {self.heard}"
            raise AssertionError(message) from None
        return self.heard

    async def press(self, key: str) -> None:
        assert self._phone is not None, "nobody answered yet"
        await self._phone.press(key)

    async def until_over(self) -> None:
        await self._call

    async def hang_up(self) -> None:
        self._enough.set()
        await self._call


async def _told(centre: Centre, number: str) -> dict[str, Any]:
    """The newest call of a caller, once it is over."""
    wanted = f"+44{number[1:]}" if number else None
    rows = [row for row in await centre.calls() if row["number"] == wanted]
    told: dict[str, Any] = await centre.until('it["call"]["ended"]', 10, "call", call=rows[0]["id"])
    return told


async def test_places_in_the_queue_are_spoken_in_welsh_up_to_ten_and_then_more_than_ten(centre: Centre) -> None:
    callers = []
    for _ in range(LONG_QUEUE):
        callers.append(Listener(centre, WELSH_LINE))
        await asyncio.sleep(0.3)  # so that they come in this order
    await centre.until(f'it["queues"].get("welsh-line") == {LONG_QUEUE}', 30)
    second, last = callers[1], callers[-1]
    said = await second.until_heard("cy/queue-thereare", "cy/digits/2", "cy/queue-callswaiting")
    assert said.index("cy/queue-thereare") < said.index("cy/digits/2") < said.index("cy/queue-callswaiting")
    said = await last.until_heard("cy/queue-quantity1", "cy/digits/10", "cy/queue-quantity2")
    assert not [prompt for prompt in said if prompt.startswith("en/")]
    await asyncio.gather(*(caller.hang_up() for caller in callers))


async def test_who_chose_welsh_is_told_honestly_that_the_next_agent_speaks_english(centre: Centre) -> None:
    caller = Listener(centre, CARELINE, "1", "0", caller="07700900701")
    await centre.until('it["queues"].get("careline-cy") == 1', 20)
    later = Listener(centre, CARELINE, "2", "0")
    await caller.until_heard("cy/next-agent-speaks-english", within=40)
    await centre.until('it["queues"].get("careline") == 2', 10)
    first, second = await _waits(centre, "careline")
    assert first < second, "who waited for a Welsh speaker comes before those who called meanwhile"
    await caller.hang_up()
    await later.hang_up()
    told = await _told(centre, "07700900701")
    joined = [moment["detail"]["queue"] for moment in told["timeline"] if moment["kind"] == "joined queue"]
    assert joined == ["careline-cy", "careline"]
    assert told["call"]["language"] == "cy"


async def _waits(centre: Centre, queue: str) -> list[int]:
    """For how long each caller has been in this queue, in seconds, the first one first."""
    waits = re.findall(r"\(wait: (\d+):(\d+),", await centre.pbx.cli(f"queue show {queue}"))
    return [60 * int(minutes) + int(seconds) for minutes, seconds in waits]


async def test_who_chose_welsh_does_not_overtake_who_has_waited_longer(centre: Centre) -> None:
    callers = [Listener(centre, HIGHWAYS, "2", "0")]
    await centre.until('it["queues"].get("highways") == 1', 20)
    callers.append(Listener(centre, HIGHWAYS, "1", "0"))  # no Welsh speaker is there: at once to the common queue
    await centre.until('it["queues"].get("highways") == 2', 30)
    first, second = await _waits(centre, "highways")
    assert first > second
    await asyncio.gather(*(caller.hang_up() for caller in callers))


async def test_where_nobody_is_logged_in_callers_are_told_in_their_language_and_get_a_choice(centre: Centre) -> None:
    caller = Listener(centre, ICT, "1", "0", caller="07700900702")
    said = await caller.until_heard("cy/unanswered", "cy/goodbye", within=120)
    await caller.until_over()
    assert said.index("cy/connecting") < said.index("cy/unanswered") < said.index("cy/goodbye")
    assert (await _told(centre, "07700900702"))["call"]["tier"] == 1


async def test_a_full_queue_is_told_and_one_may_go_on_waiting(centre: Centre) -> None:
    first = Listener(centre, COMPLAINTS, "2", "0")
    await centre.until('it["queues"].get("complaints") == 1', 20)
    second = Listener(centre, COMPLAINTS, "2", "0", caller="07700900703")
    await second.until_heard("en/unanswered-message")
    await first.hang_up()
    await second.press("1")
    await centre.until('it["queues"].get("complaints") == 1', 20)
    await second.hang_up()


@pytest.mark.parametrize(
    ("dialled", "service"),
    [(UNKNOWN, "general"), ("00441632960103", "highways"), ("+441632960103", "highways"), ("441632960103", "highways")],
)
async def test_a_number_is_known_in_every_spelling_and_an_unknown_one_reaches_the_general_line(
    centre: Centre, dialled: str, service: str
) -> None:
    caller = Listener(centre, dialled, "2", caller="07700900704")
    await caller.until_heard(f"en/{service}-main")
    await caller.hang_up()
    assert (await _told(centre, "07700900704"))["call"]["service"] == service


async def test_a_withheld_number_is_an_ordinary_caller(centre: Centre) -> None:
    caller = Listener(centre, HIGHWAYS, "2", caller="")
    await caller.until_heard("en/highways-main")
    await caller.hang_up()
    told = await _told(centre, "")
    assert (told["call"]["service"], told["call"]["tier"], told["call"]["number"]) == ("highways", 1, None)


async def test_the_privacy_notice_is_on_a_key_and_the_menu_comes_again(centre: Centre) -> None:
    caller = Listener(centre, HOUSING, "2", "9")
    said = await caller.until_heard("en/privacy-notice", within=20)
    assert said.index("en/housing-main") < said.index("en/privacy-notice")
    await caller.hang_up()


async def _reload(centre: Centre) -> None:
    """As `ccdaemon reload` asks it: the answer comes once the new configuration counts, or is refused."""
    await centre.ask("reload")


@pytest_asyncio.fixture(loop_scope="session")
async def highways(centre: Centre) -> AsyncIterator[Path]:
    """The file of Highways, which a test may change; afterwards it is as it was."""
    async with _as_it_was(centre, centre.site.config / "services" / "highways.toml") as file:
        yield file


@asynccontextmanager
async def _as_it_was(centre: Centre, file: Path) -> AsyncIterator[Path]:
    good = file.read_text()
    yield file
    file.write_text(good)
    await _reload(centre)
    await centre.until('"configuration" not in it["alarms"]', RELOADED)


async def test_a_new_configuration_counts_for_the_next_caller(centre: Centre, highways: Path) -> None:
    highways.write_text(highways.read_text().replace('# emergency = "flooding"', 'emergency = "nobody-available"'))
    await _reload(centre)
    caller = Listener(centre, HIGHWAYS, "2")
    said = await caller.until_heard("en/nobody-available", "en/highways-main")
    assert said.index("en/nobody-available") < said.index("en/highways-main")
    await caller.hang_up()


async def test_a_wrong_configuration_never_replaces_a_running_one(centre: Centre, highways: Path) -> None:
    wrong = highways.read_text().replace('keys.0 = "queue"', 'keys.0 = "menu nowhere"')
    highways.write_text(wrong.replace("[queue]", "[queue]\nspeed = 9"))
    await _reload(centre)
    assert "configuration" in (await centre.ask("state"))["alarms"]
    caller = Listener(centre, HIGHWAYS, "2")
    await caller.until_heard("en/highways-main")
    await caller.hang_up()


async def test_the_topic_of_a_queue_that_is_there_no_longer_goes_as_well(centre: Centre, highways: Path) -> None:
    topic = f"ccdaemon/{centre.site.configuration().site.name}/queues/highways"
    async with asyncio.timeout(20), aiomqtt.Client(centre.site.addresses.pbx) as client:
        await client.subscribe(topic)
        assert (await anext(aiter(client.messages))).payload
        highways.write_text(highways.read_text().replace('name = "highways"', 'name = "roads"'))
        await _reload(centre)
        async for message in client.messages:
            if not message.payload:
                break


async def test_a_reload_says_what_counts_after_a_restart_only_and_says_it_again(centre: Centre) -> None:
    async with _as_it_was(centre, centre.site.config / "ccdaemon.toml") as main:
        main.write_text(main.read_text().replace("port = 1883", "port = 1884"))
        await _reload(centre)
        centre.daemon.kill(signal.SIGHUP)  # which says it in the log alone
        async with asyncio.timeout(RELOADED):
            while len(said := _said(centre, "after a restart only")) < 2:
                await asyncio.sleep(0.05)
    assert [line["keys"] for line in said] == [["mqtt"], ["mqtt"]]


def _said(centre: Centre, words: str) -> list[dict[str, Any]]:
    """Lines of its log with these words in them."""
    return [json.loads(line) for line in centre.daemon.log.read_text().splitlines() if words in line]


async def test_a_missing_sound_is_said_once_in_the_log_and_the_call_goes_on(centre: Centre, highways: Path) -> None:
    own = centre.site.config / "prompts" / "own.toml"
    own.parent.mkdir(exist_ok=True)
    own.write_text('[flooding]\ncy = "Llifogydd."\nen = "Flooding."\n')  # in the catalogue, but nobody made the sound
    highways.write_text(highways.read_text().replace("# emergency", "emergency"))
    await _reload(centre)
    for _ in range(2):
        caller = Listener(centre, HIGHWAYS, "2")
        await caller.until_heard("en/highways-main")
        await caller.hang_up()
    lines = [line for line in centre.daemon.log.read_text().splitlines() if "a prompt is missing" in line]
    assert len(lines) == 1
    assert "flooding" in lines[0]


@pytest.mark.parametrize(
    ("number", "shown"), [("999", "01632960111"), ("101", "01632960111"), ("01597827460", "01632960111")]
)
async def test_phones_call_out_with_the_number_of_their_service_and_are_not_recorded(
    centre: Centre, number: str, shown: str
) -> None:
    rang: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def outside(phone: Phone) -> None:
        rang.set_result(phone.shown)
        await talks()(phone)

    centre.world.desk(number, outside)

    async def speak(phone: Phone) -> None:
        await phone.stay(1)

    await centre.world.call(number, speak, via="1001", caller="1001")
    assert rang.result() == f"+44{shown[1:]}"
    assert [*centre.site.recordings.iterdir()] == []
