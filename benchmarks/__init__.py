"""Benchmarks: small scripts, each with its question, that write benchmarks/results/."""
