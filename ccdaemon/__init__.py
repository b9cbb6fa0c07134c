"""ccdaemon: a bilingual contact centre daemon beside Asterisk."""

__version__ = "0.1.0"
