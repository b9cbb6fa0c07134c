"""The manager link against an Asterisk that follows a script: answers, lists, events, and every way to lose them."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest
import uvloop
from panoramisk import Manager
from structlog.testing import capture_logs

from ccdaemon.asterisk import ami as room
from ccdaemon.asterisk import links
from ccdaemon.asterisk.ami import Ami, AmiAddress, AmiDisconnected, AmiRefused, AmiUnreachable, connect
from ccdaemon.asterisk.links import keep_linked
from ccdaemon.asterisk.wire import MAX_AMI_MESSAGE, Headers, Unsendable
from ccdaemon.config import tls_context
from tests.certificates import Certificate, certificate

DEADLINE = 10.0  # seconds; whatever a test waits for is there long before
AT_ONCE = 2.0  # seconds; what is due at once takes milliseconds, and no deadline of the link is as short
PORT = 5038
SECRET = "a secret"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"


def message(**headers: str) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items()) + b"\r\n"


class Link:
    """One manager connection, from Asterisk's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: list[Headers]) -> None:
        self._reader = reader
        self._writer = writer
        self._heard = heard

    async def hear(self) -> Headers:
        """The next action."""
        async with asyncio.timeout(DEADLINE):
            block = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        action = dict(line.split(": ", 1) for line in block.split("\r\n") if line)
        self._heard.append(action)
        return action

    async def say(self, *parts: bytes) -> None:
        self._writer.write(b"".join(parts))
        await self._writer.drain()

    async def answer(self, action: Headers, *entries: bytes, **headers: str) -> None:
        own = {"ActionID": action["ActionID"]}
        await self.say(message(**headers, **own), *(entry[:-2] + message(**own) for entry in entries))

    async def let_in(self) -> None:
        """Greet, and answer the login as Asterisk does."""
        await self.say(BANNER)
        login = await self.hear()
        if login["Secret"] == SECRET:
            await self.answer(login, Response="Success", Message="Authentication accepted")
        else:
            await self.answer(login, Response="Error", Message="Authentication failed")
            self.close()

    async def closed(self) -> bool:
        """Wait until the other side has closed; true if it had said nothing more."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self._reader.read() == b""
            except ConnectionError:
                return True

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()


class Switch:
    """A manager port, and all that was ever said to it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.heard: list[Headers] = []
        self._links: asyncio.Queue[Link] = asyncio.Queue()
        self._all: list[Link] = []

    def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer, self.heard)
        self._links.put_nowait(link)
        self._all.append(link)

    async def accept(self) -> Link:
        async with asyncio.timeout(DEADLINE):
            return await self._links.get()

    async def let_in(self) -> Link:
        link = await self.accept()
        await link.let_in()
        return link

    def address(self, secret: str = SECRET, ca: Path | None = None) -> AmiAddress:
        return AmiAddress(self.host, PORT, "ccdaemon", secret, tls_context(ca) if ca else None)

    def actions(self) -> list[str]:
        return [action["Action"] for action in self.heard]

    def close(self) -> None:
        for link in self._all:
            link.abort()


def random_address() -> str:
    return f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.1"


@asynccontextmanager
async def a_switch(host: str | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Switch]:
    switch = Switch(host or random_address())
    server = await asyncio.start_server(switch.accepted, switch.host, PORT, ssl=tls)
    try:
        yield switch
    finally:
        server.close()
        switch.close()


@asynccontextmanager
async def linked(switch: Switch) -> AsyncIterator[tuple[Ami, Link]]:
    """Both ends of a link that is logged in."""
    coming = asyncio.create_task(switch.let_in())
    async with connect(switch.address()) as ami:
        yield ami, await coming


async def events(ami: Ami, number: int) -> list[Headers]:
    """The next so many events, however they come."""
    found: list[Headers] = []
    async with asyncio.timeout(DEADLINE):
        while len(found) < number:
            found += await ami.events()
    return found


@contextmanager
def disconnects_at_once() -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(AmiDisconnected):
        yield
    assert time.monotonic() - began < AT_ONCE


