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
from pathlib import Path

from ccdaemon.kept import Doomed, Files, Left

RESTED = 86_400.0  # seconds; whoever writes a file does so more often
LONGEST = 1 << 20  # bytes of a line
SEARCHED = 1000  # bytes of it, for its date
DIGITS = dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), r"\d\d")
DIRECTIVES = {**DIGITS, "%Y": r"\d{4}", "%b": r"[A-Z][a-z]{2}"}


def due(rule: Files, before: float, now: float, zone: tzinfo) -> Iterator[Doomed | Left]:
    """What of a folder is due, of what came before a moment. Nothing where there is no such folder."""
    return _each(rule, lambda path, folder, name: _judged(rule, path, folder, name, before, now, zone))


def expire(rule: Files, before: float, now: float, zone: tzinfo) -> Iterator[Doomed | Left]:
    """The same, and it goes."""

    def gone(path: str, folder: int, name: str) -> Iterator[Doomed | Left]:
        for each in _judged(rule, path, folder, name, before, now, zone):
            if isinstance(each, Doomed):
                _remove(folder, name, each.until)
            yield each

    return _each(rule, gone)


def _each(rule: Files, judge: Callable[[str, int, str], Iterator[Doomed | Left]]) -> Iterator[Doomed | Left]:
    """All files below the folder; whatever hinders us at one stops nothing else, and is said."""
    unseen: list[Left] = []
    top = Path(rule.folder)
    if top.is_symlink():
        yield Left("", "the folder is a link, which is not followed: name the one that it leads to")
        return

    def hindered(fault: OSError) -> None:
        if not isinstance(fault, FileNotFoundError):
            name = os.path.basename(str(fault.filename))  # noqa: PTH119 - it need not be text
            unseen.append(Left(_named(name), fault.strerror or str(fault)))

    try:
        for place, _, names, folder in os.fwalk(top, follow_symlinks=False, onerror=hindered):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(place, name), top)  # noqa: PTH118 - names may be no text
                if fnmatchcase(path, rule.pattern):
                    try:
                        yield from judge(_named(path), folder, name)
                    except OSError as fault:
                        yield Left(_named(path), fault.strerror or str(fault))
    except OSError as fault:
        hindered(fault)
    yield from unseen


def _named(path: str) -> str:
    """As it can be shown: names of files need not be text."""
    return os.fsencode(path).decode(errors="backslashreplace")


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
    before, fresh = os.stat(name, dir_fd=folder, follow_symlinks=False), f".{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=folder)  # of one who was killed
    try:
        _write_rest(folder, name, fresh, until, before)
        os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        raise
    os.fsync(folder)


def _write_rest(folder: int, name: str, fresh: str, until: int, before: os.stat_result) -> None:
    """All behind the old lines, with the same owner and rights: whoever writes the file must be able to go on."""

    def opened(file: str, flags: int) -> int:
        return os.open(file, flags | os.O_NOFOLLOW, 0o600, dir_fd=folder)

    with open(name, "rb", opener=opened) as old, open(fresh, "xb", opener=opened) as new:
        old.seek(until)
        while piece := old.read(LONGEST):
            new.write(piece)
        new.flush()
        mine = os.fstat(new.fileno())
        if (mine.st_uid, mine.st_gid) != (before.st_uid, before.st_gid):
            os.fchown(new.fileno(), before.st_uid, before.st_gid)
        for attribute in os.listxattr(old.fileno()):
            os.setxattr(new.fileno(), attribute, os.getxattr(old.fileno(), attribute))
        os.fchmod(new.fileno(), stat.S_IMODE(before.st_mode))
        os.utime(new.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
        os.fsync(new.fileno())
