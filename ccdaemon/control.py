"""The control socket: one JSON line asks, one JSON line answers. Only this process touches the register while it runs.

The socket's file mode says who may ask (owner and group); the folder is the daemon's.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import structlog

MAX_LINE = 16 * 1024 * 1024  # bytes; an answer may list many calls
DEADLINE = 30.0  # seconds

Answerer: TypeAlias = Callable[[dict[str, Any]], Awaitable[Any]]

log = structlog.get_logger()


class NotRunning(Exception):
    """No daemon answers at this socket."""


class Refused(Exception):
    """The daemon cannot answer; the text says why."""


class Control:
    """The daemon's end."""

    def __init__(self, questions: Mapping[str, Answerer]) -> None:
        self._questions = questions
        self._server: asyncio.Server

    async def listen(self, path: Path) -> None:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path, limit=MAX_LINE)
        await asyncio.to_thread(path.chmod, 0o660)

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                writer.write(await self._answer(await reader.readline()))
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError) as fault:
            log.warning("a question at the control socket got no answer", reason=str(fault) or "too slow")
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            question = json.loads(line)
            name, values = question["ask"], question["with"]
            answerer = self._questions[name]
        except (ValueError, KeyError, TypeError, RecursionError):
            return _line(refused="this daemon does not know the question: it is of another version than the command")
        try:
            return _line(answer=await answerer(values))
        except Refused as refusal:
            return _line(refused=str(refusal))
        except Exception:  # who asks must not take a fault for a daemon that has ended
            log.exception("a question at the control socket failed", question=name)
            return _line(refused="the daemon failed to answer; its log says why")


def _line(**answer: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps(answer).encode() + b"\n"


def ask(path: Path, name: str, **values: Any) -> Any:  # noqa: ANN401 - any JSON
    """A command's end. Raises `NotRunning` or `Refused`."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps({"ask": name, "with": values}).encode() + b"\n")
            with connection.makefile("rb") as reader:
                line = reader.readline(MAX_LINE)
        except PermissionError as fault:
            message = f"you may not use {path}: you need to be in the group of the daemon"
            raise Refused(message) from fault
        except TimeoutError as fault:
            message = f"the daemon at {path} does not answer: it hangs, and systemd will restart it"
            raise Refused(message) from fault
        except OSError as fault:
            message = f"no daemon listens at {path}"
            raise NotRunning(message) from fault
    if len(line) >= MAX_LINE:
        message = "the answer is too long: ask for less"
        raise Refused(message)
    if not line.endswith(b"\n"):
        message = "the daemon ended before it answered"
        raise NotRunning(message)
    answer = json.loads(line)
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer["answer"]
