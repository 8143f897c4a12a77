"""Why a line can be lost, by name."""

from __future__ import annotations

#: The buffer was full (``FIREHOSE_LOGGING_BUFFER_BYTES``); the oldest lines made room.
BUFFER_FULL = "buffer_full"

#: Firehose refused the record for good, sending it again cannot help.
REFUSED = "refused"

#: The line could not be built at all.
UNENCODABLE = "unencodable"

#: A telemetry event could not be read.
BAD_TELEMETRY = "bad_telemetry"

#: No loss: Firehose did not take the line, and it went to the runtime's own output
#: (``FIREHOSE_LOGGING_PASSTHROUGH=undelivered``). Told in the log stream like a loss.
DIVERTED = "diverted"

#: Every reason there is; the ledger accepts no other.
LOSS_REASONS = (BUFFER_FULL, REFUSED, UNENCODABLE, BAD_TELEMETRY)
