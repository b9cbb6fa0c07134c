"""FastAGI against an Asterisk that follows a script: every command, every way to end, every noise at the port."""

from __future__ import annotations

import asyncio
import random
import resource
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import pytest
import uvloop
from structlog.testing import capture_logs

from ccdaemon.asterisk import agi
from ccdaemon.asterisk.agi import (
    AgiLost,
    AgiRefused,
    AgiServer,
    AgiSession,
    CallerGone,
    Conversation,
    Played,
)
from ccdaemon.asterisk.wire import MAX_AGI_ENVIRONMENT, Unsendable

DEADLINE = 10.0  # seconds; whatever a test waits for is there long before
QUICKLY = 2.0  # seconds in which a call is answered whatever goes on beside it; usually it takes milliseconds
PORT = 4573
MIB = 1024 * 1024

Command: TypeAlias = Callable[[AgiSession], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """A command as a conversation gives it, as Asterisk gets it, and one reply with what it means."""

    name: str
    command: Command
    line: str
    reply: str
    value: object


CASES = [
    Case("play", lambda call: call.play("cy/a"), 'STREAM FILE "cy/a" ""', "200 result=0 endpos=8", Played(None, 8)),
    Case("cut", lambda call: call.play("b", "12"), "STREAM FILE b 12", "200 result=50 endpos=4", Played("2", 4)),
    Case("wait", lambda call: call.wait_for_digit(2.5), "WAIT FOR DIGIT 2500", "200 result=35", "#"),
    Case("ask", lambda call: call.ask("beep", 4), "GET DATA beep 4000 1", "200 result=7", "7"),
    Case("set", lambda call: call.set("CC_LANG", "cy"), 'SET VARIABLE "CC_LANG" cy', "200 result=1", None),
    Case("get", lambda call: call.get("LANG"), "GET VARIABLE LANG", "200 result=1 (cy)", "cy"),
    Case("execute", lambda call: call.execute("MSet", "A=1", "B=2"), 'EXEC MSet "A=1,B=2"', "200 result=0", "0"),
]  # fmt: skip

each_command = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
each_listening_command = pytest.mark.parametrize("case", CASES[:4], ids=[case.name for case in CASES[:4]])

# The daemon runs on uvloop where there is one, and tests run on asyncio's own loop unless they say otherwise.
on_both_loops = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])

REFUSALS = {
    510: ("510 Invalid or unknown command\n", "Invalid or unknown command"),
    511: (
        "511 Command Not Permitted on a dead channel or intercept routine\n",
        "Command Not Permitted on a dead channel or intercept routine",
    ),
    520: (
        "520-Invalid command syntax.  Proper usage follows:\n Usage: STREAM FILE <filename>\n\n 200 result=0\n"
        "520 End of proper usage.\n",
        "Usage: STREAM FILE <filename>",
    ),
}


def random_address() -> str:
    return f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.1"


