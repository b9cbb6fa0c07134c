"""The folder of prompts that Asterisk plays from: which are there, and how long they are."""

from __future__ import annotations

from pathlib import Path

import structlog

from ccdaemon.model import ENDINGS, SPOKEN, Prompt

ALAW = ENDINGS[0]

log = structlog.get_logger()


class Sounds:
    """Prompts by language and name. A missing one is reported once, and left out of what callers hear.

    What was spoken at handsets lies in a folder of its own.
    """

    def __init__(self, folder: Path, spoken: Path | None = None) -> None:
        self._folder = folder
        self._spoken = spoken or folder
        self._files: dict[Prompt, Path] = {}
        self._missing: set[Prompt] = set()

    def file(self, prompt: Prompt) -> str | None:
        """The path, without ending, by which Asterisk finds a prompt; None if there is no such sound."""
        if self._find(prompt) is not None:
            self._missing.discard(prompt)
            return f"{self._of(prompt)}/{prompt.sound}"
        if prompt not in self._missing:
            self._missing.add(prompt)
            log.error(
                "a prompt is missing: callers do not hear it. `ccdaemon prompts build` makes it",
                prompt=prompt.id,
                language=prompt.language,
                file=f"{self._of(prompt)}/{prompt.sound}{ALAW}",
            )
        return None

    def samples(self, prompt: Prompt) -> int:
        """How long a prompt is, at 8,000 samples a second; 1 where only its being there is known."""
        file = self._find(prompt)
        return max(file.stat().st_size, 1) if file is not None and file.suffix == ALAW else 1

    def _of(self, prompt: Prompt) -> Path:
        return self._spoken if prompt.id.startswith(SPOKEN) else self._folder

    def _find(self, prompt: Prompt) -> Path | None:
        """Where it was found the last time, or else anew: people put recordings of their own in the place of ours."""
        file = self._files.get(prompt)
        if file is None or not file.exists():
            files = (self._of(prompt) / f"{prompt.sound}{ending}" for ending in ENDINGS)
            file = next((file for file in files if file.exists()), None)
        if file is not None:
            self._files[prompt] = file
        return file
