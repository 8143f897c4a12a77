"""From accepted lines to booked outcomes: batch, journal, back-off, ledger."""
