"""Each test in a process of its own: descriptors 1 and 2 are the test runner's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_START = """
import json, os, subprocess, sys
from firehose_logging._capture.descriptors import Descriptors, MAX_WAITING
taken, lost = [], []
found = Descriptors(lambda text, name: taken.append([name, text]), lost.append, passthrough=PASS)
found.start()
def end():
    found.close()
    print(json.dumps({"taken": taken, "lost": sum(lost)}))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")


def run(program: str, *, passthrough: bool = False) -> tuple[dict[str, object], str, str]:
    """What was taken, and all that reached the descriptors' own ends besides."""
    done = subprocess.run(
        [sys.executable, "-c", _START.replace("PASS", str(passthrough)) + program],
        capture_output=True, text=True, timeout=50, check=True, cwd=ROOT,
    )  # fmt: skip
    *before, last = done.stdout.splitlines(keepends=True)
    return json.loads(last), "".join(before), done.stderr


def test_native_output_and_that_of_children_are_lines():
    """Each once, also without its line end, and of both descriptors."""
    seen, out, err = run(
        "os.write(1, b'one\\ntwo'); os.write(2, b'three\\n')\n"
        "subprocess.run(['sh', '-c', 'echo four; echo five >&2'])\n"
        "found.read(); os.write(1, b'\\xff six\\n'); end()"
    )
    assert seen["taken"] == [
        ["stdout", "one"],
        ["stdout", "twofour"],
        ["stderr", "three"],
        ["stderr", "five"],
        ["stdout", "\ufffd six"],
    ]
    assert (out, err) == ("", "")


def test_it_is_passed_on_unchanged():
    """Byte for byte, on the descriptor that it was written to."""
    _, out, err = run(
        "os.write(1, b'a' * 300_000 + b'\\n\\n'); os.write(2, b'b\\r\\n'); end()", passthrough=True
    )
    assert out == "a" * 300_000 + "\n\n"
    assert err == "b\n"  # as text


def test_pythons_own_output_can_go_past():
    """Streams over what was there before: nothing of theirs is taken, and their number is 1."""
    seen, out, _ = run(
        "stream = found.text(1, sys.stdout); stream.write('past\\n'); stream.flush()\n"
        "subprocess.run(['echo', 'child'], stdout=stream)\n"
        "assert stream.fileno() == 1; end()"
    )
    assert seen["taken"] == [["stdout", "child"]]
    assert out == "past\n"


def test_a_writer_never_waits_for_a_reader_that_is_gone():
    """Hundreds of times what a pipe holds, with nobody reading; lines beyond are counted later."""
    seen, _, _ = run(
        "line = b'x' * 1023 + b'\\n'\n"
        "for _ in range(10_000): os.write(1, line)\n"
        "subprocess.run(['sh', '-c', "
        "'for n in 1 2 3; do head -c 5000000 /dev/zero; echo; done'])\n"
        "assert not taken; end()"
    )
    assert seen["lost"] > 8_000
    assert seen["lost"] + len([t for _, t in seen["taken"] if t.startswith("x")]) >= 10_000


def test_native_code_that_holds_the_interpreters_lock_does_not_hang():
    """The reader cannot come meanwhile: with a pipe this would never end."""
    seen, _, _ = run(
        "import ctypes, threading\n"
        "threading.Thread(target=lambda: [found.read() for _ in range(100)]).start()\n"
        "write = ctypes.PyDLL(None).write\n"
        "for _ in range(20): write(1, b'y' * 99_999 + b'\\n', 100_000)\n"
        "end()"
    )
    assert sum(len(text) for _, text in seen["taken"]) == 20 * 99_999


def test_memory_of_what_was_read_is_given_back():
    """A file that only grows takes no more than what waits."""
    seen, _, _ = run(
        "blocks = []\n"
        "for _ in range(8):\n"
        "    for _ in range(100): os.write(1, b'z' * 65_535 + b'\\n')\n"
        "    found.read(); blocks.append(os.fstat(1).st_blocks * 512)\n"
        "found.close(); print(json.dumps(blocks))"
    )
    assert max(seen) < 12_000_000


def test_what_the_package_says_is_not_taken_twice():
    """It is in the stream already."""
    seen, _, _ = run("os.write(2, b'firehose_logging: told\\nanother\\n'); end()")
    assert seen["taken"] == [["stderr", "another"]]


def test_a_forked_child_leaves_reading_to_its_parent():
    """Lines of a child are taken once, by the parent."""
    seen, _, _ = run(
        "pid = os.fork()\n"
        "if not pid:\n"
        "    os.write(1, b'child\\n'); found.read(); found.close(); os._exit(len(taken))\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "end()"
    )
    assert seen["taken"] == [["stdout", "child"]]
