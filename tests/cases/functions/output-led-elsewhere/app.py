"""Output that is led elsewhere for a while: redirected, replaced, to a file, by descriptor."""
import contextlib
import io
import os
import sys


def handler(event, context):
    held = io.StringIO()
    with contextlib.redirect_stdout(held), contextlib.redirect_stderr(held):
        print("held back")
        print("held, too", file=sys.stderr)
    before = sys.stdout
    with open("/dev/null", "w") as nothing:
        sys.stdout = nothing
        print("nowhere")
        sys.stdout = before
    sys.stdout.flush()
    kept = os.dup(1)
    target = os.open("/dev/null", os.O_WRONLY)
    os.dup2(target, 1)
    os.dup2(kept, 1)
    os.close(kept)
    os.close(target)
    print("back", flush=True)
    print("said to the first stream", file=sys.__stdout__, flush=True)
    return held.getvalue()
