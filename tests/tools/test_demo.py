"""`make demo` as a newcomer sees it."""

from __future__ import annotations

import socket

import pytest

from support.e2e_lambda import layer
from tools import demo

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("taken", [False, True], ids=["as it is", "port 1234 taken"])
def test_demo(tmp_path, capsys, monkeypatch, taken):
    """Lines by invocation, the balance in words and dollars, and where everything is."""
    monkeypatch.setattr(demo, "LAYER", layer())
    monkeypatch.setattr(demo, "layer", lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        if taken:  # the default port here is one that something listens on
            monkeypatch.setattr(demo, "PORT", server.getsockname()[1])
        status = demo.main(["--out", str(tmp_path)])
    out = capsys.readouterr().out

    assert status == 0, out
    order = ["an invocation that", "running low", "The balance", "none missing", "$", "the report"]
    assert [out.index(each) for each in order] == sorted(out.index(each) for each in order)
    assert "RuntimeError" in out
    assert "bytecode" not in out
    assert "0 lines went to CloudWatch" in out
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert str(tmp_path / "bucket") in out
