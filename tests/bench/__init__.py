"""Benchmarks: always beside a peer or a limit in the same run, always as ratios with their spread."""
