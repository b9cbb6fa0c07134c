"""The edges as a configuration has them: whom they speak with, and what they may use."""

from __future__ import annotations

from ccdaemon.archive import Archive
from ccdaemon.asterisk.ami import AmiAddress
from ccdaemon.config import Configuration, secret, tls_context
from ccdaemon.dialplan import RECORDINGS
from ccdaemon.keys import Keys
from ccdaemon.mqtt import Broker
from ccdaemon.places import ARCHIVE


def manager_address(configuration: Configuration) -> AmiAddress:
    """How we log in to Asterisk. Raises `ConfigurationFaults` where secret or authority cannot be read."""
    manager = configuration.main.manager
    tls = tls_context(manager.ca) if manager.tls else None
    return AmiAddress(manager.host, manager.port, manager.user, secret(manager.secret), tls)


def broker(configuration: Configuration) -> Broker | None:
    mqtt = configuration.main.mqtt
    if mqtt is None:
        return None
    password = secret(mqtt.password) if mqtt.password else None
    return Broker(mqtt.host, mqtt.port, mqtt.user, password, tls_context(mqtt.ca) if mqtt.tls else None)


def archive(configuration: Configuration, keys: Keys) -> Archive:
    main = configuration.main
    return Archive(main.paths.spool / RECORDINGS, main.paths.state / ARCHIVE, keys, main.recording.format)
