"""Telephone numbers in their one written form, E.164.

Carriers and people write the same number as 01597 827460, +44 1597 827460, 441597827460 or 00441597827460. Numbers
that Ofcom keeps for drama are not "valid" to libphonenumber, but they are numbers here. Short ones such as 101 have no
such form.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

_INTERNATIONAL = re.compile(r"00([1-9])")


def is_country(code: str) -> bool:
    """Are this country's numbers known? `GB` is one, `UK` is none."""
    return code in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=4096)
def e164(written: str, country: str) -> str | None:
    """`+441597827460` for any way of writing it; None for what is no number, such as a withheld one."""
    digits = re.sub(r"[\s().-]", "", written)
    calling_code = str(phonenumbers.country_code_for_region(country))
    if digits.startswith(calling_code) and len(digits) > len(calling_code) + 8:  # carriers often leave out the +
        digits = f"+{digits}"
    digits = _INTERNATIONAL.sub(r"+\1", digits, count=1) if digits.startswith("00") else digits
    if not re.fullmatch(r"\+?\d{3,15}", digits):
        return None
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None  # not one without its area code either: nobody could say whose it is
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def to_dial(number: str, country: str) -> str:
    """A number as somebody in this country dials it, in digits alone."""
    bare = re.sub(r"\D", "", number)
    calling_code = str(phonenumbers.country_code_for_region(country))
    if not number.startswith("+"):
        return bare
    return f"0{bare.removeprefix(calling_code)}" if bare.startswith(calling_code) else f"00{bare}"


def spellings(number: str, country: str) -> list[str]:
    """The ways in which a trunk may spell an E.164 number when it names the number that was dialled."""
    calling_code = str(phonenumbers.country_code_for_region(country))
    bare = number.removeprefix("+")
    national = bare.removeprefix(calling_code)
    at_home = [f"0{national}", national] if bare.startswith(calling_code) else []
    return [number, bare, f"00{bare}", *at_home]
