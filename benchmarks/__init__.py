"""Side by side with what people would use instead; `make bench` runs it, `docs/benchmarks.md` shows it."""