class Line:
    """One call as Asterisk brings it: a connection, an environment, replies to what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *texts: str | bytes) -> None:
        self._writer.write(b"".join(text if isinstance(text, bytes) else text.encode() for text in texts))
        await self._writer.drain()

    async def introduce(self, uniqueid: str, *arguments: str) -> None:
        lines = [f"agi_arg_{number}: {argument}\n" for number, argument in enumerate(arguments, 1)]
        await self.say("agi_network: yes\n", f"agi_uniqueid: {uniqueid}\n", *lines, "\n")

    async def hear(self) -> str:
        """The next command, as it came; nothing if there comes none any more."""
        async with asyncio.timeout(DEADLINE):
            return (await self._reader.readline()).decode().removesuffix("\n")

    async def closed(self) -> bool:
        """Wait until the other side has closed; true if it had said nothing more."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self._reader.read() == b""
            except ConnectionError:
                return True

    async def hang_up(self) -> None:
        await self.say("HANGUP\n")

    def hang_up_the_socket(self) -> None:
        self._writer.close()

    def cut(self) -> None:
        """End the connection as a machine does that was switched off and comes back: by a reset."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class Gateway:
    """A real server on an address of its own, and what its conversations came to."""

    def __init__(self, host: str, server: AgiServer) -> None:
        self.host = host
        self.server = server
        self._lines: list[asyncio.StreamWriter] = []

    async def connect(self) -> Line:
        reader, writer = await asyncio.open_connection(self.host, PORT)
        self._lines.append(writer)
        return Line(reader, writer)

    async def call(self, uniqueid: str = "1700000000.1", *arguments: str) -> Line:
        line = await self.connect()
        await line.introduce(uniqueid, *arguments)
        return line

    async def close(self) -> None:
        for writer in self._lines:
            writer.transport.abort()
        await self.server.stop(0)


@asynccontextmanager
async def gateway(conversation: Conversation) -> AsyncIterator[Gateway]:
    host = random_address()
    server = AgiServer(conversation)
    await server.listen(host, PORT)
    open_gateway = Gateway(host, server)
    try:
        yield open_gateway
    finally:
        await open_gateway.close()


class Outcomes:
    """A conversation that carries out commands one after the other and notes what came of each."""

    def __init__(self, *commands: Command) -> None:
        self._commands = commands
        self._noted: asyncio.Queue[object] = asyncio.Queue()

    async def __call__(self, session: AgiSession) -> None:
        for command in self._commands:
            try:
                self._noted.put_nowait(await command(session))
            except (AgiRefused, AgiLost, CallerGone) as end:
                self._noted.put_nowait(end)

    async def next(self) -> Any:  # noqa: ANN401 - a value of any command, or what it raised
        async with asyncio.timeout(DEADLINE):
            return await self._noted.get()


async def next_command(session: AgiSession) -> None:
    await session.set("NEXT", "1")


async def greet(session: AgiSession) -> None:
    await session.play("hello")


async def is_answered(open_gateway: Gateway) -> bool:
    """Does a call get its first command, and quickly?"""
    async with asyncio.timeout(QUICKLY):
        line = await open_gateway.call("1700000000.99")
        command = await line.hear()
        await line.say("HANGUP\n")
        return command.startswith("STREAM FILE hello") and await line.closed()


# --- commands and their replies --------------------------------------------------------------------------------------


@each_command
async def test_asterisk_hears_each_command_and_we_its_reply(case: Case) -> None:
    outcomes = Outcomes(case.command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        assert await line.hear() == case.line
        await line.say(case.reply, "\n")
        assert await outcomes.next() == case.value
        assert await line.closed()


@pytest.mark.parametrize(
    ("command", "reply", "value"),
    [
        (lambda call: call.play("beep"), "200 result=0 endpos=16000", Played(None, 16000)),
        (lambda call: call.play("beep", "*"), "200 result=42 endpos=0", Played("*", 0)),
        (lambda call: call.wait_for_digit(1), "200 result=0", None),
        (lambda call: call.wait_for_digit(1), "200 result=48", "0"),
        (lambda call: call.ask("beep", 1), "200 result= (timeout)", None),
        (lambda call: call.ask("beep", 1), "200 result=4 (timeout)", "4"),
        (lambda call: call.ask("beep", 1), "200 result=0", "0"),
        (lambda call: call.ask("beep", 1), "200 result=*", "*"),
        (lambda call: call.ask("beep", 1), "200 result=", "#"),
        (lambda call: call.get("X"), "200 result=0", None),
        (lambda call: call.get("X"), "200 result=1 ()", ""),
        (lambda call: call.get("X"), "200 result=1 (a (b) c)", "a (b) c"),
        (lambda call: call.execute("Wait", "1"), "200 result=-1", "-1"),
    ],
)
async def test_each_reply_means_to_a_conversation_what_asterisk_meant(
    command: Command, reply: str, value: object
) -> None:
    outcomes = Outcomes(command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say(reply, "\n")
        assert await outcomes.next() == value


async def test_a_conversation_knows_which_call_it_has() -> None:
    asked: asyncio.Future[tuple[str, list[str]]] = asyncio.get_running_loop().create_future()

    async def conversation(session: AgiSession) -> None:
        asked.set_result((session.environment.fields["uniqueid"], session.environment.arguments))

    async with gateway(conversation) as open_gateway:
        await open_gateway.call("1700000000.7", "inbound", "Siân")
        async with asyncio.timeout(DEADLINE):
            assert await asked == ("1700000000.7", ["inbound", "Siân"])


async def test_a_conversation_goes_on_however_its_replies_are_cut() -> None:
    outcomes = Outcomes(*(case.command for case in CASES))
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.connect()
        for byte in b"agi_network: yes\nagi_uniqueid: 1700000000.1\n\n":
            await line.say(bytes([byte]))
        for case in CASES:
            assert await line.hear() == case.line
            for byte in f"{case.reply}\n".encode():
                await line.say(bytes([byte]))
            assert await outcomes.next() == case.value


async def test_a_value_that_would_inject_a_command_is_not_sent_and_costs_nothing() -> None:
    refused = asyncio.Event()

    async def conversation(session: AgiSession) -> None:
        with pytest.raises(Unsendable):
            await session.set("CC_RESULT", "x\nHANGUP")
        refused.set()
        await session.set("CC_RESULT", "x")

    async with gateway(conversation) as open_gateway:
        line = await open_gateway.call()
        assert await line.hear() == 'SET VARIABLE "CC_RESULT" x'
        assert refused.is_set()


@on_both_loops
def test_a_conversation_is_the_same_on_every_event_loop(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def whole() -> list[object]:
        outcomes = Outcomes(*(case.command for case in CASES), next_command)
        async with gateway(outcomes) as open_gateway:
            line = await open_gateway.call()
            for case in CASES:
                await line.hear()
                await line.say(case.reply, "\n")
            await line.hear()
            await line.say("HANGUP\n")
            values = [await outcomes.next() for _ in CASES]
            assert isinstance(await outcomes.next(), CallerGone)
            assert await line.closed()
            return values

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(whole()) == [case.value for case in CASES]


# --- refusals --------------------------------------------------------------------------------------------------------


@each_command
@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refused_command_raises_asterisks_words_and_the_conversation_goes_on(case: Case, code: int) -> None:
    reply, text = REFUSALS[code]
    outcomes = Outcomes(case.command, case.command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say(reply)
        refusal = await outcomes.next()
        assert isinstance(refusal, AgiRefused)
        assert text in str(refusal)
        assert await line.hear() == case.line
        await line.say(case.reply, "\n")
        assert await outcomes.next() == case.value


async def test_an_application_that_asterisk_does_not_know_is_a_refusal() -> None:
    outcomes = Outcomes(lambda call: call.execute("NoSuch"), next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say("200 result=-2\n")
        refusal = await outcomes.next()
        assert isinstance(refusal, AgiRefused)
        assert "NoSuch" in str(refusal)
        assert await line.hear() == "SET VARIABLE NEXT 1"


@each_listening_command
async def test_minus_one_without_a_hang_up_is_a_refusal_and_the_conversation_goes_on(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agi, "HANGUP_GRACE", 0.02)
    outcomes = Outcomes(case.command, next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say("200 result=-1\n")
        assert isinstance(await outcomes.next(), AgiRefused)
        assert await line.hear() == "SET VARIABLE NEXT 1"
        await line.say("200 result=1\n")
        assert await outcomes.next() is None


# --- hang-up ---------------------------------------------------------------------------------------------------------


@each_command
async def test_a_hang_up_during_a_command_ends_it_unanswered(case: Case) -> None:
    outcomes = Outcomes(case.command, next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say("HANGUP\n")
        assert isinstance(await outcomes.next(), CallerGone)
        assert isinstance(await outcomes.next(), CallerGone)
        assert await line.closed()  # and had heard nothing more


@each_command
@pytest.mark.parametrize("behind", ["200 result=0\n", "511 Command Not Permitted\n", "HANGUP\n"])
async def test_what_comes_behind_a_hang_up_answers_nothing(case: Case, behind: str) -> None:
    outcomes = Outcomes(case.command, next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say("HANGUP\n", behind)
        assert isinstance(await outcomes.next(), CallerGone)
        assert isinstance(await outcomes.next(), CallerGone)
        assert await line.closed()


@each_listening_command
async def test_minus_one_and_a_hang_up_are_a_hang_up(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "HANGUP_GRACE", DEADLINE)
    outcomes = Outcomes(case.command, next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say("200 result=-1\nHANGUP\n")
        assert isinstance(await outcomes.next(), CallerGone)
        assert isinstance(await outcomes.next(), CallerGone)
        assert await line.closed()


@each_listening_command
async def test_a_hang_up_may_come_a_moment_behind_its_minus_one(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "HANGUP_GRACE", DEADLINE)
    outcomes = Outcomes(case.command, next_command)

    async def conversation(session: AgiSession) -> None:
        await (greet if session.environment.fields["uniqueid"].endswith(".99") else outcomes)(session)

    async with gateway(conversation) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say("200 result=-1\n")
        assert await is_answered(open_gateway)  # by then the reply has been read, and the hang-up is missed
        await line.say("HANGUP\n")
        assert isinstance(await outcomes.next(), CallerGone)
        assert await line.closed()


@each_command
async def test_behind_a_reply_and_a_hang_up_no_command_is_sent(case: Case) -> None:
    outcomes = Outcomes(case.command, next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say(case.reply, "\nHANGUP\n")
        assert await outcomes.next() == case.value
        assert isinstance(await outcomes.next(), CallerGone)
        assert await line.closed()


@pytest.mark.parametrize("end", [Line.hang_up, Line.hang_up_the_socket, Line.cut], ids=["HANGUP", "closed", "reset"])
async def test_who_waits_for_the_hang_up_hears_of_it(end: Callable[[Line], Awaitable[None] | None]) -> None:
    waiting, over = asyncio.Event(), asyncio.Event()

    async def conversation(session: AgiSession) -> None:
        assert not session.hung_up.is_set()
        waiting.set()
        await session.hung_up.wait()
        over.set()

    async with gateway(conversation) as open_gateway:
        line = await open_gateway.call()
        async with asyncio.timeout(DEADLINE):
            await waiting.wait()
            if (ending := end(line)) is not None:
                await ending
            await over.wait()
        assert over.is_set()


@each_listening_command
async def test_minus_one_and_the_end_of_the_connection_are_no_refusal(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agi, "HANGUP_GRACE", DEADLINE)
    outcomes = Outcomes(case.command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say("200 result=-1\n")
        line.hang_up_the_socket()
        assert isinstance(await outcomes.next(), CallerGone)


async def test_a_caller_who_hangs_up_is_no_fault_in_the_log() -> None:
    with capture_logs() as logs:
        async with gateway(greet) as open_gateway:
            line = await open_gateway.call()
            await line.hear()
            await line.say("200 result=-1 endpos=0\nHANGUP\n")
            assert await line.closed()
    assert [entry["log_level"] for entry in logs] == ["debug"]


# --- connections that are lost ---------------------------------------------------------------------------------------


@each_command
@pytest.mark.parametrize("end", [Line.hang_up_the_socket, Line.cut], ids=["closed", "reset"])
async def test_a_connection_that_ends_during_a_command_is_lost(case: Case, end: Callable[[Line], None]) -> None:
    outcomes = Outcomes(case.command, next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        end(line)
        assert isinstance(await outcomes.next(), AgiLost)
        assert isinstance(await outcomes.next(), AgiLost)


@each_command
@pytest.mark.parametrize("half", ["200", "200 result=", "520-Invalid command syntax.\n Usage:\n"])
async def test_half_a_reply_is_none(case: Case, half: str) -> None:
    outcomes = Outcomes(case.command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say(half)
        line.hang_up_the_socket()
        assert isinstance(await outcomes.next(), AgiLost)


@each_command
@pytest.mark.parametrize(
    "garbage",
    ["\n", "hello\n", "200\n", b"\xff\xfe\x00\n", b"x" * 20 * MIB],
    ids=["empty", "word", "code", "bytes", "20MiB"],
)
async def test_a_reply_that_asterisk_never_sends_loses_the_connection(case: Case, garbage: str | bytes) -> None:
    outcomes = Outcomes(case.command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        try:
            await line.say(garbage)
        except ConnectionError:
            assert len(garbage) > MIB  # we close before Asterisk could say all of it
        assert isinstance(await outcomes.next(), AgiLost)
        assert await line.closed()


@each_command
async def test_a_second_reply_to_one_command_loses_the_connection_and_answers_nothing(case: Case) -> None:
    outcomes = Outcomes(case.command, next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        await line.say(case.reply, "\n", "200 result=1\n")
        assert await outcomes.next() == case.value
        assert isinstance(await outcomes.next(), AgiLost)
        assert await line.closed()


async def test_a_reply_that_nobody_asked_for_loses_the_connection() -> None:
    ready = asyncio.Event()

    async def conversation(session: AgiSession) -> None:
        await ready.wait()
        await next_command(session)

    with capture_logs() as logs:
        async with gateway(conversation) as open_gateway:
            line = await open_gateway.call()
            await line.say("200 result=1\n")
            assert await line.closed()
            ready.set()
            await open_gateway.server.stop(DEADLINE)
    assert [(entry["log_level"], entry["uniqueid"]) for entry in logs] == [("warning", "1700000000.1")]


async def test_a_reply_that_does_not_come_in_time_loses_the_connection() -> None:
    outcomes = Outcomes(lambda call: call.command("NOOP", within=0.02), next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        assert await line.hear() == "NOOP"
        assert isinstance(await outcomes.next(), AgiLost)
        assert isinstance(await outcomes.next(), AgiLost)
        assert await line.closed()


@pytest.mark.parametrize(
    ("command", "deadlines"),
    [
        (lambda call: call.play("beep"), {"LONGEST_PROMPT": 0.02}),
        (lambda call: call.wait_for_digit(0), {"REPLY_DEADLINE": 0.02}),
        (lambda call: call.ask("beep", 0), {"LONGEST_PROMPT": 0.02}),
        (lambda call: call.execute("MSet", within=0.02), {}),
    ],
)
async def test_each_command_has_its_deadline(
    command: Command, deadlines: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in deadlines.items():
        monkeypatch.setattr(agi, name, seconds)
    outcomes = Outcomes(command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        assert isinstance(await outcomes.next(), AgiLost)
        assert await line.closed()


async def test_a_command_that_was_given_up_leaves_no_reply_for_the_next() -> None:
    outcomes: asyncio.Queue[object] = asyncio.Queue()

    async def conversation(session: AgiSession) -> None:
        try:
            async with asyncio.timeout(0.02):
                await session.get("FIRST")
        except TimeoutError:
            outcomes.put_nowait("given up")
        try:
            outcomes.put_nowait(await session.get("SECOND"))
        except AgiLost as lost:
            outcomes.put_nowait(lost)

    async with gateway(conversation) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        async with asyncio.timeout(DEADLINE):
            assert await outcomes.get() == "given up"
            try:
                await line.say("200 result=1 (the first)\n")
            except ConnectionError:
                assert open_gateway.server.conversations <= 1  # it has been closed already
            assert isinstance(await outcomes.get(), AgiLost)


# --- conversations that fail -----------------------------------------------------------------------------------------


async def test_a_conversation_that_fails_is_logged_by_its_call_and_no_other_notices() -> None:
    async def conversation(session: AgiSession) -> None:
        await session.play("hello")
        if "fail" in session.environment.arguments:
            message = "a fault in our own code"
            raise RuntimeError(message)
        await session.play("goodbye")

    with capture_logs() as logs:
        async with gateway(conversation) as open_gateway:
            sound, faulty = await open_gateway.call("1700000000.1"), await open_gateway.call("1700000000.2", "fail")
            for line in (sound, faulty):
                assert await line.hear() == 'STREAM FILE hello ""'
            await faulty.say("200 result=0 endpos=0\n")
            assert await faulty.closed()
            await sound.say("200 result=0 endpos=0\n")
            assert await sound.hear() == 'STREAM FILE goodbye ""'
            await sound.say("200 result=0 endpos=0\n")
            assert await sound.closed()
    (entry,) = logs
    assert (entry["log_level"], entry["uniqueid"], entry["exc_info"]) == ("error", "1700000000.2", True)


async def test_a_refusal_that_a_conversation_does_not_expect_ends_it_and_is_logged() -> None:
    with capture_logs() as logs:
        async with gateway(greet) as open_gateway:
            line = await open_gateway.call()
            await line.hear()
            await line.say("510 Invalid or unknown command\n")
            assert await line.closed()
    assert [(entry["log_level"], entry["uniqueid"]) for entry in logs] == [("error", "1700000000.1")]


async def test_a_lost_connection_is_a_warning_that_names_the_call() -> None:
    with capture_logs() as logs:
        async with gateway(greet) as open_gateway:
            line = await open_gateway.call()
            await line.hear()
            line.cut()
            await open_gateway.server.stop(DEADLINE)
    assert [(entry["log_level"], entry["uniqueid"]) for entry in logs] == [("warning", "1700000000.1")]


# --- noise at the port -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        b"\n" * 2,
        b"GET /inbound HTTP/1.1\r\nHost: pbx\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"Action: Login\r\nUsername: a\r\n\r\n",
        b"200 result=0\n",
        b"x" * 20 * MIB,
        b"agi_arg_1: " + b"x" * 20 * MIB,
        b"".join(b"agi_arg_%d: x\n" % number for number in range(MAX_AGI_ENVIRONMENT + 1)) + b"\n",
    ],
    ids=["blank", "HTTP", "TLS", "AMI", "reply", "20MiB", "20MiB argument", "many arguments"],
)
async def test_who_does_not_introduce_a_call_is_let_go_and_the_next_call_is_answered(noise: bytes) -> None:
    async with gateway(greet) as open_gateway:
        stranger = await open_gateway.connect()
        try:
            await stranger.say(noise)
        except ConnectionError:
            assert len(noise) > MIB  # we close before they could say all of it
        if noise.startswith(b"\n"):  # an environment without a line is one; what comes next is no reply
            await stranger.hear()
        assert await stranger.closed()
        assert await is_answered(open_gateway)


@pytest.mark.parametrize("end", [Line.hang_up_the_socket, Line.cut], ids=["closed", "reset"])
@pytest.mark.parametrize("said", ["", "agi_network: yes\n", "agi_network: yes\nagi_uniq"])
async def test_a_connection_that_ends_before_its_call_is_introduced_is_no_conversation(
    said: str, end: Callable[[Line], None]
) -> None:
    with capture_logs() as logs:
        async with gateway(greet) as open_gateway:
            for _ in range(20):
                stranger = await open_gateway.connect()
                await stranger.say(said)
                end(stranger)
            assert await is_answered(open_gateway)
            assert open_gateway.server.conversations == 0
    assert [entry["log_level"] for entry in logs] == ["debug"]  # of the call that was answered


async def test_who_says_nothing_is_let_go_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "ENVIRONMENT_DEADLINE", 0.05)
    async with gateway(greet) as open_gateway:
        stranger = await open_gateway.connect()
        assert await stranger.closed()
        stranger = await open_gateway.connect()
        await stranger.say("agi_network: yes\n")
        assert await stranger.closed()
        assert await is_answered(open_gateway)


async def test_a_call_that_is_introduced_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "ENVIRONMENT_DEADLINE", 0.05)
    outcomes = Outcomes(next_command)
    async with gateway(outcomes) as open_gateway:
        line = await open_gateway.call()
        await line.hear()
        assert await (await open_gateway.connect()).closed()  # by then that deadline has passed
        await line.say("200 result=1\n")
        assert await outcomes.next() is None


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """As many as the daemon gets: each connection of these tests takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= 4096, "this machine allows too few open files: ulimit -Hn 4096"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
async def test_more_half_open_connections_than_are_kept_do_not_disturb_a_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agi, "ENVIRONMENT_DEADLINE", 10 * DEADLINE)
    outcomes = Outcomes(next_command)

    async def conversation(session: AgiSession) -> None:
        await (greet if session.environment.fields["uniqueid"].endswith(".99") else outcomes)(session)

    async with gateway(conversation) as open_gateway:
        before = await open_gateway.call()
        await before.hear()
        strangers = [await open_gateway.connect() for _ in range(agi.MAX_HALF_OPEN + 100)]
        began = time.monotonic()
        assert await is_answered(open_gateway)
        assert time.monotonic() - began < QUICKLY
        await before.say("200 result=1\n")
        assert await outcomes.next() is None  # who was in a conversation is in it still
        assert await strangers[0].closed()  # the oldest made room
        await strangers[-1].introduce("1700000000.99")
        assert (await strangers[-1].hear()).startswith("STREAM FILE hello")  # the newest may still become a call


