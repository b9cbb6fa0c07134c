"""Which calls are recorded, and what is said of those that are not."""

from __future__ import annotations

import pytest

from ccdaemon.rules.recording import Verdict, may_record
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
