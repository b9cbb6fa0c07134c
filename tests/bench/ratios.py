"""Paired measurements: one value for each side and round, and their ratio with its spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The median of ours through theirs, round by round, and the lowest and highest of them."""
    each = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"
