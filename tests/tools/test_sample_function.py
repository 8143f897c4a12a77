"""The sample function, without the layer."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

CONTEXT = SimpleNamespace(aws_request_id="r-1")


@pytest.fixture
def app() -> ModuleType:
    """The function's module, loaded as Lambda would: by its path."""
    path = Path(__file__).parents[2] / "sample_function" / "app.py"
    spec = importlib.util.spec_from_file_location("sample_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:warnings are delivered")
def test_logs_at_every_level(
    app: ModuleType, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """One invocation logs from DEBUG to ERROR, with extras and an exception, and prints."""
    answer = app.handler({}, CONTEXT)

    levels = {record.levelno for record in caplog.records}
    assert answer == {"lines": 0, "requestId": "r-1"}
    assert levels == {logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR}
    assert any(getattr(record, "customer", None) for record in caplog.records)
    assert any(record.exc_info for record in caplog.records)
    assert capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:warnings are delivered")
def test_does_what_the_event_asks(
    app: ModuleType, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It logs that many lines more, sleeps, then raises, in this order."""
    slept: list[float] = []
    monkeypatch.setattr(app.time, "sleep", slept.append)

    with pytest.raises(RuntimeError, match="as asked"):
        app.handler({"lines": 3, "sleep": 2.5, "raise": "as asked"}, CONTEXT)
    numbers = [record.number for record in caplog.records if hasattr(record, "number")]
    assert numbers == [1, 2, 3]
    assert slept == [2.5]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"lines": -1}, '"lines" must be a whole number from 0 to 100000, not -1'),
        ({"lines": "many"}, "not 'many'"),
        ({"lines": True}, "not True"),
        ({"sleep": 901}, '"sleep" must be a number of seconds from 0 to 900, not 901'),
        ({"sleep": float("nan")}, "not nan"),
        ({"raise": 1}, '"raise" must be the text of the error, not 1'),
    ],
)
def test_wrong_events_are_explained(app: ModuleType, event: Any, says: str) -> None:
    """A wrong value is an error that names the key, the value and what is allowed."""
    with pytest.raises(ValueError, match="must be") as error:
        app.handler(event, CONTEXT)

    assert says in str(error.value)


@pytest.mark.filterwarnings("ignore:warnings are delivered")
@pytest.mark.parametrize("event", [None, [], "text", {"Records": []}])
def test_other_events_are_fine(app: ModuleType, event: Any) -> None:
    """An event of any trigger is taken: it asks for nothing."""
    assert app.handler(event, CONTEXT)["lines"] == 0
