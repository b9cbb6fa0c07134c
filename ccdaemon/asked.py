"""A question at the control socket is put as the signature of what answers it says: its keys, and the type of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import signature
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import ConfigDict, FailFast, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

T = TypeVar("T")
Json: TypeAlias = Any  # whatever JSON can say
Answerer: TypeAlias = Callable[..., Awaitable[Json]]  # its parameters are the keys of the question

# Types of keys.
Number: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]  # SQLite has none beyond
Reference: TypeAlias = Annotated[str, Field(pattern=r"\S")]  # what something is found by later is never blank
Many: TypeAlias = Annotated[list[T], FailFast()]  # a million wrong entries would hold up the daemon for a minute

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, val_json_bytes="base64")
TOLD = 100  # faults; who makes more is no person
# By pydantic's name for what is wrong, where its own text says less.
TEXTS = {
    "extra_forbidden": "is no key of this question",
    "unexpected_keyword_argument": "is no key of this question",
    "missing": "is missing",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "finite_number": "should be a number",
    "bool_type": "should be true or false",
    "string_type": "should be a text",
    "string_pattern_mismatch": "cannot be empty",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "too_long": "has too many entries",
    "bytes_type": "should be Base64",
    "bytes_invalid_encoding": "should be Base64",
    "date_type": "should be a day, as 2026-12-25",
    "date_parsing": "should be a day, as 2026-12-25",
    "json_invalid": "it holds bytes that are no text, or lists without end",
}


class WronglyPut(Exception):
    """A question has keys that it cannot have, or not those that it must; the text names them all."""


def held_to_its_signature(question: str, answerer: Answerer) -> Callable[[str], Awaitable[Json]]:
    """What answers this question, for keys and values in JSON. Raises `PydanticUserError` for a key without a type."""
    keys: dict[str, Any] = {
        each.name: (each.annotation, ... if each.default is each.empty else each.default)
        for each in signature(answerer, eval_str=True).parameters.values()
    }
    shape = create_model(question, __config__=STRICT, **keys)

    async def answer(written: str) -> Json:
        try:
            values = shape.model_validate_json(written)
        except ValidationError as wrong:
            count = wrong.error_count()
            said = "; ".join(map(_said, wrong.errors())) if count <= TOLD else f"{count:,} faults"
            message = f"the question {question!r} was put wrongly: {said}"
            raise WronglyPut(message) from None
        return await answerer(**dict(values))

    return answer


def _said(fault: ErrorDetails) -> str:
    text = TEXTS.get(fault["type"]) or fault["msg"].replace("Input should", "should", 1)
    key = ".".join(map(str, fault["loc"]))
    return f"{key}: {text}" if key else text
