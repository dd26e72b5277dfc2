"""Benchmarks: ours and its peers by turns on one machine, every delivery checked (`docs/benchmarks/README.md`)."""
