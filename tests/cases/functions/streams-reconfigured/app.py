"""Streams that are set up anew: encoding and buffering, detached, and wrapped in another layer."""
import io
import sys

sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")


def handler(event, context):
    print("after reconfigure, grün")
    if event["n"] == 1:
        sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8", write_through=True)
    print("on the new layer")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"bytes below it\n")
    sys.stdout.buffer.flush()