# --- logging in ------------------------------------------------------------------------------------------------------


async def test_a_login_names_user_and_secret_and_asks_for_events() -> None:
    async with a_switch() as switch, linked(switch):
        (login,) = switch.heard
    login.pop("ActionID")
    assert login == {"Action": "Login", "Username": "ccdaemon", "Secret": SECRET, "Events": "on"}


async def test_a_link_ends_with_its_block() -> None:
    async with a_switch() as switch:
        async with linked(switch) as (ami, link):
            pass
        assert await link.closed()
        with pytest.raises(AmiDisconnected):
            await ami.action("Ping")


async def test_a_wrong_secret_is_refused_in_asterisks_words() -> None:
    async with a_switch() as switch:
        coming = asyncio.create_task(switch.let_in())
        with pytest.raises(AmiRefused, match="Authentication failed"):
            async with connect(switch.address("wrong")):
                pass
        assert await (await coming).closed()


async def test_who_comes_while_asterisk_ends_is_not_denied_and_may_soon_come_again() -> None:
    async def ends(switch: Switch) -> None:
        link = await switch.accept()
        await link.say(BANNER)
        await link.answer(await link.hear(), Response="Error", Message="Asterisk is shutting down")

    async with a_switch() as switch:
        coming = asyncio.create_task(ends(switch))
        with pytest.raises(AmiUnreachable, match="shutting down"):
            async with connect(switch.address()):
                pass
        await coming


