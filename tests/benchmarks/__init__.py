"""Benchmarks: each measures beside a peer in one run; no test asserts a time."""
