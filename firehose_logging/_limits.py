"""The numbers that AWS set, and the few that we chose, each with its unit and its source."""

from __future__ import annotations

#: Most bytes of one Firehose record, counted before base64 (API reference, PutRecordBatch).
MAX_RECORD_BYTES = 1_024_000

#: Most records of one PutRecordBatch call (API reference, PutRecordBatch).
MAX_CALL_RECORDS = 500

#: Most bytes of one call. The service allows 4 MiB before base64; whether it counts anything on
#: top of the data near that edge is not documented, so we stay below it.
MAX_CALL_BYTES = 4_000_000

#: Firehose bills each record rounded up to this many bytes (Firehose pricing).
BILLING_STEP_BYTES = 5_120

#: Where we close a record: 100 billing steps. Larger records save under 0.5 % of the bill, cost
#: more to send again after a partial failure, and can starve in a stream throttled to 1 MiB/s.
TARGET_RECORD_BYTES = 512_000

#: Raw bytes behind one gzip member: incompressible data grows by less than 0.1 %, so the member
#: always stays a legal record.
TARGET_GZIP_BYTES = 1_000_000

#: Telemetry API: smallest legal buffer of a subscription, in bytes, events and milliseconds
#: (Lambda developer guide, Telemetry API reference). The smallest age brings events soonest;
#: the others only say when a batch is cut.
TELEMETRY_MAX_BYTES = 262_144
TELEMETRY_MAX_ITEMS = 1_000
TELEMETRY_TIMEOUT_MS = 25

#: The same on Managed Instances. Nothing is frozen there, so there is no hurry; and a batch that
#: is not taken before the next one is due is dropped by AWS's emulator, which a busy processor
#: makes of 25 ms (and then it stops for good, waiting for itself to tell of the drop).
TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES = 250

#: Largest telemetry POST we read: the platform sends up to twice ``maxBytes`` and metadata.
MAX_TELEMETRY_BODY_BYTES = 4 * 1_048_576

#: Seconds after SIGTERM at which we stop trying. SIGKILL follows after 300 to 500 ms on the
#: service, 2 s at most with external extensions (Lambda developer guide, Extensions API:
#: shutdown phase); elsewhere it may never come.
SHUTDOWN_LIMIT = 2.0
