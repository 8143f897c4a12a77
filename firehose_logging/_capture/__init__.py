"""What a function says: records, output, uncaught errors, and what its runtime client tells."""
