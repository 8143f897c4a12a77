"""Calls to Amazon Data Firehose: by ourselves where that is safe, else through botocore."""
