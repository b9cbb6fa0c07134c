"""The control socket: every question gets an answer or a reason, whatever comes in between."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import PydanticUserError
from structlog.testing import capture_logs

from ccdaemon import control as room
from ccdaemon import notify
from ccdaemon.answers.handsets import Supervisors
from ccdaemon.answers.operating import Operating
from ccdaemon.asked import Answerer, Json
from ccdaemon.config import load
from ccdaemon.control import Control, NotRunning, Refused, ask
from ccdaemon.current import Current
from ccdaemon.daemon import Daemon
from ccdaemon.drop import PORTION
from ccdaemon.flows.journal import Journal
from ccdaemon.flows.lines import Lines
from ccdaemon.flows.pins import Pins
from ccdaemon.places import keys
from ccdaemon.rules.access import MAY
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.lines import LONGEST
from ccdaemon.sounds import Sounds
from ccdaemon.upkeep import Upkeep
from tests.builders import PROMPTS, Noticeboard
from tests.kept_site import LEG, NUMBER, Kept, kept_site, run

__all__ = ["kept_site"]

HELD_UP = 0.5  # seconds; a caller hears none of it
DEADLINE = 10.0  # seconds; whatever a test waits for is there long before

unhurried = settings(deadline=None)  # how long an example takes says more of the machine than of the code
ANOTHER_VERSION = "another version"
NOBODY = 65534
ROOT = Path(__file__).parents[1]


async def echo(*, said: Json = None) -> Json:
    return said


async def refuse(*, why: str) -> None:
    raise Refused(why)


async def fail() -> None:
    raise LookupError


CALLS = [{"call": f"1700000000.{number}", "service": "tai"} for number in range(20_000)]


async def many_calls() -> Json:
    return CALLS


async def unspeakable() -> object:
    return object()


QUESTIONS: dict[str, Answerer] = {
    "echo": echo,
    "refuse": refuse,
    "fail": fail,
    "many calls": many_calls,
    "unspeakable": unspeakable,
}


@asynccontextmanager
async def answering(path: Path, questions: dict[str, Answerer] = QUESTIONS) -> AsyncIterator[Path]:
    control = Control(questions)
    await control.listen(path)
    try:
        yield path
    finally:
        control.close()


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    async with answering(tmp_path / "control") as path:
        yield path


async def put(path: Path, name: str, **values: Any) -> Any:  # noqa: ANN401 - any JSON
    async with asyncio.timeout(DEADLINE):
        return await asyncio.to_thread(ask, path, name, **values)


async def say(path: Path, line: bytes, *, and_stop: bool = False) -> bytes:
    """Say something at the socket, not necessarily a question, and return all that comes back."""
    reader, writer = await asyncio.open_unix_connection(path)
    with closing(writer):
        writer.write(line)
        if and_stop:
            writer.write_eof()
        async with asyncio.timeout(DEADLINE):
            return await reader.read()


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [{}, {"call": "1700000000.1"}, {"text": 'Siân said "x"\n\\'}, {"list": [1, 2.5, None, True, {"a": []}]}],
)
async def test_a_question_is_answered_with_what_was_asked(path: Path, values: dict[str, Any]) -> None:
    assert await put(path, "echo", said=values) == values


async def test_an_answer_may_be_long(path: Path) -> None:
    assert await put(path, "many calls") == CALLS


async def test_many_may_ask_at_once(path: Path) -> None:
    answers = await asyncio.gather(*(put(path, "echo", said=number) for number in range(30)))
    assert answers == [*range(30)]


async def test_a_refusal_says_why(path: Path) -> None:
    with pytest.raises(Refused, match="the register knows no call 7"):
        await put(path, "refuse", why="the register knows no call 7")


async def test_a_question_of_another_version_is_refused(path: Path) -> None:
    with pytest.raises(Refused, match=ANOTHER_VERSION):
        await put(path, "no such question")


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"GET / HTTP/1.1\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"1\n",
        b"null\n",
        b'{"ask": "echo"}\n',
        b'{"with": {}}\n',
        b'{"ask": ["echo"], "with": {}}\n',
        b'{"ask": "echo", "with": null}\n',
        b'{"ask": "echo", "with": [1]}\n',
        b'{"ask": "ec',
    ],
)
async def test_what_is_no_question_is_refused(path: Path, line: bytes) -> None:
    answer = json.loads(await say(path, line, and_stop=True))
    assert ANOTHER_VERSION in answer["refused"]
    assert await put(path, "echo") is None


@pytest.mark.parametrize("question", ["fail", "unspeakable"])
async def test_a_fault_in_an_answer_is_logged_and_refused_and_the_next_question_is_answered(
    path: Path, question: str
) -> None:
    with capture_logs() as logs:
        with pytest.raises(Refused, match="log"):
            await put(path, question)
        assert await put(path, "echo") is None
    assert [(entry["log_level"], entry["exc_info"]) for entry in logs] == [("error", True)]


async def test_braces_without_end_do_no_harm(path: Path) -> None:
    assert "refused" in json.loads(await say(path, b"[" * 1_000_000 + b"\n"))
    assert await put(path, "echo") is None


@unhurried
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=10) | st.none(), max_size=4))
def test_whatever_values_a_question_has_they_arrive(values: dict[str, Any]) -> None:
    async def arrives() -> Any:  # noqa: ANN401 - any JSON
        with TemporaryDirectory() as folder:
            async with answering(Path(folder) / "control") as path:
                return await put(path, "echo", said=values)

    assert asyncio.run(arrives()) == values


# --- keys and their types --------------------------------------------------------------------------------------------

A_HOLD = {"reason": "police", "reference": "X-9", "call": "1.1"}
A_REQUEST = {"to": "police", "organisation": "E", "ground": "crime", "reference": "X-9", "recordings": [[LEG, 1]]}
A_CASE = {"kind": "access", "reference": "SAR-31", "received": "2026-11-20"}
A_NUMBER = "case: should be a whole number"
AN_ITEM = "kind: should be 'transcript', 'sms', 'webchat' or 'social'"
A_DAY = "received: should be a day, as 2026-12-25"


@pytest.mark.parametrize(
    ("question", "values", "faults"),
    [
        ("case pause", {"case": "1"}, A_NUMBER),
        ("case pause", {"case": 1.0}, A_NUMBER),
        ("case pause", {"case": True}, A_NUMBER),
        ("case pause", {"case": None}, A_NUMBER),
        ("case pause", {"case": [1]}, A_NUMBER),
        ("case pause", {"case": -1}, "case: should be greater than or equal to 0"),
        ("case pause", {"case": 2**63}, f"case: should be less than {2**63}"),
        ("case pause", {}, "case: is missing"),
        ("case pause", {"case": 1, "day": "x"}, "day: is no key of this question"),
        ("case pause", {"Case": 1}, "case: is missing; Case: is no key of this question"),
        ("case close", {"case": 1, "outcome": "lost"}, "outcome: should be 'answered', 'refused' or 'withdrawn'"),
        ("case open", {**A_CASE, "received": "20 November 2026"}, A_DAY),
        ("case open", {**A_CASE, "received": "2026-02-30"}, A_DAY),
        ("case open", {**A_CASE, "received": 1795132800}, A_DAY),
        ("case open", {**A_CASE, "reference": " \n"}, "reference: cannot be empty"),
        ("case open", {**A_CASE, "reference": ["x"]}, "reference: should be a text"),
        ("case open", {**A_CASE, "reference": "\udcff"}, "it holds bytes that are no text, or lists without end"),
        (
            "case open",
            {"kind": 7, "received": ""},
            f"kind: should be 'access' or 'erasure'; reference: is missing; {A_DAY}",
        ),
        ("calls", {"since": "0", "until": False}, "since: should be a number; until: should be a number"),
        ("calls", {"since": 0, "until": float("inf")}, "until: should be a number"),
        ("call", {"call": 1.1}, "call: should be a text"),
        ("audit verify", {"against": ["1:00"]}, "against: should be a text"),
        ("disclosure decide", {"disclosure": 1, "approve": 1}, "approve: should be true or false"),
        ("disclosure decide", {"disclosure": 1, "approve": "no"}, "approve: should be true or false"),
        ("disclosure manifest", {"disclosure": 1, "files": ["a"]}, "files: should be an object"),
        ("disclosure manifest", {"disclosure": 1, "files": {"a": 1}}, "files.a: should be a text"),
        ("disclosure request", {**A_REQUEST, "recordings": [[LEG, "1"]]}, "recordings.0.1: should be a whole number"),
        ("disclosure request", {**A_REQUEST, "recordings": [[LEG]]}, "recordings.0.1: is missing"),
        ("disclosure request", {**A_REQUEST, "recordings": [[LEG, 1, 1]]}, "recordings.0: has too many entries"),
        ("disclosure request", {**A_REQUEST, "recordings": [f"{LEG}-1"]}, "recordings.0: should be a list"),
        ("hold", {"hold": []}, "hold: should be an object"),
        ("hold", {"hold": {**A_HOLD, "since": "1"}}, "hold.since: should be a number"),
        ("hold", {"hold": {**A_HOLD, "service": "tai"}}, "hold.service: is no key of this question"),
        ("hold", A_HOLD, "hold: is missing; " + "; ".join(f"{key}: is no key of this question" for key in A_HOLD)),
        ("import", {"kind": "sms", "lines": ["{}"]}, "lines.0: should be Base64"),
        ("import", {"kind": "fax", "lines": [1]}, f"{AN_ITEM}; lines.0: should be Base64"),
        ("subject", {"case": 1, "parties": NUMBER, "since": 0, "until": 1}, "parties: should be a list"),
    ],
)
async def test_a_question_that_is_put_wrongly_is_told_all_its_faults(
    kept_site: Kept, question: str, values: dict[str, Any], faults: str
) -> None:
    assert await kept_site.refusal(question, **values) == f"the question {question!r} was put wrongly: {faults}"


async def test_every_question_knows_its_keys_and_the_type_of_each(kept_site: Kept, tmp_path: Path) -> None:
    site = load(kept_site.config, PROMPTS)
    upkeep = Upkeep(kept_site.register, kept_site.archive, keys(site), Noticeboard(), lambda: site, lambda: None)
    board, current, sounds = Noticeboard(), Current(site), Sounds(site.main.paths.sounds)
    operating = Operating(
        *(kept_site.register, current, Calls(), sounds, board),
        *(Lines(kept_site.register, current, sounds, lambda: None, time.time), lambda: True, dict),
        lambda: current.take_new(board),
    )
    pins = Pins(kept_site.register, current.site, lambda *_: False, Journal(kept_site.register, board), time.time)
    supervisors = Supervisors(kept_site.register, current, pins)
    answerers = {
        **upkeep.answers(),
        **operating.answers(),
        **supervisors.answers(),
        "state": Daemon(site).tell_state,
    }
    assert answerers.keys() == MAY.keys()
    async with answering(tmp_path / "all", answerers) as path:
        for question, answerer in answerers.items():
            with pytest.raises(Refused, match=r"put wrongly: (.*; )?nonsense: is no key of this question"):
                await put(path, question, nonsense=1)
            for key in signature(answerer).parameters:
                with pytest.raises(Refused, match=rf"put wrongly: (.*; )?{key}(\.\w+)?: (should be|is no key) "):
                    await put(path, question, **{key: {"nested": {"deeper": 1}}})


async def test_who_makes_more_faults_than_a_person_is_told_how_many(path: Path) -> None:
    with pytest.raises(Refused, match="put wrongly: 1,000 faults"):
        await put(path, "echo", **{f"key {number}": 1 for number in range(1000)})


async def test_who_may_not_ask_does_not_hear_how_to(tmp_path: Path) -> None:
    async def nobody(question: str, _: str) -> None:
        message = f"you may not ask {question}"
        raise Refused(message)

    control = Control(QUESTIONS, nobody)
    await control.listen(tmp_path / "control")
    with closing(control), pytest.raises(Refused, match="you may not ask refuse"):
        await put(tmp_path / "control", "refuse", wrong=1)


def test_an_answerer_whose_keys_have_no_meaning_in_json_is_found_out_at_the_start() -> None:
    async def unaskable(*, line: socket.socket) -> None: ...

    with pytest.raises(PydanticUserError):
        Control({"unaskable": unaskable})


# --- who does not follow the rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        b'{"ask": "echo", "with": {"said": "%s"}}' % (b"x" * 14_000_000),
        b'{"ask": "echo", "with": {"said": [%s0]}}' % (b"[]," * 300_000),
        b"x" * 14_000_000,
    ],
    ids=["bytes", "values", "no question"],
)
async def test_a_question_that_is_too_long_is_refused_and_holds_up_nobody(path: Path, question: bytes) -> None:
    waits, over = [0.0], asyncio.Event()

    async def others() -> None:
        while not over.is_set():
            began = asyncio.get_running_loop().time()
            await put(path, "echo", said=1)
            waits.append(asyncio.get_running_loop().time() - began)

    asking = asyncio.create_task(others())
    refused = json.loads(await say(path, question + b"\n"))["refused"]
    over.set()
    await asking
    assert refused == ("the question is too long: 2,097,152 bytes and 10,000 values are the most. Ask for less at once")
    assert max(waits) < HELD_UP


@pytest.mark.parametrize("said", ["x" * 5_000_000, [[]] * 10_000])
async def test_a_question_that_is_too_long_is_not_even_asked(tmp_path: Path, said: Json) -> None:
    with pytest.raises(Refused, match="the question is too long"):
        await put(tmp_path / "nobody listens", "echo", said=said)


async def test_the_longest_lines_are_taken_in(kept_site: Kept, tmp_path: Path) -> None:
    """The longest question of an import: a portion that is all but full, and the longest line."""
    said = '{{"id": "{}", "at": "2026-07-06T10:00:00+01:00", "direction": "in", "text": "{}"}}'
    none = len(said.format(0, ""))
    file = tmp_path / "long.jsonl"
    longs = (PORTION, LONGEST, LONGEST)
    file.write_text("".join(said.format(place, "x" * (long - none)) + "\n" for place, long in enumerate(longs)))
    done = await run(kept_site.config, "import", "--class", "sms", file)
    assert "3 new, 0 known already, 0 not taken" in done.output


async def test_a_question_without_end_is_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.2)
    reader, writer = await asyncio.open_unix_connection(path)
    with capture_logs() as logs, closing(writer), suppress(ConnectionError):
        async with asyncio.timeout(DEADLINE):
            while not reader.at_eof():
                writer.write(b"x" * 100_000)
                await writer.drain()
                await asyncio.sleep(0.001)
    assert [entry["log_level"] for entry in logs] == ["warning"]
    monkeypatch.undo()
    assert await put(path, "echo") is None


async def test_who_connects_and_asks_nothing_is_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.05)
    with capture_logs() as logs:
        assert await say(path, b'{"ask": ') == b""
    assert [(entry["log_level"], entry["reason"]) for entry in logs] == [("warning", "too slow")]


async def test_who_leaves_before_the_answer_disturbs_nobody(tmp_path: Path) -> None:
    asked, leave, left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        asked.set()
        await leave.wait()
        left.set()
        return "x" * 10_000_000

    async with answering(tmp_path / "control", {"slow": slow, "echo": echo}) as path:
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"ask": "slow", "with": {}}\n')
        async with asyncio.timeout(DEADLINE):
            await asked.wait()
            writer.transport.abort()
            leave.set()
            await left.wait()
        assert await put(path, "echo") is None


# --- a command without a daemon --------------------------------------------------------------------------------------


async def test_where_no_daemon_listens_none_is_running(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        await put(tmp_path / "control", "echo")


async def test_a_daemon_that_has_ended_is_not_running(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control"))
    with pytest.raises(NotRunning):
        await put(tmp_path / "control", "echo")


@pytest.mark.parametrize("beginning", [b"", b'{"answer": {"calls": [1, 2'])
async def test_a_daemon_that_ends_before_its_answer_does_is_not_running(tmp_path: Path, beginning: bytes) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(beginning)
        writer.close()

    async with await asyncio.start_unix_server(end, tmp_path / "control"):
        with pytest.raises(NotRunning, match="ended before it answered"):
            await put(tmp_path / "control", "echo")


async def test_a_daemon_that_hangs_is_told_from_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.05)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control"))
        server.listen()
        with pytest.raises(Refused, match="hangs"):
            await put(tmp_path / "control", "echo")


async def test_an_answer_that_is_too_long_is_not_taken_for_one_that_was_cut(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_LINE", 4096)
    with pytest.raises(Refused, match="too long"):
        await put(path, "echo", said="x" * 5000)


# --- the socket ------------------------------------------------------------------------------------------------------


async def test_owner_and_group_may_ask_and_nobody_else(path: Path) -> None:
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


async def test_who_may_not_ask_hears_so(path: Path) -> None:
    """As somebody else where we are root, whom no mode keeps out; else with a mode that keeps out ourselves."""
    path.chmod(0o000)
    script = "import sys, pathlib; from ccdaemon.control import ask; ask(pathlib.Path(sys.argv[1]), 'echo')"
    somebody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    asking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(path)),
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)},
        **somebody,
    )
    async with asyncio.timeout(DEADLINE):
        _, said = await asking.communicate()
    assert b"ccdaemon.control.Refused: you may not use" in said


async def test_a_socket_that_a_killed_daemon_left_behind_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "control"))
    async with answering(tmp_path / "control") as path:
        assert await put(path, "echo", said="still") == "still"


async def test_a_daemon_that_ends_takes_no_more_questions(tmp_path: Path) -> None:
    async with answering(tmp_path / "control") as path:
        assert await put(path, "echo") is None
    with pytest.raises(NotRunning):
        await put(path, "echo")


# --- a socket that systemd holds -------------------------------------------------------------------------------------


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As systemd passes it, but that it cannot be the third descriptor of this process."""
    path = tmp_path / "held"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        monkeypatch.setattr(notify, "FIRST", os.dup(listening.fileno()) - 1)
        for name, value in (("LISTEN_PID", str(os.getpid())), ("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "other:control")):
            monkeypatch.setenv(name, value)
        yield path


async def test_a_question_that_came_before_us_is_answered_at_the_socket_that_systemd_holds(
    held: Path,
) -> None:
    early = asyncio.create_task(put(held, "echo", said="early"))
    await asyncio.sleep(0.05)
    async with answering(held):
        assert await early == "early"
        assert await put(held, "echo", said=1) == 1
    assert held.exists()  # it is systemd's, who listens on
    assert "LISTEN_FDS" not in os.environ


async def test_a_question_that_comes_after_we_ended_waits_for_the_next(held: Path) -> None:
    async with answering(held):
        pass
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(held))


@pytest.mark.parametrize(
    ("name", "value"),
    [("LISTEN_PID", "1"), ("LISTEN_FDNAMES", "other:another"), ("XDG_NOTHING", "the site has its own")],
)
async def test_a_socket_that_is_not_for_us_is_let_alone(
    held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    async with answering(tmp_path / "control") as path:
        assert await put(path, "echo", said="own") == "own"
    assert held.exists()


async def test_a_question_that_no_daemon_takes_does_not_wait_for_an_hour(
    held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.05)
    with pytest.raises(Refused, match="or it cannot start"):
        await put(held, "echo", patience=3600.0)
