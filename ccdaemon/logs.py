"""Logs: JSON lines for the journal, readable lines with colours on a terminal. Never a number, a name or a key.

Nothing that happens to the log ends the daemon: a line that cannot be written, as on a full disk, is lost, and with the
next one that can be it is said how many were.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import IO, Literal, TypeAlias, get_args

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Output:
    """Takes lines. Unbuffered, so that what could not be written is not tried for ever."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lost = 0

    def write(self, line: str) -> None:
        try:
            if self._lost:
                said = json.dumps({"event": "lines of this log could not be written", "lines": self._lost})
                self._stream.write(f"\n{said}\n".encode())
                self._lost = 0
            self._stream.write(line.encode(errors="replace"))
        except OSError:
            self._lost += 1

    def flush(self) -> None:
        """There is nothing to flush."""


class Threshold:
    """Lets through what is as grave as it says now. (structlog's own levels are fixed once something was logged.)"""

    def __init__(self) -> None:
        self.level: Level = "info"

    def __call__(self, _logger: object, method: str, said: EventDict) -> EventDict:
        grave = {"exception": "error", "critical": "error"}.get(method, method)
        if grave in LEVELS and LEVELS.index(grave) < LEVELS.index(self.level):
            raise structlog.DropEvent
        return said


_threshold = Threshold()


def set_level(level: Level) -> None:
    """From now on."""
    _threshold.level = level


def configure(level: Level) -> None:
    """Set up logging for the process."""
    set_level(level)
    readable = sys.stdout.isatty()
    renderer: list[Processor] = [
        # Tracebacks without the values of variables: those hold numbers and names.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    if readable:
        renderer = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[
            _threshold,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(Output(getattr(sys.stdout.buffer, "raw", sys.stdout.buffer))),  # type: ignore[arg-type]  # of a text stream it takes these two alone
        cache_logger_on_first_use=True,
    )
    logging.getLogger("panoramisk").setLevel(logging.CRITICAL)  # it logs whole messages, numbers included
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)  # aiomqtt's: what it says of a lost connection, we say too
