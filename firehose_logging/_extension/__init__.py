"""The companion thread, our internal extension: life cycle, flush policy, telemetry."""
