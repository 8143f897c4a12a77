"""The runtime client's module as it is imported: what is put in place then."""

from __future__ import annotations

import importlib.machinery
import json
import subprocess
import sys
import types

import pytest

from firehose_logging._capture import runtime_client

#: Imports the real client behind our finder, as the process that starts workers or as another.
PROGRAM = """
import multiprocessing, sys
from firehose_logging._capture import runtime_client


class Observer:
    def hooked(self): pass
    def client_read(self): pass


multiprocessing.set_start_method("spawn")
runtime_client.install(Observer(), workers=sys.argv[1] == "workers")
from awslambdaric import bootstrap, lambda_multi_concurrent_utils as utils

print(utils.multiprocessing.Process(target=print)._start_method, hasattr(bootstrap.run, "firehose_logging"))
print(multiprocessing.get_start_method())
"""  # noqa: E501 - a program


@pytest.mark.parametrize(("who", "method"), [("workers", "fork"), ("one", "None")])
def test_workers_are_forked(who: str, method: str) -> None:
    """Workers inherit what the wrapper has set up; the function's own default stays."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, who], capture_output=True, text=True, check=True, timeout=50
    )

    assert done.stdout.split() == [method, "True", "spawn"]


@pytest.mark.parametrize(
    ("context", "found"),
    [
        (json.dumps({"w3c": {"traceparent": "00-1-2-01"}}), "00-1-2-01"),
        (json.dumps({"w3c": {"traceparent": 7}}), None),
        (json.dumps({"w3c": "none"}), None),
        (json.dumps({"client": {}}), None),
        (json.dumps(["w3c"]), None),
        ('{"w3c": ', None),
        ({"w3c": {"traceparent": "00-1-2-01"}}, None),
        (None, None),
    ],
)
def test_the_trace_in_a_client_context(context, found) -> None:
    """Only text that is JSON and has one; what is wrong with it is the runtime client's to say."""
    assert runtime_client._traceparent(context) == found


class Told:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def __getattr__(self, name: str):
        return lambda *arguments, **named: self.told.append((name, *arguments))


@pytest.fixture
def finders(monkeypatch):
    """Installs us before the client is imported, with one finder behind; gives what is found."""
    monkeypatch.delitem(sys.modules, runtime_client.MODULE, raising=False)

    def find(*specs):
        finder = types.SimpleNamespace(find_spec=lambda *_: specs[0] if specs else None)
        monkeypatch.setattr(sys, "meta_path", [finder])
        observer = Told()
        runtime_client.install(observer)
        ours = sys.meta_path[0]
        assert ours.find_spec("another.module") is None
        assert ours in sys.meta_path
        return ours.find_spec(runtime_client.MODULE), observer

    return find


def test_a_client_that_nobody_finds(finders) -> None:
    """The import fails as it would without us, and we are not asked again."""
    spec, observer = finders()

    assert spec is None
    assert len(sys.meta_path) == 1
    assert observer.told == [("client_read",)]


def test_a_client_without_a_loader(finders) -> None:
    """Its spec is as it was found."""
    made = importlib.machinery.ModuleSpec(runtime_client.MODULE, None)

    spec, observer = finders(made)
    assert spec is made
    assert made.loader is None
    assert observer.told == [("client_read",)]


def test_a_loader_that_cannot_be_hooked(finders) -> None:
    """The client runs without our hooks; the platform's own events remain."""

    class Slotted:
        __slots__ = ()

        def exec_module(self, module):
            module.handle_event_request = "theirs"

    made = importlib.machinery.ModuleSpec(runtime_client.MODULE, Slotted())
    spec, observer = finders(made)
    module = types.ModuleType(runtime_client.MODULE)
    spec.loader.exec_module(module)

    assert module.handle_event_request == "theirs"
    assert observer.told == [("client_read",)]


@pytest.mark.parametrize("fails", [False, True])
def test_when_the_client_is_read(finders, fails) -> None:
    """It is told when the client's module has run, or has failed, and not before."""
    seen = []

    class Loader:
        def exec_module(self, module):
            seen.append(list(observer.told))
            if fails:
                raise ImportError("half a client")

    made = importlib.machinery.ModuleSpec(runtime_client.MODULE, Loader())
    spec, observer = finders(made)
    module = types.ModuleType(runtime_client.MODULE)
    if fails:
        with pytest.raises(ImportError, match="half a client"):
            spec.loader.exec_module(module)
    else:
        spec.loader.exec_module(module)

    assert seen == [[]]
    assert observer.told == [("client_read",)]


def test_a_client_that_is_running_already(monkeypatch) -> None:
    """Installed within an invocation, its begin is told at once, its end at the next request."""

    class Client:
        def wait_next_invocation(self):
            return "next"

    module = types.ModuleType(runtime_client.MODULE)
    module.handle_event_request = lambda invoke_id, event_body: "answer"
    module._GLOBAL_AWS_REQUEST_ID = "r-1"
    module.LambdaRuntimeClient = Client
    monkeypatch.setitem(sys.modules, runtime_client.MODULE, module)
    observer = Told()
    runtime_client.install(observer)
    began = list(observer.told)
    assert [Client().wait_next_invocation() for _ in range(2)] == ["next", "next"]

    assert [each[:2] for each in began] == [("hooked",), ("invocation_began", "r-1")]
    assert observer.told[len(began) :] == [("invocation_ended", "r-1")]


def test_trouble_at_the_begin_of_an_invocation_is_told(monkeypatch, capfd) -> None:
    """The function runs, and its invocation ends as any other."""
    module = types.ModuleType(runtime_client.MODULE)
    module.handle_event_request = lambda invoke_id, event_body: f"answer to {event_body}"
    monkeypatch.setitem(sys.modules, runtime_client.MODULE, module)
    observer = Told()
    runtime_client.install(observer)

    def fail(*_, **__):
        raise ValueError("no begin")

    observer.invocation_began = fail
    assert module.handle_event_request("r-1", "question") == "answer to question"

    assert ("invocation_ended", "r-1") in observer.told
    assert "invocation start: ValueError: no begin" in capfd.readouterr().err
