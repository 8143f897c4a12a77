"""What the commands are told about a function, and how options become a `Function`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .function import Function
from .isolation import ISOLATIONS, NETWORKS, advice, choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def program() -> str:
    """Return what the user has called: the installed command, or the module."""
    name = Path(sys.argv[0]).name
    return name if name == "local-lambda" else "python -m local_lambda"


def add_function_options(parser: argparse.ArgumentParser) -> None:
    """Add what describes one function."""
    add = parser.add_argument_group("the function").add_argument
    add(
        "--layer",
        action="append",
        default=[],
        type=Path,
        metavar="DIR|ZIP",
        help="folder laid out like /opt, or a zip of one; may be repeated, later ones win",
    )
    add("--env", action="append", default=[], metavar="K=V", help="variable; repeatable")
    add(
        "--env-file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="lines K=V; # begins a comment; --env goes over it",
    )
    add("--timeout", type=float, default=3.0, metavar="S", help="seconds, 3")
    add("--memory", type=int, default=128, metavar="MB", help="128")
    add("--name", default="local-function", help="local-function")
    add("--region", default="eu-west-1", help="eu-west-1")
    add("--python", type=Path, default=Path(sys.executable), help="interpreter with awslambdaric")
    add(
        "--start-up",
        default="managed",
        metavar="HOW",
        help="managed (default), client (python -m awslambdaric), bootstrap (the program of that "
        "name in the function's folder or in /opt, as custom runtimes have) or a command line",
    )
    add("--snap-start", action="store_true", help="take a snapshot after Init and restore it")
    add("--log-format", choices=["Text", "JSON"], default="Text", help="of the function; Text")
    add("--log-level", help="AWS_LAMBDA_LOG_LEVEL; unset")


def add_isolation_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how far an environment is apart from this machine."""
    add = parser.add_argument_group("the sandbox").add_argument
    add(
        "--isolation",
        choices=ISOLATIONS,
        default="auto",
        help="namespaces of its own, with the service's paths; auto (default): where they are had",
    )
    add(
        "--network",
        choices=NETWORKS,
        default="host",
        help="own: fixed ports belong to each environment, and of this machine only loopback URLs "
        "in its variables are reached; host (default)",
    )
    add(
        "--visible",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="below /tmp or /opt of this machine, to be seen in the sandbox; repeatable",
    )


def isolation_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `LocalLambda` that these options are; say what cannot be had."""
    chosen, reason = choose(options.isolation, options.network)
    if reason is not None:
        print(f"local_lambda: {advice(reason)}", file=sys.stderr)
    return {"isolation": chosen, "network": options.network, "visible": options.visible}


def build_function(options: argparse.Namespace, environment: Mapping[str, str]) -> Function:
    """Return the function that the options describe; raise `ValueError`."""
    start_up: str | list[str] = options.start_up
    if start_up not in ("managed", "client", "bootstrap"):
        try:
            start_up = shlex.split(options.start_up)
        except ValueError as error:
            raise ValueError(f"--start-up {options.start_up!r}: {error}") from None
    return Function(
        options.folder,
        options.handler,
        layers=options.layer,
        environment=environment,
        timeout=options.timeout,
        memory_mb=options.memory,
        name=options.name,
        region=options.region,
        python=options.python,
        start_up=start_up,
        log_format=options.log_format,
        log_level=options.log_level,
        initialization_type="snap-start" if options.snap_start else "on-demand",
    )


def read_variables(options: argparse.Namespace) -> dict[str, str]:
    """Return the variables of `--env-file` and `--env`; raise `ValueError` or `OSError`."""
    variables: dict[str, str] = {}
    for path in options.env_file:
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = [line.strip().removeprefix("export ") for line in lines]
        given = [pair for pair in pairs if pair and not pair.startswith("#")]
        variables |= parse_variables(given, f"--env-file {path}")
    return variables | parse_variables(options.env)


def parse_variables(pairs: Sequence[str], where: str = "--env") -> dict[str, str]:
    """Return `K=V` texts as a dictionary; raise `ValueError`."""
    variables = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise ValueError(f"{where} {pair!r}: use NAME=VALUE")
        if where != "--env" and len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        variables[name] = value
    return variables


def read_event(text: str) -> bytes:
    """Return the event in `text`, or in the file that `@path` names, byte for byte.

    Raises `ValueError` for what is no JSON, and for a file that cannot be read.
    """
    try:
        source = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    except OSError as error:
        raise ValueError(f"--event {text}: {error.strerror}") from None
    try:
        json.loads(source)
    except ValueError as error:
        raise ValueError(f"--event {text[:60]!r} is no JSON: {error}") from None
    return source


def _check_keys(where: str, given: set[str], known: set[str]) -> None:
    """Raise `ValueError` for a setting that is missing, or that there is not."""
    unknown, missing = sorted(given - known), sorted({"code", "handler"} - given)
    if unknown:
        raise ValueError(f"{where}: no such setting: {unknown[0]}; use {', '.join(sorted(known))}")
    if missing:
        raise ValueError(f"{where}: {missing[0]} is missing")


def read_functions(path: Path) -> list[tuple[Function, dict[str, Any]]]:
    """Return the functions of a file, each with what is said of its concurrency.

    The file is JSON: names, and for each the arguments of `Function` but `name`, paths relative to
    the file; `reserved_concurrency` besides. Raises `ValueError`, `OSError`.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    if (
        not isinstance(value, dict)
        or not value
        or not all(isinstance(each, dict) for each in value.values())
    ):
        raise ValueError(f"{path}: use an object of names, each with an object of settings")
    found = []
    for name, given in value.items():
        settings = dict(given)
        known = {field.name for field in dataclasses.fields(Function)} - {"name"}
        _check_keys(f"{path}: {name}", set(settings), known | {"reserved_concurrency"})
        concurrency = {}
        if "reserved_concurrency" in settings:
            reserved = concurrency["reserved"] = settings.pop("reserved_concurrency")
            if not isinstance(reserved, int) or isinstance(reserved, bool) or reserved < 0:
                raise ValueError(
                    f"{path}: {name}: reserved_concurrency={reserved!r}: use a number, 0 or more"
                )
        for key in ("code", "client", "python"):
            if key in settings:
                settings[key] = path.parent / settings[key]
        settings["layers"] = [path.parent / layer for layer in settings.get("layers", ())]
        try:
            found.append((Function(name=name, **settings), concurrency))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {name}: {error}") from None
    return found
