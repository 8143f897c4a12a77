"""Where invocations begin and end, from inside Lambda's Python runtime client.

``awslambdaric.bootstrap.run`` looks its helpers up in its module each time it uses them, so that
replacing a module function is enough. Plain functions do that: a wrapt proxy adds nothing here
and its import is a large part of a cold start (docs/performance.md); the public decorator, which
must keep signatures, uses it. A helper that a later client no longer has is not hooked, and the
extension then relies on the platform's own events.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

from firehose_logging._diagnostics import attempt, tell
from firehose_logging._environment import trace_header
from firehose_logging._line.context import trace_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from firehose_logging._observer import Observer

MODULE = "awslambdaric.bootstrap"

#: The key that each event of a durable function has (Lambda's service model, durable executions).
_DURABLE = b'"DurableExecutionArn"'


def install(observer: Observer, *, workers: bool = False) -> None:
    """Hook the runtime client now, or as soon as it is imported.

    Args:
        observer: is told.
        workers: whether this process starts those of Managed Instances.
    """
    module = sys.modules.get(MODULE)
    if module is not None:
        _hook(module, observer)
    else:
        sys.meta_path.insert(0, _on_import(observer, workers))


def _on_import(observer: Observer, workers: bool) -> Any:
    """A finder that finds one module the usual way and hooks it when it has run.

    No class for it: to make one takes longer than all that it does.
    """

    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """The module's own spec, with a loader that calls us afterwards."""
        if name != MODULE:
            return None
        sys.meta_path.remove(finder)
        for other in sys.meta_path:
            spec = other.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            spec = None
        loader = None if spec is None else spec.loader
        run = None if loader is None else loader.exec_module
        if run is None:
            observer.client_read()
            return spec

        def exec_module(module: ModuleType) -> None:
            try:
                run(module)
            finally:
                observer.client_read()
            _hook(module, observer)
            if workers:
                attempt("workers", _fork_workers)

        try:
            loader.exec_module = exec_module  # type: ignore[union-attr, method-assign]
        except AttributeError:
            observer.client_read()
            # A loader with slots: no hooks, the platform's events remain.
        return spec

    finder: Any = SimpleNamespace(find_spec=find_spec)
    return finder


def _fork_workers() -> None:
    """Have workers forked, as the runtime client itself does from 4.2 on.

    Before, they start as ``multiprocessing`` has it by default: from Python 3.14 on in a fresh
    interpreter, which the wrapper has not started and which has nothing of ours.
    """
    import multiprocessing

    try:
        from awslambdaric import lambda_multi_concurrent_utils as client
    except ImportError:  # a client that starts them elsewhere
        return
    client.multiprocessing = multiprocessing.get_context("fork")


def _hook(module: ModuleType, observer: Observer) -> None:
    handle = getattr(module, "handle_event_request", None)
    if handle is not None and not hasattr(handle, "firehose_logging"):
        names = handle.__code__.co_varnames[: handle.__code__.co_argcount]
        if "invoke_id" in names:
            module.handle_event_request = _around(handle, names, observer)  # type: ignore[attr-defined]
            observer.hooked()
            running = getattr(module, "_GLOBAL_AWS_REQUEST_ID", None)
            if running:  # we came while an invocation was running, and would not know its id
                tenant = getattr(module, "_GLOBAL_TENANT_ID", None)
                observer.invocation_began(running, trace_header(), tenant)
                _tell_end(module, running, observer)
    run = getattr(module, "run", None)
    if run is not None and not hasattr(run, "firehose_logging"):
        module.run = _before_run(run, observer)  # type: ignore[attr-defined]
    log_error = getattr(module, "log_error", None)
    if log_error is not None and not hasattr(log_error, "firehose_logging"):
        make_error = getattr(module, "make_error", None)
        made, of = _raised(make_error)
        if make_error is not None:
            module.make_error = made  # type: ignore[attr-defined]
        module.log_error = _before_error(log_error, observer, of)  # type: ignore[attr-defined]
    context = getattr(module, "LambdaContext", None)
    log = getattr(context, "log", None)
    if log is not None and not hasattr(log, "firehose_logging"):
        context.log = _around_log(log, observer)  # type: ignore[union-attr]


