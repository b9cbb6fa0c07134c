"""The folder of prompts that Asterisk plays from: which are there, and how long they are."""

from __future__ import annotations

from pathlib import Path

import structlog

from ccdaemon.model import Prompt

ENDINGS = (".alaw", ".sln16", ".wav", ".gsm", ".ulaw", ".g722")  # what format_*.so of a usual Asterisk reads
ALAW = ".alaw"

log = structlog.get_logger()


class Sounds:
    """Prompts by language and name. A missing one is reported once, and left out of what callers hear."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._missing: set[Path] = set()

    def file(self, prompt: Prompt) -> str | None:
        """The path, without ending, by which Asterisk finds a prompt; None if there is no such sound."""
        stem = self._stem(prompt)
        if any(stem.with_name(stem.name + ending).exists() for ending in ENDINGS):
            self._missing.discard(stem)
            return str(stem)
        if stem not in self._missing:
            self._missing.add(stem)
            log.error(
                "a prompt is missing: callers do not hear it. `ccdaemon prompts build` makes it",
                prompt=prompt.id,
                language=prompt.language,
                file=f"{stem}{ALAW}",
            )
        return None

    def samples(self, prompt: Prompt) -> int:
        """How long a prompt is, at 8,000 samples a second; 1 where only its being there is known."""
        stem = self._stem(prompt)
        try:
            return max(stem.with_name(stem.name + ALAW).stat().st_size, 1)
        except OSError:
            return 1

    def _stem(self, prompt: Prompt) -> Path:
        return self._folder / prompt.sound
