"""A real Asterisk in a folder of its own: configured from texts, started, stopped. Many run side by side."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BOOT_DEADLINE = 30.0  # seconds
STOP_DEADLINE = 5.0

# What has no business in a laboratory, or wants hardware, a database or a network that is not there.
NOT_LOADED = [
    "app_adsiprog",
    "app_agent_pool",
    "app_alarmreceiver",
    "app_amd",
    "app_festival",
    "app_followme",
    "app_getcpeid",
    "app_jack",
    "app_minivm",
    "app_mp3",
    "app_sla",
    "app_speech_utils",
    "app_stasis*",
    "app_voicemail*",
    "cdr_*",
    "cel_*",
    "chan_audiosocket",
    "chan_console",
    "chan_iax2",
    "chan_motif",
    "chan_unistim",
    "chan_websocket",
    "func_curl",
    "func_odbc",
    "pbx_ael",
    "pbx_dundi",
    "pbx_lua",
    "pbx_realtime",
    "res_adsi",
    "res_aeap",
    "res_ari*",
    "res_audiosocket",
    "res_calendar*",
    "res_config_*",
    "res_curl",
    "res_fax*",
    "res_geolocation",
    "res_hep*",
    "res_http*",
    "res_limit",
    "res_odbc*",
    "res_phoneprov",
    "res_pjsip_geolocation",
    "res_pjsip_notify",
    "res_pjsip_phoneprov_provider",
    "res_pjsip_stir_shaken",
    "res_pjsip_transport_websocket",
    "res_prometheus",
    "res_resolver_unbound",
    "res_smdi",
    "res_snmp",
    "res_speech_aeap",
    "res_stasis*",
    "res_statsd",
    "res_stir_shaken",
    "res_stun_monitor",
    "res_websocket_client",
    "res_xmpp",
    "res_cdrel_custom",
    "res_mwi_devstate",
]


@dataclass(frozen=True)
class User:
    """Under which numbers a process runs. Without root there is only one's own."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    capability: str = ""

    def command(self, *words: str) -> list[str]:
        if os.geteuid() != 0:
            return [*words]
        groups = ["--groups", ",".join(map(str, self.groups))] if self.groups else ["--clear-groups"]
        capabilities = [f"--{kind}-caps=+{self.capability}" for kind in ("inh", "ambient") if self.capability]
        ids = [f"--reuid={self.uid}", f"--regid={self.gid}"]
        # Killed tests leave no daemon behind that would go on with the files of the next run.
        return ["setpriv", "--pdeathsig=KILL", *ids, *groups, *capabilities, "--", *words]

    def own(self, path: Path, mode: int) -> None:
        """Give a file or folder to this user and its group."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)


ASTERISK = User(64_101, 64_101)
CCDAEMON = User(64_102, 64_102, (64_101,), "net_bind_service")  # a member of Asterisk's group, as in production
STRANGER = User(64_103, 64_103)


async def end(process: asyncio.subprocess.Process, within: float) -> None:
    """Ask the leader of a session to end; after `within` seconds, end its whole session.

    `wait_for`, because `asyncio.timeout` in a task that is being cancelled never becomes a `TimeoutError` in the
    Python of Debian 12 (3.11.2), and clean-up runs in just such tasks.
    """
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), within)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def installation() -> tuple[Path, Path]:
    """Folders of Asterisk's modules and of its data, of the host's or of the fetched one."""
    program = shutil.which("asterisk")
    if program is None:
        message = "no Asterisk 22.1 or newer found; `./dev demo` fetches one, or says which package to install"
        raise FileNotFoundError(message)
    root = Path(program).resolve().parents[1] / "prefix"
    root = root if root.is_dir() else Path("/")
    modules = next(iter([*root.glob("usr/lib/*/asterisk/modules"), *root.glob("usr/lib*/asterisk/modules")]))
    data = next(folder for folder in (root / "usr/share/asterisk", root / "var/lib/asterisk") if folder.is_dir())
    return modules, data


class Asterisk:
    """One instance. `files` are the contents of its configuration folder."""

    def __init__(self, folder: Path, files: Mapping[str, str], user: User = ASTERISK) -> None:
        self.folder = folder
        self.user = user
        self._files = dict(files)
        self._process: asyncio.subprocess.Process | None = None

    def append(self, name: str, text: str) -> None:
        """Add to a file of the configuration, before the start."""
        self._files[name] += text

    async def start(self) -> None:
        self._write()
        log = (self.folder / "log" / "console").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            *self.user.command("asterisk", "-C", str(self.folder / "etc/asterisk.conf"), "-f"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            umask=0o007,
            start_new_session=True,
        )
        log.close()
        async with asyncio.timeout(BOOT_DEADLINE):
            while "fully booted" not in await self.cli("core waitfullybooted"):
                if self._process.returncode is not None:
                    message = f"Asterisk ended with {self._process.returncode}; see {self.folder}/log/console"
                    raise RuntimeError(message)
                await asyncio.sleep(0.05)

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def cli(self, command: str) -> str:
        """What `asterisk -rx` prints."""
        process = await asyncio.create_subprocess_exec(
            *self.user.command("asterisk", "-C", str(self.folder / "etc/asterisk.conf"), "-rx", command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return (await process.communicate())[0].decode()

    def rewrite(self, files: Mapping[str, str]) -> None:
        """Replace some of the configuration; `cli("core reload")` makes it count."""
        for name, content in files.items():
            file = self.folder / "etc" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            self.user.own(file, 0o640)

    async def stop(self) -> None:
        if self._process is not None:
            await end(self._process, STOP_DEADLINE)

    def _write(self) -> None:
        modules, data = installation()
        for name in ("", "etc", "lib", "run", "log", "spool", "data", "agi-bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            self.user.own(self.folder / name, 0o750 if name else 0o755)
        for name in ("documentation", "sounds"):
            link = self.folder / "data" / name
            if not link.exists() and name == "documentation":
                link.symlink_to(data / name)
        directories = {
            "astetcdir": "etc",
            "astvarlibdir": "lib",
            "astdbdir": "lib",
            "astkeydir": "lib",
            "astdatadir": "data",
            "astagidir": "agi-bin",
            "astspooldir": "spool",
            "astrundir": "run",
            "astlogdir": "log",
        }
        lines = ["[directories]", f"astmoddir => {modules}"]
        lines += [f"{name} => {self.folder / place}" for name, place in directories.items()]
        self._files["asterisk.conf"] = "\n".join([*lines, "[options]", "defaultlanguage = en", ""])
        self._files.setdefault("modules.conf", modules_conf(modules))
        self._files.setdefault("logger.conf", "[general]\n[logfiles]\nfull => notice,warning,error,verbose(3)\n")
        self.rewrite(self._files)


def modules_conf(modules: Path) -> str:
    """What is loaded, of what lies there."""
    return "\n".join(["[modules]", "autoload = yes", *(f"noload = {name}" for name in _unwanted(modules)), ""])


def _unwanted(modules: Path) -> list[str]:
    return sorted(file.name for pattern in NOT_LOADED for file in modules.glob(f"{pattern}.so"))
