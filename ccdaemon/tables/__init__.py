"""What may be written in a site's TOML files: each table and each key.

Whether what is written makes sense together is decided in `rules.soundness`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    # Most tables stand in others and are built with these: built by themselves as well, they would only delay a start.
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)
