"""Decisions: plain functions on plain values. No sockets, files, SQL, clocks, or asyncio; time is passed in."""