def _raised(make_error: Any) -> tuple[Callable[..., Any], Callable[[object], Any]]:
    """The exception that the runtime client last made a report of, while it still knows it.

    Returns the client's function that makes reports, and one that gives the exception of a report,
    once; None when it is not known.
    """
    last: list[Any] = [None, None]

    def made(*args: Any, **kwargs: Any) -> Any:
        report = make_error(*args, **kwargs)
        last[:] = report, sys.exc_info()[1]
        return report

    def of(report: object) -> Any:
        found = last[1] if report is last[0] else None
        last[:] = None, None
        return found

    return made, of


def _around_log(log: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def logged(context: Any, msg: Any) -> Any:
        text = msg if type(msg) is str else str(msg)
        return observer.context_logged(text, lambda: log(context, text))

    logged.firehose_logging = True  # type: ignore[attr-defined]
    return logged


def _tell_end(module: ModuleType, request_id: str, observer: Observer) -> None:
    """Tell the end of an invocation that began before we came: the next one is asked for."""
    client = getattr(module, "LambdaRuntimeClient", None)
    wait = getattr(client, "wait_next_invocation", None)
    if client is None or wait is None:
        return

    def wait_next_invocation(self: Any, *args: Any, **kwargs: Any) -> Any:
        client.wait_next_invocation = wait
        observer.invocation_ended(request_id)
        return wait(self, *args, **kwargs)

    client.wait_next_invocation = wait_next_invocation


def _around(
    handle: Callable[..., Any], names: tuple[str, ...], observer: Observer
) -> Callable[..., Any]:
    places: dict[str, int] = {
        name: names.index(name)
        for name in ("invoke_id", "event_body", "client_context_json", "tenant_id", "invocation_id")
        if name in names
    }

    def handle_event_request(*args: Any, **kwargs: Any) -> Any:
        def argument(name: str) -> Any:
            place = places.get(name, len(names))
            return args[place] if place < len(args) else kwargs.get(name)

        request_id = argument("invoke_id")
        try:
            observer.invocation_began(
                request_id,
                _trace(argument("client_context_json")),
                argument("tenant_id"),
                invocation_id=argument("invocation_id"),
                execution_arn=_execution_arn(argument("event_body")),
            )
        except Exception as error:  # noqa: BLE001 - the function must run
            tell(f"invocation start: {type(error).__name__}: {error}", once="began")
        try:
            return handle(*args, **kwargs)
        finally:
            observer.invocation_ended(request_id)

    handle_event_request.firehose_logging = True  # type: ignore[attr-defined]
    return handle_event_request


def _execution_arn(body: Any) -> str | None:
    """The durable execution that an event is of; the search is all that other functions pay."""
    mark = _DURABLE if type(body) is bytes else _DURABLE.decode()
    if not isinstance(body, (bytes, str)) or mark not in body:  # type: ignore[operator]
        return None
    from firehose_logging._capture.durable import execution_arn

    return execution_arn(body)


def _trace(client_context: Any) -> str | None:
    """The X-Ray header, or where it names no trace what ``context.w3c()`` has of one."""
    header = trace_header()
    return header if trace_root(header) else _traceparent(client_context)


def _traceparent(client_context: Any) -> str | None:
    if not isinstance(client_context, str) or '"w3c"' not in client_context:
        return None
    import json  # the runtime client has imported it

    try:
        fields = json.loads(client_context).get("w3c")
    except (ValueError, AttributeError):
        return None  # the runtime client says what is wrong with it
    found = fields.get("traceparent") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None


def _before_run(run: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def started(*args: Any, **kwargs: Any) -> Any:
        observer.runtime_starts()
        return run(*args, **kwargs)

    started.firehose_logging = True  # type: ignore[attr-defined]
    return started


def _before_error(
    log_error: Callable[..., Any], observer: Observer, raised: Callable[[object], Any]
) -> Callable[..., Any]:
    def reported(error_result: Any, log_sink: Any) -> Any:
        if isinstance(error_result, dict):
            observer.runtime_error(error_result, raised(error_result))
            if observer.silenced():
                return None
        return observer.quietly(lambda: log_error(error_result, log_sink))

    reported.firehose_logging = True  # type: ignore[attr-defined]
    return reported
