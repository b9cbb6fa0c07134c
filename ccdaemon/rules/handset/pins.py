"""For how long nobody may try a supervisor's PIN, given how often it was wrong: from any handset."""

from __future__ import annotations

from dataclasses import dataclass

FREE = 5  # wrong ones, before there is any waiting
FIRST, LONGEST = 60.0, 86_400.0  # seconds; each further wrong one doubles it


@dataclass(frozen=True, slots=True)
class Attempts:
    """Wrong PINs since the last right one, and when the newest was tried."""

    wrong: int = 0
    last: float = 0.0

    def locked_until(self) -> float:
        """When it may be tried again; a moment that has passed, if at once."""
        if self.wrong < FREE:
            return 0.0
        return self.last + min(FIRST * 2.0 ** min(self.wrong - FREE, 60), LONGEST)

    def after(self, now: float, *, right: bool) -> Attempts:
        return Attempts() if right else Attempts(self.wrong + 1, now)
