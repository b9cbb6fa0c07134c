"""Files of other programs that hold personal data: which of them are due, and how they go.

Expiry never leaves the folder that is named, and follows no link, not even while somebody exchanges a folder for one:
all is done by open folders (openat(2), unlinkat(2)). A file's age is its change, a date in its name, or the dates of
its lines; of those that are younger in part, the old lines go, once nobody writes the file any more.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from ccdaemon.disk import sync_folder
from ccdaemon.kept import Doomed, Files, Left

RESTED = 86_400.0  # seconds; whoever writes a file does so more often
LONGEST = 1 << 20  # bytes of a line
SEARCHED = 1000  # bytes of it, for its date
DIGITS = dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), r"\d\d")
DIRECTIVES = {**DIGITS, "%Y": r"\d{4}", "%b": r"[A-Z][a-z]{2}"}


def due(rule: Files, before: float, now: float, zone: tzinfo) -> Iterator[Doomed | Left]:
    """What of a folder is due, of what came before a moment. Nothing where there is no such folder."""
    for path, folder, name in _files(rule):
        try:
            yield from _judged(rule, path, folder, name, before, now, zone)
        except OSError as fault:
            yield Left(path, fault.strerror or str(fault))


def expire(rule: Files, before: float, now: float, zone: tzinfo) -> Iterator[Doomed | Left]:
    """The same, and it goes."""
    for path, folder, name in _files(rule):
        try:
            for each in _judged(rule, path, folder, name, before, now, zone):
                if isinstance(each, Doomed):
                    _remove(folder, name, each.until)
                yield each
        except OSError as fault:
            yield Left(path, fault.strerror or str(fault))


def _files(rule: Files) -> Iterator[tuple[str, int, str]]:
    """Path below the folder, the open folder in which it lies, and its name there."""
    with suppress(FileNotFoundError):
        for place, _, names, folder in os.fwalk(rule.folder, follow_symlinks=False):
            for name in sorted(names):
                path = str((PurePath(place) / name).relative_to(rule.folder))
                if fnmatchcase(path, rule.pattern):
                    yield path, folder, name


def _judged(
    rule: Files, path: str, folder: int, name: str, before: float, now: float, zone: tzinfo
) -> Iterator[Doomed | Left]:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return
    if rule.age == "changed":
        if status.st_mtime < before:
            yield Doomed(path)
    elif rule.age == "name":
        at = _date(rule.date, zone)(name)
        if at is None:
            yield Left(path, f"there is no date in its name that is written as {rule.date}")
        elif at < before:
            yield Doomed(path)
    else:
        yield from _by_lines(rule, path, folder, name, before, now - status.st_mtime, zone)


def _by_lines(
    rule: Files, path: str, folder: int, name: str, before: float, rested: float, zone: tzinfo
) -> Iterator[Doomed | Left]:
    """Up to the first line that is young enough; a line without a date belongs to the one before."""
    dated, place, date = False, 0, _date(rule.date, zone)
    with open(name, "rb", opener=lambda file, flags: os.open(file, flags | os.O_NOFOLLOW, dir_fd=folder)) as lines:
        while line := lines.readline(LONGEST):
            at = date(line[:SEARCHED].decode(errors="replace"))
            if at is not None:
                dated = True
                if at >= before:
                    break
            place += len(line)
        else:
            if dated:
                yield Doomed(path)
            elif place:
                yield Left(path, f"no line of it has a date that is written as {rule.date}")
            return
    if dated and place:
        still = "it holds lines that are due, and is written still: rotate it"
        yield Doomed(path, place) if rested > RESTED else Left(path, still)


def _date(form: str, zone: tzinfo) -> Callable[[str], float | None]:
    pattern = re.compile(re.sub("|".join(DIRECTIVES), lambda found: DIRECTIVES[found[0]], re.escape(form)))

    def find(text: str) -> float | None:
        for found in pattern.finditer(text):
            with suppress(ValueError, OverflowError):
                return datetime.strptime(found[0], form).replace(tzinfo=zone).timestamp()
        return None

    return find


def _remove(folder: int, name: str, until: int | None) -> None:
    if until is None:
        os.unlink(name, dir_fd=folder)
        return
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    fresh = f".{name}.new"

    def opened(file: str, flags: int) -> int:
        return os.open(file, flags | os.O_NOFOLLOW, status.st_mode & 0o777, dir_fd=folder)

    with open(name, "rb", opener=opened) as old, open(fresh, "wb", opener=opened) as new:
        old.seek(until)
        while piece := old.read(LONGEST):
            new.write(piece)
        new.flush()
        os.fsync(new.fileno())
        with suppress(PermissionError):
            os.fchown(new.fileno(), status.st_uid, status.st_gid)
        os.utime(new.fileno(), (status.st_atime, status.st_mtime))
    os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    sync_folder(Path(f"/proc/self/fd/{folder}"))
