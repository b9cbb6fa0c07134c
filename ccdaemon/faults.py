"""Expected faults of the world, named for what a flow does about them. The edges raise them."""

from __future__ import annotations


class SwitchRefused(Exception):
    """Asterisk will not do what it was told; the text is its own."""

    def says(self, *texts: str) -> bool:
        return str(self).endswith(texts)


class SwitchLost(Exception):
    """The link to Asterisk is gone, or too slow: nobody knows whether something was done."""


class RegisterFull(Exception):
    """The register takes nothing now (the disk is full, the file is locked): keep it and try again."""


class SoundFault(Exception):
    """What was to be heard could not be written, or is no audio that can be read."""


class ArchiveFault(Exception):
    """A recording could not be finished, and its raw file is where it was: say so and try again."""


class KeyUnusable(Exception):
    """What a key is needed for cannot be done: it was destroyed, or it is another one. What it wrapped is as it was."""
