"""Logs: JSON lines for the journal, readable lines with colours on a terminal. Never a number, a name or a key.

Nothing that happens to the log ends the daemon: a line that cannot be written, as on a full disk, is lost, and with the
next one that can be it is said how many were.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import IO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor


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


def configure(level: str) -> None:
    """Set up logging for the process. `level` is one of logging's names in lower case."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
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
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(Output(getattr(sys.stdout.buffer, "raw", sys.stdout.buffer))),  # type: ignore[arg-type]  # of a text stream it takes these two alone
        cache_logger_on_first_use=True,
    )
    logging.getLogger("panoramisk").setLevel(logging.CRITICAL)  # it logs whole messages, numbers included
