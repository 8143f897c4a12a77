"""tools/ports.py: ports that are nobody else's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import ports

ROOT = Path(__file__).resolve().parents[2]
ASK = "from tools.ports import free_port; print(free_port(), flush=True); input()"


@pytest.fixture(autouse=True)
def two_ports(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Two ports to choose from, which nobody has."""
    with monkeypatch.context() as patch:
        patch.setattr(ports, "_marks", deque())
        chosen = [ports.free_port(), ports.free_port()]
        give_back()
        patch.setattr(ports, "PORTS", chosen)
        yield chosen
        give_back()


def give_back() -> None:
    """Let others have what this process was given."""
    while ports._marks:
        os.close(ports._marks.pop())


def test_the_same_port_is_not_given_twice(two_ports: list[int]) -> None:
    """A program may take its time before it listens."""
    assert {ports.free_port(), ports.free_port()} == set(two_ports)


def test_a_port_that_somebody_listens_on_is_none(two_ports: list[int]) -> None:
    """Whoever it is."""
    with socket.create_server(("127.0.0.1", two_ports[0])):
        assert ports.free_port() == two_ports[1]


def test_another_process_gets_another_one(
    monkeypatch: pytest.MonkeyPatch, two_ports: list[int]
) -> None:
    """What one process was given no other gets while that one runs."""
    with subprocess.Popen(
        [sys.executable, "-c", ASK], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        monkeypatch.setattr(ports, "PORTS", [theirs, two_ports[0]])
        assert ports.free_port() == two_ports[0]
        other.communicate("\n")
    assert ports.free_port() == theirs


def test_the_oldest_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps so many at a time: a long run is never without."""
    monkeypatch.setattr(ports, "KEPT", 1)
    first, second = ports.free_port(), ports.free_port()

    assert ports.free_port() == first != second
