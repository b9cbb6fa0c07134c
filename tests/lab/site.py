"""A contact centre in one folder: the example site, a PBX that serves it, phones and callers at the end of real SIP.

Every centre has loopback addresses of its own (127.0.0.0/8 is all ours), so that any number run side by side on the
standard ports.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ccdaemon.config import Configuration, load
from ccdaemon.dialplan import MISSED, RECORDINGS, generated
from ccdaemon.keys import new_site_key
from ccdaemon.places import LENT
from tests.lab.asterisk import ASTERISK, CCDAEMON, Asterisk, installation

ROOT = Path(__file__).parents[2]
MANAGER_SECRET = secrets.token_urlsafe(32)  # anew each time: every user of the machine may connect
GATEWAY_SECRET = secrets.token_urlsafe(32)
SOFTPHONES = ("caller", "1099")  # who may register by hand: somebody outside, and a desk
SAMPLES = ROOT / "dialplan" / "samples"
BOUND = "transport = transport-udp\n"  # has an endpoint's RTP bound to our address, so that Asterisk looks up no name


@dataclass(frozen=True)
class Addresses:
    """One for each party. The carrier and the phones share an Asterisk, but not an address."""

    pbx: str
    phones: str
    carrier: str

    @classmethod
    def pick(cls) -> Addresses:
        prefix = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"
        return cls(f"{prefix}.1", f"{prefix}.2", f"{prefix}.3")


@dataclass(frozen=True)
class Site:
    """Folders and addresses of one contact centre."""

    folder: Path
    addresses: Addresses

    @property
    def config(self) -> Path:
        return self.folder / "ccdaemon"

    @property
    def recordings(self) -> Path:
        return self.folder / "spool" / RECORDINGS

    @property
    def missed(self) -> Path:
        return self.folder / "spool" / MISSED

    def configuration(self) -> Configuration:
        return load(self.config, ROOT / "prompts")


def write_site(
    folder: Path,
    sounds: Path,
    closed: Iterable[str] = (),
    more_phones: Iterable[str] = (),
    manager_port: int = 5038,
    more_numbers: Iterable[str] = (),
    changes: Mapping[str, str] = MappingProxyType({}),
) -> Site:
    """The example site, moved into `folder`: open round the clock but for the services in `closed`.

    `more_phones` are extensions of phones besides the site's own, officers' where they begin with 8; `manager_port` is
    where the daemon looks for AMI; `more_numbers` are Housing's too; `changes` are made in every file.
    """
    site = Site(folder, Addresses.pick())
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "ccdaemon" / "example", site.config)
    main = site.config / "ccdaemon.toml"
    moves = {
        '"127.0.0.1"': f'"{site.addresses.pbx}"',
        "/etc/ccdaemon/": f"{site.config}/",
        "/etc/asterisk": f"{folder}/pbx/etc",
        "/usr/share/asterisk/sounds": f"{folder}/pbx/data/sounds",
        "/var/lib/ccdaemon/sounds": str(sounds),
        "/var/lib/ccdaemon": f"{folder}/state",
        "/var/spool/ccdaemon": f"{folder}/spool",
        "/run/ccdaemon": f"{folder}/run",
        "/var/spool/asterisk": f"{folder}/pbx/spool",
        "/var/log/asterisk": f"{folder}/pbx/log",
        "port = 5038": f"port = {manager_port}",
        **changes,
    }
    text = main.read_text()
    for old, new in moves.items():
        text = text.replace(old, new)
    if os.geteuid() != 0:
        text = text.replace("port = 573 ", "port = 4573 ")  # only root may give us a port below 1024
    more = {each: "payments" if each.startswith("8") else "general" for each in more_phones}
    main.write_text(
        text + "".join(f'{extension} = {{ service = "{service}" }}\n' for extension, service in more.items())
    )
    for file in (site.config / "services").glob("*.toml"):
        hours = "[hours]\n" if file.stem in closed else "[hours]\nalways = true\n"
        text = re.sub(r"^\[hours\]\n(?:[^\[\n].*\n)*", hours, file.read_text(), flags=re.MULTILINE)
        for old, new in changes.items():
            text = text.replace(old, new)
        file.write_text(text)
    housing = site.config / "services" / "housing.toml"
    numbers = ", ".join(f'"{number}"' for number in ("01632 960111", *more_numbers))
    housing.write_text(housing.read_text().replace('"01632 960111"', numbers))
    for name, secret in (("manager", MANAGER_SECRET), ("gateway", GATEWAY_SECRET)):
        (site.config / f"{name}.secret").write_text(secret)
    (site.config / "site.key").write_bytes(new_site_key())
    _give(site)
    return site


def _give(site: Site) -> None:
    """Owners and modes as in production: the spool is shared, the rest is the daemon's."""
    for name in ("state", "state-keys", "run"):
        (site.folder / name).mkdir()
        CCDAEMON.own(site.folder / name, 0o700 if name == "state-keys" else 0o711)
    lent = site.folder / "run" / LENT
    lent.mkdir()
    if os.geteuid() == 0:
        os.chown(lent, CCDAEMON.uid, ASTERISK.gid)
    lent.chmod(0o2750)
    for folder in (site.folder / "spool", site.recordings, site.missed):
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, CCDAEMON.uid, ASTERISK.gid)
        folder.chmod(0o2770)
    for file in [*site.config.glob("*.secret"), site.config / "site.key"]:
        CCDAEMON.own(file, 0o400)


