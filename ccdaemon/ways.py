"""Where a key leads: the menus of a service, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ToMenu:
    """To another menu of the same service."""

    menu: str


@dataclass(frozen=True, slots=True)
class ToService:
    """To another service, as if the caller had dialled it, in the language already chosen."""

    service: str


@dataclass(frozen=True, slots=True)
class ToQueue:
    """To a person of this service; of the payments service, through the payments door."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say a prompt, then the same menu again."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """Say the same menu again."""


@dataclass(frozen=True, slots=True)
class Back:
    """To the menu before this one."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """Say goodbye and hang up."""


@dataclass(frozen=True, slots=True)
class ToMessage:
    """To leave a message for this service, where nobody is there."""


Way: TypeAlias = ToMenu | ToService | ToQueue | ToMessage | Say | Repeat | Back | Farewell


@dataclass(frozen=True, slots=True)
class Menu:
    """A prompt and the keys that it tells of. `otherwise` is where a caller goes who presses none of them."""

    prompt: str
    keys: Mapping[str, Way]
    otherwise: Way
    wait: float = 5.0


# A service may have menus of any name; these are the ones that calls enter by.
MAIN, CLOSED, HOLIDAY, UNANSWERED = "main", "closed", "holiday", "unanswered"

# Prompts that every site needs, whatever its menus are.
INVALID, NO_KEY, CONNECTING, GOODBYE = "invalid-key", "no-key", "connecting", "goodbye"
COMMON_PROMPTS = (INVALID, NO_KEY, CONNECTING, GOODBYE)
