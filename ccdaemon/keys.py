"""Keys of periods: all that expires in one month hangs on one key, and is unreadable everywhere once that is destroyed.

A thing that is kept (a recording, a message) has a key of its own; that is wrapped by the key of its class and month
of expiry, which is wrapped by the site's key. Keys of periods lie in a folder of their own that no backup holds: so
what was destroyed here cannot be read in an old backup either. AES-256-GCM throughout.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import threading
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ccdaemon.disk import sync_folder
from ccdaemon.faults import KeyUnusable

SIZE = 32  # bytes of every key
NONCE = 12
HASH = 16  # bytes of an index
MAKE = "`ccdaemon keys new` makes the first one"
GONE = ".gone"
NAME = re.compile(r"[a-z]+-\d{4}-\d{2}|hold-\d+")  # class and month of expiry, or a hold


class KeyGone(KeyUnusable):
    """The key of this period is not in the folder: it was destroyed, or the folder is another's."""


class KeyWrong(KeyUnusable):
    """A key cannot be unwrapped: that which wraps it is another one, or what was wrapped has been altered."""


def site_key(file: Path) -> bytes:
    """The site's key from its file: 32 bytes in base 64. Raises `KeyWrong` with what to do."""
    try:
        key = base64.b64decode(file.read_text().strip(), validate=True)
    except OSError as fault:
        closed = isinstance(fault, PermissionError)
        what = "it is for root, and for the service that has it by systemd" if closed else MAKE
        message = f"the site key {file} cannot be read: {fault.strerror}; {what}"
        raise KeyWrong(message) from None
    except ValueError:
        key = b""
    if len(key) != SIZE:
        message = f"{file} is no site key: that is {SIZE} bytes in base 64, as `ccdaemon keys new` makes it"
        raise KeyWrong(message)
    return key


def new_site_key() -> bytes:
    """A new key as its file holds it."""
    return encoded(os.urandom(SIZE))


def encoded(key: bytes) -> bytes:
    """A site key as its file holds it."""
    return base64.b64encode(key) + b"\n"


