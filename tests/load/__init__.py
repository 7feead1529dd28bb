"""The benchmark: `python -m tests.load` measures and writes docs/benchmarks.md and docs/benchmarks.json."""