@pytest.mark.parametrize(
    "greeting",
    [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail ESMTP\r\n", b"\xff\xfb\x01", b""],
    ids=["SSH", "HTTP", "SMTP", "telnet", "nothing, and closes"],
)
async def test_who_is_no_asterisk_is_as_good_as_nobody(greeting: bytes) -> None:
    async def strange(switch: Switch) -> Link:
        link = await switch.accept()
        await link.say(greeting)
        if not greeting:
            await link.hear()
            link.close()
        return link

    async with a_switch() as switch:
        coming = asyncio.create_task(strange(switch))
        began = time.monotonic()
        with pytest.raises(AmiUnreachable):
            async with connect(switch.address()):
                pass
        assert time.monotonic() - began < AT_ONCE
        (await coming).abort()


def test_who_is_no_asterisk_may_say_so_before_we_are_ready() -> None:
    """A busy loop reads the greeting in the same turn in which it learns of the connection."""
    stranger = socket.create_server((random_address(), PORT))

    async def busy() -> NoReturn:
        while True:
            time.sleep(0.005)
            await asyncio.sleep(0)

    def greet() -> None:
        with stranger, stranger.accept()[0] as connection:
            connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            with suppress(ConnectionError):
                connection.recv(1024)

    async def meet() -> float:
        greeting = asyncio.create_task(asyncio.to_thread(greet))
        other = asyncio.create_task(busy())
        began = time.monotonic()
        with pytest.raises(AmiUnreachable, match="greets with"):
            async with connect(AmiAddress(stranger.getsockname()[0], PORT, "ccdaemon", SECRET)):
                pass
        other.cancel()
        await greeting
        return time.monotonic() - began

    assert asyncio.run(meet()) < AT_ONCE


async def test_where_nobody_listens_nobody_is_reached() -> None:
    with pytest.raises(AmiUnreachable, match="cannot connect"):
        async with connect(AmiAddress(random_address(), PORT, "ccdaemon", SECRET)):
            pass


@pytest.mark.parametrize("said", [b"", BANNER[:10], BANNER])
async def test_who_does_not_answer_in_time_is_not_reached(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CONNECT_DEADLINE", 0.1)

    async def fall_silent(switch: Switch) -> Link:
        link = await switch.accept()
        await link.say(said)
        await link.hear()
        return link

    async with a_switch() as switch:
        coming = asyncio.create_task(fall_silent(switch))
        with pytest.raises(AmiUnreachable, match="no answer"):
            async with connect(switch.address()):
                pass
        assert await (await coming).closed()


async def test_who_does_not_shake_hands_in_time_is_not_reached_and_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CONNECT_DEADLINE", 0.1)
    async with a_switch() as switch:
        own = certificate(tmp_path / "pbx", switch.host)
        with pytest.raises(AmiUnreachable, match="no answer"):
            async with connect(switch.address(ca=own.file)):
                pass
        link = await switch.accept()
        assert not await link.closed()  # it has said a hello
        assert switch.heard == []


async def test_nothing_is_sent_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Manager.defaults, "ping_delay", 0)  # panoramisk would ping from then on
    async with a_switch() as switch, linked(switch) as (ami, link):
        for _ in range(3):
            asking = asyncio.create_task(ami.action("Getvar"))
            await link.answer(await link.hear(), Response="Success")
            await asking
        assert switch.actions() == ["Login", *["Getvar"] * 3]


def test_no_secret_shows_in_an_address() -> None:
    assert SECRET not in repr(AmiAddress("127.0.0.1", PORT, "ccdaemon", SECRET))


def test_a_link_is_the_same_on_uvloop() -> None:
    async def whole() -> tuple[list[Headers], list[Headers]]:
        async with a_switch() as switch, linked(switch) as (ami, link):
            asking = asyncio.create_task(ami.listing("CoreShowChannels"))
            action = await link.hear()
            await link.say(message(Event="Newchannel"))
            await link.answer(action, message(Event="CoreShowChannel"), Response="Success", EventList="start")
            await link.say(message(Event="Done", EventList="Complete", ActionID=action["ActionID"]))
            async with asyncio.timeout(DEADLINE):
                return await asking, await ami.events()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ((entry,), news) = runner.run(whole())
    assert entry["Event"] == "CoreShowChannel"
    assert news == [{"Event": "Newchannel"}]


# --- actions and lists -----------------------------------------------------------------------------------------------


async def test_an_action_arrives_with_its_values_and_gets_its_answer() -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.create_task(ami.action("Getvar", {"Variable": "CC_SEALED", "Channel": "PJSIP/tai-1"}))
        action = await link.hear()
        await link.answer(action, Response="Success", Value="1")
        answer = await asking
        identity = action.pop("ActionID")
    assert action == {"Action": "Getvar", "Variable": "CC_SEALED", "Channel": "PJSIP/tai-1"}
    assert answer == {"Response": "Success", "Value": "1", "ActionID": identity}


async def test_each_of_several_actions_gets_its_own_answer_in_whatever_order_they_come() -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = [asyncio.create_task(ami.action("Getvar", {"Variable": name})) for name in "ABC"]
        actions = [await link.hear() for _ in asking]
        for action in reversed(actions):
            await link.answer(action, Response="Success", Value=f"of {action['Variable']}")
        assert [(await task)["Value"] for task in asking] == ["of A", "of B", "of C"]


@pytest.mark.parametrize("question", [Ami.action, Ami.listing])
async def test_an_error_is_a_refusal_in_asterisks_words_and_the_link_goes_on(
    question: Callable[[Ami, str], asyncio.Future[object]],
) -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.ensure_future(question(ami, "QueueStatus"))
        await link.answer(await link.hear(), Response="Error", Message="Permission denied")
        with pytest.raises(AmiRefused, match="QueueStatus: Permission denied"):
            await asking
        again = asyncio.create_task(ami.action("Ping"))
        await link.answer(await link.hear(), Response="Success", Ping="Pong")
        assert (await again)["Ping"] == "Pong"


@pytest.mark.parametrize("end", ["Complete", "cancelled"])
@pytest.mark.parametrize("number", [0, 1, 500])
async def test_a_list_is_all_of_its_entries_and_nothing_else(number: int, end: str) -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.create_task(ami.listing("QueueStatus"))
        action = await link.hear()
        await link.answer(action, Response="Success", EventList="start", Message="Queue status will follow")
        for entry in range(number):
            await link.say(message(Event="Newchannel", Uniqueid=str(entry)))
            await link.say(message(Event="QueueMember", Name=str(entry), ActionID=action["ActionID"]))
        await link.say(message(Event="QueueStatusComplete", EventList=end, ActionID=action["ActionID"]))
        entries = await asking
        assert [entry["Name"] for entry in entries] == [str(entry) for entry in range(number)]
        assert [event["Uniqueid"] for event in await events(ami, number)] == [str(entry) for entry in range(number)]


@pytest.mark.parametrize("queue_message", ["Added interface to queue", "Originate successfully queued"])
async def test_an_answer_that_reads_like_the_beginning_of_a_list_is_complete(queue_message: str) -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.create_task(ami.action("QueueAdd"))
        await link.answer(await link.hear(), Response="Success", Message=queue_message)
        async with asyncio.timeout(AT_ONCE):
            assert (await asking)["Message"] == queue_message


async def test_an_event_that_names_an_action_of_long_ago_is_an_event() -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.create_task(ami.action("Originate"))
        action = await link.hear()
        await link.answer(action, Response="Success")
        await asking
        outcome = {"Event": "OriginateResponse", "Response": "Failure", "ActionID": action["ActionID"]}
        await link.say(message(**outcome))
        assert await events(ami, 1) == [outcome]


@pytest.mark.parametrize("value", ["x\r\nAction: Command", "x\nVariable: y", "x\r", "\0"])
async def test_a_value_that_would_inject_is_not_sent_and_the_link_goes_on(value: str) -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        with pytest.raises(Unsendable):
            await ami.action("Setvar", {"Variable": "X", "Value": value})
        asking = asyncio.create_task(ami.action("Ping"))
        await link.answer(await link.hear(), Response="Success")
        await asking
        assert switch.actions() == ["Login", "Ping"]


@pytest.mark.parametrize("question", [Ami.action, Ami.listing])
@pytest.mark.parametrize("begun", [False, True], ids=["no answer", "half a list"])
async def test_an_answer_that_does_not_come_in_time_leaves_open_what_happened(
    question: Callable[..., asyncio.Future[object]], *, begun: bool
) -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.ensure_future(question(ami, "CoreShowChannels", {}, 0.1))
        action = await link.hear()
        if begun:
            await link.answer(action, Response="Success", EventList="start")
        with pytest.raises(AmiDisconnected, match="no answer to CoreShowChannels"):
            await asking


async def test_an_answer_that_comes_late_answers_nothing_else() -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        late = asyncio.create_task(ami.action("Getvar", {"Variable": "LATE"}, within=0.05))
        first = await link.hear()
        with pytest.raises(AmiDisconnected):
            await late
        asking = asyncio.create_task(ami.action("Getvar", {"Variable": "NEXT"}))
        second = await link.hear()
        await link.answer(first, Response="Success", Value="late")
        await link.answer(second, Response="Success", Value="next")
        assert (await asking)["Value"] == "next"


async def test_a_list_beyond_the_bound_is_not_handed_out_as_if_it_were_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_LIST", 100)
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.create_task(ami.listing("CoreShowChannels"))
        action = await link.hear()
        await link.answer(action, *[message(Event="CoreShowChannel")] * 200, Response="Success", EventList="start")
        with disconnects_at_once():
            await asking
        assert await link.closed()


# --- links that are lost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [Link.close, Link.abort])
@pytest.mark.parametrize("begun", [False, True], ids=["before the answer", "in mid-list"])
async def test_whoever_waits_hears_at_once_that_the_link_is_lost(end: Callable[[Link], None], *, begun: bool) -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = [asyncio.create_task(ami.listing("CoreShowChannels", within=60)) for _ in range(3)]
        actions = [await link.hear() for _ in asking]
        if begun:
            for action in actions:
                await link.answer(action, message(Event="CoreShowChannel"), Response="Success", EventList="start")
        end(link)
        for waiting in asking:
            with disconnects_at_once():
                await waiting
        with disconnects_at_once():
            await ami.events()
        with disconnects_at_once():
            await ami.action("Ping", within=60)


async def test_who_waits_for_events_hears_at_once_that_the_link_is_lost() -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        waiting = asyncio.create_task(ami.events())
        asking = asyncio.create_task(ami.action("Ping"))
        await link.hear()  # by now the other waits, too
        link.close()
        with disconnects_at_once():
            await waiting
        with disconnects_at_once():
            await asking


@pytest.mark.parametrize("size", [MAX_AMI_MESSAGE + 1, 20 * 1024 * 1024])
async def test_a_message_without_end_loses_the_link(size: int) -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        waiting = asyncio.create_task(ami.events())
        flood = asyncio.create_task(link.say(b"Variable: " + b"x" * size))
        with disconnects_at_once():
            await waiting
        assert await link.closed()
        assert isinstance((await asyncio.gather(flood, return_exceptions=True))[0], ConnectionError | None)


# --- events ----------------------------------------------------------------------------------------------------------

STORY = [
    {"Event": "Newchannel", "Uniqueid": "1.1", "CallerIDName": "Siân Ŵyn"},
    {"Event": "QueueCallerJoin", "Uniqueid": "1.1", "Queue": "tai"},
    {"Event": "Newchannel", "Uniqueid": "1.2"},
    {"Event": "BridgeEnter", "Uniqueid": "1.1"},
    {"Event": "BridgeEnter", "Uniqueid": "1.2"},
    {"Event": "Hangup", "Uniqueid": "1.2"},
    {"Event": "Hangup", "Uniqueid": "1.1"},
]


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_events_come_in_asterisks_order_however_they_are_cut(step: int) -> None:
    stream = b"".join(message(**event) for event in STORY)
    async with a_switch() as switch, linked(switch) as (ami, link):
        for begin in range(0, len(stream), step):
            await link.say(stream[begin : begin + step])
        assert await events(ami, len(STORY)) == STORY


async def test_events_before_during_and_after_a_list_keep_their_order() -> None:
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.create_task(ami.listing("CoreShowChannels"))
        action = await link.hear()
        own = {"ActionID": action["ActionID"]}
        await link.say(
            message(Event="First"),
            message(Response="Success", EventList="start", **own),
            message(Event="Second"),
            message(Event="CoreShowChannel", **own),
            message(Event="Third"),
            message(Event="CoreShowChannelsComplete", EventList="Complete", **own),
            message(Event="Fourth"),
        )
        assert [event["Event"] for event in await events(ami, 4)] == ["First", "Second", "Third", "Fourth"]
        assert await asking == [{"Event": "CoreShowChannel", **own}]


async def test_more_events_than_may_wait_lose_the_link_and_none_is_handed_out_behind_the_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "MAX_WAITING_EVENTS", 100)
    async with a_switch() as switch, linked(switch) as (ami, link):
        asking = asyncio.create_task(ami.action("Ping", within=60))
        await link.hear()
        await link.say(*[message(Event="Newchannel")] * 150)
        with disconnects_at_once():
            await asking
        with disconnects_at_once():
            await ami.events()
        assert await link.closed()


