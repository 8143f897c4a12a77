"""Facts of the process: what it was started with, read once and never by way of settings."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Where Linux keeps the variables that a process was started with, whatever it sets later.
_STARTED_WITH = "/proc/self/environ"

#: What a command that runs Lambda's runtime client has in it: its name, or the script by which
#: Lambda's own images start it.
_CLIENT = frozenset({"awslambdaric", "/var/runtime/bootstrap.py"})


class Environment:
    """What the process was told when it was started; None for what only Lambda tells.

    Args:
        environ: the variables that it was started with.
        command: the interpreter's command line; empty where it says nothing.
    """

    __slots__ = (
        "function_name",
        "function_version",
        "init_type",
        "log_group",
        "log_stream",
        "memory_size",
        "region",
        "runs_client",
        "runtime_api",
        "sdk_variables",
        "temp_dir",
        "workers",
    )

    def __init__(self, environ: Mapping[str, str], command: Sequence[str] = ()) -> None:
        #: Whether the process was started to run Lambda's runtime client, which is not there yet.
        self.runs_client = (
            not _CLIENT.isdisjoint(command) and "awslambdaric.bootstrap" not in sys.modules
        )
        self.runtime_api = environ.get("AWS_LAMBDA_RUNTIME_API") or None
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME") or None
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION") or None
        #: MB, as text.
        self.memory_size = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or None
        self.log_group = environ.get("AWS_LAMBDA_LOG_GROUP_NAME") or None
        self.log_stream = environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or None
        self.region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
        self.init_type = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") or "on-demand"
        #: Managed Instances: how many workers the runtime forks; None on demand.
        self.workers = environ.get("AWS_LAMBDA_MAX_CONCURRENCY") or None
        self.temp_dir = environ.get("TMPDIR") or "/tmp"  # noqa: S108 - Lambda's only writable place
        #: The variables by which AWS SDKs and HTTP clients are configured: credentials, region,
        #: endpoints, proxies, authorities.
        self.sdk_variables = {
            name: value
            for name, value in environ.items()
            if name.startswith("AWS_") or name.upper().endswith(("_PROXY", "_CA_BUNDLE"))
        }

    @classmethod
    def of_process(cls) -> Environment:
        """That of this process.

        In Lambda it is what the platform started the process with: a function may have put
        credentials of its own into ``os.environ``, or another region, before we are made.
        Elsewhere it is ``os.environ`` as it is now: there a program reads its configuration
        from files first, and then sets up its logging.
        """
        started_with = _started_with()
        if started_with.get("AWS_LAMBDA_RUNTIME_API"):
            return cls(started_with, sys.orig_argv)
        return cls.now()

    @classmethod
    def now(cls) -> Environment:
        """What a process would be told that is started now, by this one."""
        return cls(os.environ)


def _started_with() -> dict[str, str]:
    """The variables of the process at its start; none where the system does not tell."""
    variables: dict[str, str] = {}
    try:
        with open(_STARTED_WITH, "rb", 0) as file:  # noqa: PTH123 - pathlib costs an import
            data = file.read()
    except OSError:
        return variables
    for entry in data.split(b"\0"):
        name, _, value = entry.partition(b"=")
        # Of a name that is there twice the first counts, as in os.environ.
        variables.setdefault(os.fsdecode(name), os.fsdecode(value))
    return variables


def trace_header() -> str | None:
    """The X-Ray header of the current invocation; the runtime client keeps it up to date."""
    return os.environ.get("_X_AMZN_TRACE_ID")
