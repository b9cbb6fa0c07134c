"""Judgements of `ccdaemon doctor`: what was seen of a running contact centre, and whether that is as it must be."""
