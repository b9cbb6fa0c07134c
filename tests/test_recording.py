"""Which calls are recorded, and what is said of those that are not."""

from __future__ import annotations

import pytest

from ccdaemon.kept import FinishedFile, Recording, Side
from ccdaemon.rules.recording import Verdict, fault_of, may_record
from tests.builders import RECORDED, example_site

RECORD, SILENT = Verdict.RECORD, Verdict.SERVICE_DOES_NOT_RECORD
UNTOLD, SEALED = Verdict.NOT_ANNOUNCED, Verdict.SEALED


@pytest.mark.parametrize(
    ("service", "announced", "sealed", "expected"),
    [
        ("housing", True, False, RECORD),
        ("housing", False, False, UNTOLD),
        ("housing", True, True, SEALED),
        ("housing", False, True, SEALED),
        ("assist", True, False, RECORD),
        ("assist", False, False, UNTOLD),
        ("assist", True, True, SEALED),
        ("highways", True, False, SILENT),
        ("highways", False, False, SILENT),
        ("highways", True, True, SEALED),
        ("payments", True, False, SILENT),
        ("payments", True, True, SEALED),
        ("ict", True, False, SILENT),
    ],
)
def test_only_an_announced_unsealed_call_to_a_recording_service_is_recorded(
    *, service: str, announced: bool, sealed: bool, expected: Verdict
) -> None:
    assert may_record(example_site().services[service], announced=announced, sealed=sealed) is expected


def test_of_all_services_only_housing_and_assist_ever_record() -> None:
    services = example_site().services.values()
    assert len(services) == 15
    recorded = [each.id for each in services if may_record(each, announced=True, sealed=False) is RECORD]
    assert sorted(recorded) == sorted(RECORDED)


def test_every_verdict_gives_its_reason_in_words_of_its_own() -> None:
    reasons = [verdict.value for verdict in Verdict]
    assert len(set(reasons)) == len(reasons) == 4
    assert all(" " in reason for reason in reasons)


# --- what the recorder left ------------------------------------------------------------------------------------------

AGENT, CALLER = frozenset({"agent"}), frozenset({"caller"})
ONE_SIDED, LISTEN = "the recording is one-sided: nothing came from the", "Listen to it; look at phone and trunk"
EMPTY = "the recording is empty: look for a full disk, or for phone and trunk sending no sound"


@pytest.mark.parametrize(
    ("seconds", "lasted", "silent", "fault"),
    [
        (60, 60, frozenset(), None),
        (60, None, frozenset(), None),
        (0, 60, AGENT | CALLER, EMPTY),
        (0, None, AGENT | CALLER, EMPTY),
        (53, 60, frozenset(), None),  # nobody sent anything for a while
        (51, 60, frozenset(), "the recording is truncated: it holds 51 s of 60 s. Look for a full disk"),
        (1710, 1800, frozenset(), None),
        (1700, 1800, frozenset(), "the recording is truncated: it holds 1700 s of 1800 s. Look for a full disk"),
        (
            60,
            60,
            AGENT,
            f"{ONE_SIDED} agent. {LISTEN}",
        ),
        (
            60,
            60,
            CALLER,
            f"{ONE_SIDED} caller. {LISTEN}",
        ),
        (
            60,
            None,
            CALLER,
            f"{ONE_SIDED} caller. {LISTEN}",
        ),
        (
            60,
            60,
            AGENT | CALLER,
            f"{ONE_SIDED} agent and the caller. {LISTEN}",
        ),
        (2.9, 3, CALLER, None),  # too short for an answer
    ],
)
def test_a_recording_is_whole_or_it_is_said_what_it_lacks(
    seconds: float, lasted: float | None, silent: frozenset[Side], fault: str | None
) -> None:
    known = Recording("1.2", "1.1", "housing", started=100, stopped=None if lasted is None else 100 + lasted)
    assert fault_of(FinishedFile("a.flac.sealed", seconds, 1, "f", silent, "recording-2027-07", b""), known) == fault
