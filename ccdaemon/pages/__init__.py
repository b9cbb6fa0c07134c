"""Pages and tables for people outside: HTML that needs nothing else, in both languages, and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

import jinja2

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("ccdaemon", "pages"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d ]+$)")  # what a spreadsheet would carry out; a number is none


def page(name: str, **values: object) -> bytes:
    """One of the pages here, filled in."""
    return _PAGES.get_template(f"{name}.html").render(values).encode()


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """CSV that spreadsheets take for UTF-8 (RFC 4180), and in which nothing is carried out."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _plain(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) else text
