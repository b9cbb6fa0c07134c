"""What is spoken for a prompt is judged by its peaks: a table for whoever records, and not Python."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccdaemon.rules.takes import AFTER, BEFORE, FRAME, FULL, Frame, Refusal, Spoken, frames, judge

ROOM, VOICE = Frame(50), Frame(8000)


@pytest.mark.parametrize(
    ("take", "verdict"),
    [
        ([], Refusal.SILENT),
        ([ROOM] * 200, Refusal.SILENT),
        ([Frame(300)] * 200, Refusal.SILENT),  # a fan, or a microphone that is turned down
        ([ROOM] * 50 + [VOICE] * 10 + [ROOM] * 50, Refusal.SHORT),  # somebody touched the table
        ([ROOM] * 50 + [VOICE] * 50 + [Frame(FULL, 3)] + [VOICE] * 50, Refusal.CLIPPED),
        ([ROOM] * 50 + [VOICE] * 50 + [Frame(FULL, 2)] + [VOICE] * 50 + [ROOM] * 50, Spoken(0.4, 1.71)),
        ([ROOM] * 50 + [VOICE] * 100 + [ROOM] * 50, Spoken(0.4, 1.7)),
        ([VOICE] * 100, Spoken(0.0, 1.0)),
        ([ROOM] * 50 + [VOICE] * 30 + [ROOM] * 90 + [VOICE] * 30 + [ROOM] * 50, Spoken(0.4, 2.2)),  # a pause stays
    ],
)
def test_what_is_silent_short_or_distorted_is_refused_and_the_rest_is_trimmed(
    take: list[Frame], verdict: Spoken | Refusal
) -> None:
    found = judge(take)
    if isinstance(verdict, Spoken):
        assert isinstance(found, Spoken)
        assert (found.begins, found.ends) == pytest.approx((verdict.begins, verdict.ends))
    else:
        assert found is verdict


@given(st.lists(st.sampled_from([ROOM, VOICE, Frame(300)]), max_size=400))
def test_nothing_that_is_spoken_is_cut_off(take: list[Frame]) -> None:
    found = judge(take)
    if isinstance(found, Spoken):
        loud = [number * FRAME for number, frame in enumerate(take) if frame is not ROOM]
        assert found.begins <= loud[0] + 1e-9
        assert found.ends >= loud[-1] + FRAME - 1e-9
        assert found.ends - found.begins <= loud[-1] + FRAME - loud[0] + BEFORE + AFTER + 1e-9
    else:
        assert found in Refusal


def test_peaks_are_those_of_each_hundredth_of_a_second() -> None:
    wave = array("h", (round(1000 * math.sin(2 * math.pi * 100 * at / 8000)) for at in range(80)))
    loud = array("h", [FULL, -FULL - 1, FULL, *[0] * 77])
    rest = array("h", [5] * 40)  # less than a frame
    assert frames((wave + loud + rest).tobytes(), 8000) == [Frame(1000), Frame(FULL + 1, 3)]
