"""The command ``firehose-logging``: from lines in a bucket to answers (extra ``cli``)."""