async def test_as_many_events_as_may_wait_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_WAITING_EVENTS", 100)
    async with a_switch() as switch, linked(switch) as (ami, link):
        for _ in range(3):
            await link.say(*[message(Event="Newchannel")] * 100)
            assert len(await events(ami, 100)) == 100


# --- staying linked --------------------------------------------------------------------------------------------------


class Changes:
    """What `keep_linked` says of the link: a fault, or None when it is up."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[str | None] = asyncio.Queue()

    def __call__(self, fault: str | None) -> None:
        self._said.put_nowait(fault)

    async def next(self) -> str | None:
        async with asyncio.timeout(DEADLINE):
            return await self._said.get()


@asynccontextmanager
async def kept(address: AmiAddress, body: Callable[[Ami], Awaitable[NoReturn]]) -> AsyncIterator[Changes]:
    changes = Changes()
    task = asyncio.create_task(keep_linked(address, body, changes))
    try:
        yield changes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(links, "LONGEST_DELAY", 0.02)


@pytest.mark.usefixtures("quick")
async def test_after_a_new_login_nothing_of_the_old_link_is_sent_again() -> None:
    links = iter(["Originate", "Ping"])

    async def body(ami: Ami) -> NoReturn:
        await ami.action(next(links))
        await asyncio.Event().wait()
        raise AssertionError

    async with a_switch() as switch, kept(switch.address(), body) as changes:
        first = await switch.let_in()
        assert await changes.next() is None
        assert (await first.hear())["Action"] == "Originate"
        first.abort()
        assert isinstance(await changes.next(), str)
        second = await switch.let_in()
        assert await changes.next() is None
        await second.answer(await second.hear(), Response="Success")
        await second.say(message(Event="FullyBooted"))  # upon which panoramisk would send again what waits
        second.close()
        await second.closed()
    assert switch.actions() == ["Login", "Originate", "Login", "Ping"]


@pytest.mark.usefixtures("quick")
async def test_a_link_is_made_as_soon_as_asterisk_is_there() -> None:
    async def body(ami: Ami) -> NoReturn:
        while True:
            await ami.events()

    host = random_address()
    async with kept(AmiAddress(host, PORT, "ccdaemon", SECRET), body) as changes:
        assert "cannot connect" in (await changes.next() or "")
        async with a_switch(host) as switch:
            link = await switch.let_in()
            while (fault := await changes.next()) is not None:
                assert "cannot connect" in fault
            link.abort()
            assert await changes.next() is not None
            await switch.let_in()
            assert await changes.next() is None


async def test_a_wrong_secret_is_not_hammered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(links, "LONGEST_DELAY", 0.002)
    monkeypatch.setattr(links, "DENIED_DELAY", 0.3)

    async def body(ami: Ami) -> NoReturn:
        raise AssertionError(ami)

    attempts = []
    with capture_logs() as logs:
        async with a_switch() as switch, kept(switch.address("wrong"), body) as changes:
            for _ in range(3):
                await switch.let_in()
                attempts.append(time.monotonic())
                assert await changes.next() == "login: Authentication failed"
    pauses = [after - before for before, after in itertools.pairwise(attempts)]
    assert min(pauses) > 0.2  # four fifths of that delay, at the least
    assert {entry["log_level"] for entry in logs} == {"error"}
    assert "wrong" not in str(logs)  # the secret


@pytest.mark.usefixtures("quick")
async def test_an_action_that_is_refused_costs_the_link_but_no_minute() -> None:
    async def body(ami: Ami) -> NoReturn:
        await ami.action("Setvar")
        raise AssertionError

    with capture_logs() as logs:
        async with a_switch() as switch, kept(switch.address(), body) as changes:
            for _ in range(2):
                link = await switch.let_in()
                assert await changes.next() is None
                await link.answer(await link.hear(), Response="Error", Message="Permission denied")
                assert await changes.next() == "Setvar: Permission denied"
    assert "Check the rights of our user" in logs[0]["event"]


async def test_a_link_that_breaks_at_every_login_is_made_ever_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FIRST_DELAY", 0.05)

    async def body(ami: Ami) -> NoReturn:
        await ami.action("CoreShowChannels")
        raise AssertionError

    attempts = []
    async with a_switch() as switch, kept(switch.address(), body) as changes:
        for _ in range(4):
            link = await switch.let_in()
            attempts.append(time.monotonic())
            await link.hear()
            link.close()
            assert await changes.next() is None
            assert await changes.next() == "Asterisk closed the connection"
    pauses = [after - before for before, after in itertools.pairwise(attempts)]
    assert all(pause >= 0.8 * 0.05 * 2**number for number, pause in enumerate(pauses))


@pytest.mark.usefixtures("quick")
async def test_an_unexpected_fault_is_not_taken_for_a_lost_link() -> None:
    async def body(ami: Ami) -> NoReturn:
        raise RuntimeError(ami)

    async with a_switch() as switch:
        coming = asyncio.create_task(switch.let_in())
        with pytest.raises(RuntimeError):
            async with asyncio.timeout(DEADLINE):
                await keep_linked(switch.address(), body, Changes())
        assert await (await coming).closed()


@pytest.mark.usefixtures("quick")
async def test_a_link_that_several_tasks_lose_is_one_fault() -> None:
    async def body(ami: Ami) -> NoReturn:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ami.events())
            tasks.create_task(ami.action("Ping"))
        raise AssertionError

    async with a_switch() as switch, kept(switch.address(), body) as changes:
        link = await switch.let_in()
        await link.hear()
        link.close()
        assert await changes.next() is None
        assert await changes.next() == "Asterisk closed the connection"
        await switch.let_in()
        assert await changes.next() is None


@pytest.mark.usefixtures("quick")
async def test_after_a_link_that_several_tasks_lost_a_login_that_is_not_answered_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A TaskGroup that fails leaves its task half cancelled: no time-out of that task is one any more."""
    monkeypatch.setattr(room, "CONNECT_DEADLINE", 0.5)

    async def body(ami: Ami) -> NoReturn:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ami.events())
        raise AssertionError

    async with a_switch() as switch, kept(switch.address(), body) as changes:
        (await switch.let_in()).abort()
        assert await changes.next() is None
        assert await changes.next() is not None
        await switch.accept()  # and say nothing
        assert "no answer" in str(await changes.next())
        await switch.let_in()
        assert await changes.next() is None