@pytest.mark.usefixtures("many_descriptors")
@on_both_loops
def test_every_call_of_a_burst_is_answered(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Five hundred in one instant, as when the daemon could not run for a while: none is taken for a stranger."""

    async def burst() -> list[bytes]:
        async with gateway(greet) as open_gateway, AsyncExitStack() as stack:
            connect = partial(socket.create_connection, (open_gateway.host, PORT))
            calls = [stack.enter_context(connect()) for _ in range(agi.BACKLOG)]  # all wait: no await in between
            for number, call in enumerate(calls):
                call.sendall(b"agi_network: yes\nagi_uniqueid: 1700000000.%d\n\n" % number)
                call.setblocking(False)  # noqa: FBT003 - its only argument
            async with asyncio.timeout(DEADLINE):
                return [await asyncio.get_running_loop().sock_recv(call, 64) for call in calls]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(burst()) == [b'STREAM FILE hello ""\n'] * agi.BACKLOG


# --- the end ---------------------------------------------------------------------------------------------------------


async def test_stopping_lets_conversations_end_and_takes_no_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "ENVIRONMENT_DEADLINE", 10 * DEADLINE)
    outcomes = Outcomes(next_command, next_command)
    async with gateway(outcomes) as open_gateway:
        line, half_open = await open_gateway.call(), await open_gateway.connect()
        await line.hear()
        stopping = asyncio.create_task(open_gateway.server.stop(DEADLINE))
        assert await half_open.closed()
        with pytest.raises(ConnectionRefusedError):
            await open_gateway.connect()
        for _ in range(2):
            await line.say("200 result=1\n")
            assert await outcomes.next() is None
        assert await line.hear() == "SET VARIABLE NEXT 1"
        assert await line.closed()
        async with asyncio.timeout(DEADLINE):
            await stopping
        assert open_gateway.server.conversations == 0


async def test_stopping_lets_go_of_conversations_that_do_not_end() -> None:
    with capture_logs() as logs:
        async with gateway(greet) as open_gateway:
            lines = [await open_gateway.call(f"1700000000.{number}") for number in range(5)]
            for line in lines:
                await line.hear()
            assert open_gateway.server.conversations == len(lines)
            async with asyncio.timeout(DEADLINE):
                await open_gateway.server.stop(0.02)
            assert open_gateway.server.conversations == 0
            assert [await line.closed() for line in lines] == [True] * len(lines)
    assert logs == []  # nothing has failed


async def test_a_port_that_is_taken_says_so() -> None:
    async with gateway(greet) as open_gateway:
        with pytest.raises(OSError, match="address already in use"):
            await AgiServer(greet).listen(open_gateway.host, PORT)
