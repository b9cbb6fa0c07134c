"""`python -m ccdaemon` is the command `ccdaemon`."""

from ccdaemon.cli import main

main()
