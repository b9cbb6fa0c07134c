"""A minute of many calls with everything on; `./dev prove soak` is two hours of it."""

from __future__ import annotations

from tests.lab.soak import soak
from tests.live.conftest import RUN

MINUTE, RATE = 60.0, 3.0  # seconds; calls a second


async def test_after_a_minute_of_calls_nothing_is_left_and_our_counts_are_those_of_asterisk() -> None:
    seen = await soak(RUN / "soak", MINUTE, RATE)
    assert seen.calls >= MINUTE * RATE * 0.9
