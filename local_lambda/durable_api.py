"""The calls of the Lambda API about durable executions and their callbacks.

Paths, shapes, limits and errors: the Lambda service model, 2025-12-01.
"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from .durable import ConflictError
from .durable_executions import STOPPED
from .durable_operations import DurableError
from .http_server import Request, Response
from .service import ServiceError, function_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from .durable import DurableExecution
    from .service import Service

EXECUTION = re.compile(r"/2025-12-01/durable-executions/([^/]+)(?:/(\w+))?")
CALLBACK = re.compile(r"/2025-12-01/durable-execution-callbacks/([^/]+)/(succeed|fail|heartbeat)")
FUNCTION = re.compile(r"/2025-12-01/functions/([^/]+)/durable-executions")
#: What an operation becomes by each call; STARTED: it goes on.
STATUS = {"succeed": "SUCCEEDED", "fail": "FAILED", "heartbeat": "STARTED"}
DEFAULT_ITEMS, MAX_ITEMS = 100, 1000


class DurableApi:
    """Answer HTTP requests out of `service`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def answer(self, request: Request, headers: dict[str, str]) -> Response | None:
        """Answer a call, None when the path is not one of these; raise `ServiceError`."""
        url = urlsplit(request.path)
        routes: tuple[tuple[re.Pattern[str], Callable[..., tuple[int, dict[str, Any]]]], ...] = (
            (EXECUTION, self._of_execution),
            (CALLBACK, self._of_callback),
            (FUNCTION, self._of_function),
        )
        for pattern, call in routes:
            match = pattern.fullmatch(url.path)
            if match is None:
                continue
            try:
                status, value = call(request, parse_qs(url.query), *map(_decoded, match.groups()))
            except ConflictError as error:
                raise _refusal(409, "ResourceConflictException", str(error)) from None
            except (ValueError, KeyError, TypeError, AttributeError, DurableError) as error:
                raise _refusal(400, "InvalidParameterValueException", str(error)) from None
            return Response.of_json(status, value, headers)
        return None

    def _of_execution(
        self, request: Request, query: dict[str, list[str]], arn: str, word: str
    ) -> tuple[int, dict[str, Any]]:
        execution = self._service.durable.get(arn)
        if execution is None:
            raise _not_found(f"Execution not found: {arn}")
        call = f"{request.method} {word}"
        if request.method == "GET":
            return 200, _look(execution, call, query)
        given = json.loads(request.body or b"{}")
        if call == "POST checkpoint":
            updates = given.get("Updates") or []
            return 200, execution.checkpoint(given["CheckpointToken"], updates)
        if call == "POST stop":
            return 200, {"StopTimestamp": execution.end("STOPPED", Error=given or STOPPED)}
        if call == "POST pause":
            timeout_paused = given.get("ExecutionTimeoutPaused", True)
            execution.pause(
                given.get("Reason"), given.get("ClientToken"), timeout_paused=timeout_paused
            )
            return 202, {}
        if call == "POST resume":
            execution.resume(given.get("Reason"))
            return 202, {}
        if call == "DELETE ":
            self._service.durable.delete(execution)
            return 202, {"DeletionRequestTimestamp": time.time()}
        raise _no_such_call(call)

    def _of_callback(
        self, request: Request, _: dict[str, list[str]], callback_id: str, word: str
    ) -> tuple[int, dict[str, Any]]:
        if request.method != "POST":
            raise _no_such_call(f"{request.method} {word}")
        execution = self._service.durable.of_callback(callback_id)
        if execution is None:
            raise _not_found(f"Callback not found: {callback_id}")
        body = request.body
        outcome = (json.loads(body or b"{}") or None) if word == "fail" else body.decode() or None
        execution.answer_callback(callback_id, STATUS[word], outcome)
        return 200, {}

    def _of_function(
        self, request: Request, query: dict[str, list[str]], name: str
    ) -> tuple[int, dict[str, Any]]:
        if request.method != "GET":
            raise _no_such_call(request.method)
        function = self._service.environments(name).function
        found = [each.summary() for each in self._service.durable.of_function(function.name)]
        version = _one(query, "Qualifier") or _qualifier(name)
        if version is not None and version != function.version and version.isdigit():
            found = []
        wanted = _one(query, "DurableExecutionName")
        statuses = query.get("Statuses", [])
        after, before = (_time(query, word) for word in ("StartedAfter", "StartedBefore"))
        found = [
            each
            for each in found
            if (wanted is None or each["DurableExecutionName"] == wanted)
            and (not statuses or each["Status"] in statuses)
            and (after is None or each["StartTimestamp"] > after)
            and (before is None or each["StartTimestamp"] < before)
        ]
        if not _flag(query, "ReverseOrder", default=False):
            found.reverse()  # the newest comes first where nobody says otherwise
        return 200, _page(found, "DurableExecutions", query)


def _look(execution: DurableExecution, call: str, query: dict[str, list[str]]) -> dict[str, Any]:
    """Answer what only reads an execution."""
    data = _flag(query, "IncludeExecutionData", default=True)
    if call == "GET state":
        return execution.state()
    if call == "GET ":
        return execution.describe(data=data)
    if call == "GET history":
        events = execution.history(data=data)
        if _flag(query, "ReverseOrder", default=False):
            events.reverse()
        return _page(events, "Events", query)
    raise _no_such_call(call)


def _page(items: list[dict[str, Any]], name: str, query: dict[str, list[str]]) -> dict[str, Any]:
    """Return one page; its marker is where the next one begins."""
    most = int(_one(query, "MaxItems") or 0) or DEFAULT_ITEMS
    if not 1 <= most <= MAX_ITEMS:
        raise ValueError(f"MaxItems {most}: use 1 to {MAX_ITEMS}")
    begin = int(_one(query, "Marker") or 0)
    page: dict[str, Any] = {name: items[begin : begin + most]}
    if begin + most < len(items):
        page["NextMarker"] = str(begin + most)
    return page


def _one(query: dict[str, list[str]], name: str) -> str | None:
    return query.get(name, [None])[0]


def _flag(query: dict[str, list[str]], name: str, *, default: bool) -> bool:
    return query.get(name, [str(default)])[0].lower() == "true"


def _time(query: dict[str, list[str]], name: str) -> float | None:
    text = _one(query, name)
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _qualifier(name: str) -> str | None:
    """Return what follows the function's own name, None when nothing does."""
    _, _, rest = name.partition(f"{function_name(name)}:")
    return rest or None


def _decoded(group: str | None) -> str:
    return unquote(group or "")


def _no_such_call(call: str) -> ServiceError:
    return _refusal(404, "UnknownOperationException", f"no such call: {call}")


def _not_found(message: str) -> ServiceError:
    return _refusal(404, "ResourceNotFoundException", message)


def _refusal(status: int, code: str, message: str) -> ServiceError:
    return ServiceError(status, code, message, Type="User")