class Keys:
    """The folder of the periods' keys. May be used by several threads; by one process only."""

    def __init__(self, folder: Path, site: bytes) -> None:
        self.site = site
        self._folder = folder
        self._site = AESGCM(site)
        self._known: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Of which periods there is a key."""
        return sorted(file.stem for file in self._folder.glob("*.key") if NAME.fullmatch(file.stem))

    def unusable(self) -> list[str]:
        """Periods whose key is there and cannot be used."""
        found = []
        for period in self.names():
            try:
                self._key(period)
            except (KeyUnusable, OSError):
                found.append(period)
        return found

    def everything(self) -> dict[str, bytes]:
        """All of them, unwrapped: for the safe. Raises `KeyWrong`."""
        return {period: self._key(period) for period in self.names()}

    def take(self, period: str, key: bytes) -> bool:
        """A key that was kept elsewhere, if there is none of this period. False if there is another one."""
        with self._lock:
            if not self._file(period).exists():
                self._write(period, key)
            return self._read(period, make=False) == key

    def rotate(self, site: bytes) -> int:
        """Wrap all of them with another site key, and say how many. What they wrap is not touched.

        Who was killed begins again: those that the new one wraps already stay as they are. Raises `KeyWrong`.
        """
        after = Keys(self._folder, site)
        for period in self.names():
            try:
                after._key(period)
            except KeyWrong:
                after._write(period, self._key(period))
        return len(self.names())

    def wrap(self, key: bytes, period: str, item: str) -> bytes:
        """The key of an item, for its period; the first of a period makes that one's key. Raises `OSError`."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher(self._key(period, make=True), "wrap").encrypt(nonce, key, item.encode())

    def unwrap(self, wrapped: bytes, period: str, item: str) -> bytes:
        """Raises `KeyGone` or `KeyWrong`."""
        cipher = self._cipher(self._key(period), "wrap")
        return _decrypted(cipher, wrapped, item, f"the key of {item} is not one that the period {period} wrapped")

    def rewrap(self, wrapped: bytes, item: str, period: str, target: str) -> bytes:
        """The key of an item, for another period. Raises `KeyUnusable`, `OSError`."""
        return self.wrap(self.unwrap(wrapped, period, item), target, item)

    def hide(self, text: str, period: str) -> bytes:
        """A short text (a number, an address), readable as long as its period's key is there. Raises `OSError`."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher(self._key(period, make=True), "text").encrypt(nonce, text.encode(), None)

    def show(self, hidden: bytes, period: str) -> str:
        """Raises `KeyGone` or `KeyWrong`."""
        cipher = self._cipher(self._key(period), "text")
        return _decrypted(cipher, hidden, "", f"a text of the period {period} was altered").decode()

    def index(self, text: str, period: str) -> bytes:
        """By which a hidden text is found: the same for the same text, and nothing to anybody without the key."""
        return hmac.digest(_derived(self._key(period, make=True), "index"), text.encode(), "sha256")[:HASH]

    def destroy(self, period: str) -> None:
        """Whatever hangs on the key of a period is gone with it, wherever its copies are."""
        file = self._file(period)
        with self._lock:
            self._known.pop(period, None)
            with suppress(FileNotFoundError):
                file.replace(file.with_suffix(GONE))  # so that one who is killed leaves no key that is half of one
                sync_folder(self._folder)
            self._overwrite()

    def _overwrite(self) -> None:
        """What is of no period any more."""
        for file in self._folder.glob(f"*{GONE}"):
            file.chmod(0o600)
            with file.open("r+b", buffering=0) as old:
                old.write(bytes(file.stat().st_size))
                os.fsync(old.fileno())
            file.unlink()
        sync_folder(self._folder)

    def _key(self, period: str, *, make: bool = False) -> bytes:
        with self._lock:
            if (known := self._known.get(period)) is None:
                known = self._known[period] = self._read(period, make=make)
            return known

    def _read(self, period: str, *, make: bool) -> bytes:
        try:
            wrapped = self._file(period).read_bytes()
        except FileNotFoundError:
            if not make:
                message = f"there is no key of the period {period} in {self._folder}"
                raise KeyGone(message) from None
            return self._made(period)
        wrong = f"the key of the period {period} in {self._folder} was not wrapped by this site key"
        return _decrypted(self._site, wrapped, period, wrong)

    def _made(self, period: str) -> bytes:
        key = os.urandom(SIZE)
        self._write(period, key)
        return key

    def _write(self, period: str, key: bytes) -> None:
        nonce, file = os.urandom(NONCE), self._file(period)
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)  # of one who was killed
        fresh.touch(0o600)
        with fresh.open("wb") as new:
            new.write(nonce + self._site.encrypt(nonce, key, period.encode()))
            new.flush()
            os.fsync(new.fileno())
        fresh.chmod(0o400)
        if os.geteuid() == 0:  # the folder is the daemon's, and so are the keys
            owner = self._folder.stat()
            os.chown(fresh, owner.st_uid, owner.st_gid)
        fresh.replace(file)
        sync_folder(self._folder)

    def _file(self, period: str) -> Path:
        assert NAME.fullmatch(period), f"no period is called {period!r}"
        return self._folder / f"{period}.key"

    @staticmethod
    def _cipher(key: bytes, purpose: str) -> AESGCM:
        return AESGCM(_derived(key, purpose))


def _derived(key: bytes, purpose: str) -> bytes:
    """A key of a period is used for nothing itself: each purpose has one derived from it (RFC 5869)."""
    return HKDFExpand(SHA256(), SIZE, purpose.encode()).derive(key)


def _decrypted(cipher: AESGCM, sealed: bytes, bound_to: str, wrong: str) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], bound_to.encode())
    except (InvalidTag, ValueError):
        raise KeyWrong(wrong) from None
