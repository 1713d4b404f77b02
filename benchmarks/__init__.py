"""Benchmarks: each starts what it compares, in one run, and says how they stand to each other (`make bench`)."""