# --- the PBX ---------------------------------------------------------------------------------------------------------


def queues(**members: Iterable[str]) -> str:
    """The sample queues.conf without wrap-up time, some queues with members of our own; `_` in a name is a hyphen."""
    text = (SAMPLES / "queues.conf").read_text().replace("wrapuptime = 5", "wrapuptime = 0")
    for name, extensions in members.items():
        heading = f"[{name.replace('_', '-')}](cc-queue)\n"
        lines = "".join(f"member => PJSIP/{extension}\n" for extension in extensions)
        text = re.sub(rf"({re.escape(heading)}(?:membergosub.*\n)?)(?:member =>.*\n)*", rf"\1{lines}", text)
    return text


def own_files(site: Site) -> dict[str, str]:
    """Asterisk's own files: the samples, with the addresses and the phones of the laboratory."""
    addresses = site.addresses
    files = {file.name: file.read_text() for file in SAMPLES.glob("*.conf")}
    files["manager.conf"] = files["manager.conf"].replace("127.0.0.1\n", f"{addresses.pbx}\n")
    bound = files["pjsip.conf"].replace("bind = 0.0.0.0\n", f"bind = {addresses.pbx}\n")
    bound = bound.replace("type = endpoint\n", f"type = endpoint\n{BOUND}")
    files["pjsip.conf"] = bound + _endpoints(site.configuration(), addresses)
    files["rtp.conf"] = "[general]\nrtpstart = 20000\nrtpend = 24999\n"
    return files


def pbx(site: Site, extra: Mapping[str, str] | None = None) -> Asterisk:
    """The PBX of a site, configured by the shipped samples and the generated include."""
    configuration = site.configuration()
    files = {f"ccdaemon/{file.name}": file.read_text() for file in (ROOT / "dialplan").glob("*.conf")}
    script = site.folder / "pbx" / "agi-bin" / "cc-second-tier"
    files["ccdaemon/cc-site.conf"] = generated(configuration, GATEWAY_SECRET, script)
    files["ccdaemon/manager/secret.conf"] = f"secret = {MANAGER_SECRET}\n"
    files |= own_files(site)
    files |= extra or {}
    asterisk = Asterisk(site.folder / "pbx", files)
    _second_tier(script)
    sounds = site.folder / "pbx" / "data" / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    _, data = installation()
    (sounds / "en").symlink_to(data / "sounds" / "en")
    (sounds / "cy").symlink_to(configuration.main.paths.sounds / "cy")
    return asterisk


