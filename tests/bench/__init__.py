"""Benchmarks: printed, never a gate."""
