"""Telephone numbers: one written form, whoever wrote them and however."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccdaemon.rules.numbers import e164, spellings
from tests.builders import example_site


@pytest.mark.parametrize(
    "written",
    [
        "01597 827460",
        "01597827460",
        "(01597) 827460",
        "01597-827-460",
        "01597.827.460",
        "+44 1597 827460",
        "+441597827460",
        "441597827460",
        "00441597827460",
        "+44 (0) 1597 827460",
    ],
)
def test_every_way_of_writing_a_number_is_the_same_number(written: str) -> None:
    assert e164(written, "GB") == "+441597827460"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("07700 900123", "+447700900123"),  # a mobile number that Ofcom keeps for drama
        ("01632 960111", "+441632960111"),  # as are all those of the example
        ("0800 111 1111", "+448001111111"),
        ("+353 1 234 5678", "+35312345678"),
        ("0035312345678", "+35312345678"),
        ("+1 202 555 0100", "+12025550100"),
    ],
)
def test_numbers_for_drama_and_from_abroad_are_numbers(written: str, expected: str) -> None:
    assert e164(written, "GB") == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        "anonymous",
        "unavailable",
        "sip:01597827460@carrier.example",
        "999",  # short numbers have no international form
        "101",
        "+",
        "++441597827460",
        "01597 827460;ext=2",
        "1" * 16,
        "0159782746012345",
    ],
)
def test_what_is_no_number_has_no_written_form(written: str) -> None:
    assert e164(written, "GB") is None


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789+-() .#*abc\n", max_size=20))
def test_whatever_a_carrier_sends_becomes_a_number_that_stays_itself_or_none(written: str) -> None:
    number = e164(written, "GB")
    assert number is None or (number[0] == "+" and number[1:].isdecimal() and e164(number, "GB") == number)


def test_a_trunk_may_spell_a_number_in_five_ways() -> None:
    assert spellings("+441632960111", "GB") == [
        "+441632960111",
        "441632960111",
        "00441632960111",
        "01632960111",
        "1632960111",
    ]


def test_a_number_of_another_country_has_no_national_spelling() -> None:
    assert spellings("+35312345678", "GB") == ["+35312345678", "35312345678", "0035312345678"]


def test_every_spelling_of_every_line_leads_back_to_its_number() -> None:
    for service in example_site().services.values():
        for number in service.numbers:
            assert {e164(spelling, "GB") for spelling in spellings(number, "GB")} == {number}


@pytest.mark.parametrize(
    ("number", "service"),
    [
        ("+441632960111", "housing"),
        ("+441632960112", "assist"),
        ("+441632960109", "payments"),
        ("+441632960199", "general"),  # nobody's
        ("", "general"),
    ],
)
def test_the_general_line_answers_what_nobody_claims(number: str, service: str) -> None:
    assert example_site().service_at(number).id == service