def _second_tier(script: Path) -> None:
    script.parent.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "dialplan" / "agi-bin" / "cc-second-tier").read_text()
    script.write_text(text.replace("/usr/bin/env python3", str(ROOT / ".venv" / "bin" / "python"), 1))
    script.chmod(0o755)


def _endpoints(configuration: Configuration, addresses: Addresses) -> str:
    phone = "[{0}](cc-phone)\naors = {0}\nidentify_by = username\n[{0}]\ntype = aor\ncontact = sip:{0}@{1}:5060\n"
    phones = [
        phone.format(each.endpoint, addresses.phones)
        for each in configuration.site.phones.values()
        if each.endpoint not in SOFTPHONES
    ]
    trunk = f"[trunk](cc-trunk)\naors = trunk\n[trunk]\ntype = aor\ncontact = sip:{addresses.carrier}:5060\n"
    identify = f"[trunk]\ntype = identify\nendpoint = trunk\nmatch = {addresses.carrier}\n"
    caller, agent = SOFTPHONES
    softphone = (
        "[{0}]({1})\nauth = {0}\naors = {0}\n[{0}](cc-phone-auth)\nusername = {0}\npassword = {0}\n"
        "[{0}](cc-phone-aor)\n"
    )
    by_hand = [softphone.format(caller, "cc-trunk"), softphone.format(agent, "cc-phone")]
    return "\n".join([*phones, trunk, identify, *by_hand])


# --- the phones ------------------------------------------------------------------------------------------------------


def phones(site: Site, script_port: int) -> Asterisk:
    """An Asterisk that plays all the phones, and the carrier with its callers; each call asks a script what to do."""
    addresses = site.addresses
    endpoints = [
        f"[phones]\ntype = transport\nprotocol = udp\nbind = {addresses.phones}\n"
        f"[carrier]\ntype = transport\nprotocol = udp\nbind = {addresses.carrier}\n"
        f"[carrier](pbx)\ntransport = carrier\ncontext = outside\naors = carrier\n"
        f"[carrier]\ntype = aor\ncontact = sip:{addresses.pbx}:5060\n"
    ]
    endpoints += [
        f"[{each.endpoint}](pbx)\ntransport = phones\nfrom_user = {each.endpoint}\ncontext = desk\n"
        f"aors = {each.endpoint}\n[{each.endpoint}]\ntype = aor\ncontact = sip:{addresses.pbx}:5060\n"
        for each in site.configuration().site.phones.values()
    ]
    template = (
        "[pbx](!)\ntype = endpoint\ndisallow = all\nallow = alaw\ndirect_media = no\ndtmf_mode = rfc4733\n"
        "identify_by = username\nallow_transfer = yes\n"
    )
    anybody = (
        f"[anybody](pbx)\ntransport = phones\ncontext = desk\n"
        f"[anybody]\ntype = identify\nendpoint = anybody\nmatch = {addresses.pbx}\n"
    )
    agi = f"agi://{addresses.phones}:{script_port}"
    files = {
        "pjsip.conf": "\n".join(["[global]\ntype = global", template, *endpoints, anybody]),
        "extensions.conf": (
            f"[desk]\nexten => _[+0-9]!,1,AGI({agi}/rings,${{EXTEN}})\n same => n,Hangup()\n"
            f"[caller]\nexten => _X!,1,AGI({agi}/calls,${{EXTEN}})\n same => n,Hangup()\n"
        ),
        "manager.conf": (
            f"[general]\nenabled = yes\nbindaddr = {addresses.phones}\n[lab]\nsecret = {MANAGER_SECRET}\n"
            "read = call\nwrite = originate,call\neventfilter(name(OriginateResponse)) =\n"
        ),
        "rtp.conf": "[general]\nrtpstart = 25000\nrtpend = 29999\n",
        "queues.conf": "[general]\n",
        "confbridge.conf": "[general]\n[default_user]\ntype = user\nquiet = yes\n[default_bridge]\ntype = bridge\n",
    }
    return Asterisk(site.folder / "phones", files)