@pytest.mark.usefixtures("quick")
async def test_no_name_number_or_secret_of_the_link_gets_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    async def body(ami: Ami) -> NoReturn:
        await ami.action("Setvar", {"Variable": "X", "Value": "01970 000000"})
        while True:
            await ami.events()

    with capture_logs() as logs, caplog.at_level(0):
        async with a_switch() as switch, kept(switch.address(), body) as changes:
            link = await switch.let_in()
            assert await changes.next() is None
            await link.hear()
            await link.say(message(Event="Newchannel", CallerIDNum="01970 000000", CallerIDName="Siân Ŵyn"))
            link.abort()
            assert await changes.next() is not None
    assert logs
    assert not re.search(f"01970|Siân|{SECRET}", str(logs) + caplog.text)


# --- TLS -------------------------------------------------------------------------------------------------------------


def context_of(own: Certificate) -> ssl.SSLContext:
    """An Asterisk's, with its certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.file, own.key)
    return context


async def test_a_link_over_tls_is_a_link(tmp_path: Path) -> None:
    host = random_address()
    own = certificate(tmp_path / "pbx", host)
    async with a_switch(host, context_of(own)) as switch:
        coming = asyncio.create_task(switch.let_in())
        async with connect(switch.address(ca=own.file)) as ami:
            link = await coming
            asking = asyncio.create_task(ami.action("Ping"))
            await link.answer(await link.hear(), Response="Success")
            assert (await asking)["Response"] == "Success"
            link.abort()
            with disconnects_at_once():
                await ami.events()


async def test_whose_certificate_nobody_vouches_for_does_not_get_the_secret(tmp_path: Path) -> None:
    host = random_address()
    own, other = certificate(tmp_path / "pbx", host), certificate(tmp_path / "other", host)
    async with a_switch(host, context_of(own)) as switch:
        with pytest.raises(AmiUnreachable, match="certificate"):
            async with connect(switch.address(ca=other.file)):
                pass
        assert switch.heard == []


async def test_whose_certificate_is_for_another_address_does_not_get_the_secret(tmp_path: Path) -> None:
    host = random_address()
    own = certificate(tmp_path / "pbx", "127.0.0.1")
    async with a_switch(host, context_of(own)) as switch:
        with pytest.raises(AmiUnreachable, match="certificate"):
            async with connect(switch.address(ca=own.file)):
                pass
        assert switch.heard == []
