"""What is deployed: one function, its settings and its layers."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Names that the service refuses in a function's configuration (developer guide, "Working with
#: Lambda environment variables", reserved list).
RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
VARIABLE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
#: All environment variables together (developer guide, Lambda quotas).
MAX_ENVIRONMENT_BYTES = 4096
#: Layers of one function (developer guide, Lambda quotas).
MAX_LAYERS = 5
#: Longest function timeout, seconds, and that of asynchronous invocations on Managed Instances
#: (the API model of CreateFunction, as of 2026; pages of the developer guide still say 900).
MAX_TIMEOUT = 1_800.0
MAX_TIMEOUT_MANAGED = 5_400.0
START_UPS = ("managed", "client", "bootstrap")


@dataclass(frozen=True)
class Function:
    """A function as it would be deployed.

    `code`: folder with the handler's module, layers: folders laid out like `/opt`, later ones win;
    each may be a zip archive instead.
    `handler`: `module.function`. `environment`: the function's own variables; values (or parts
    between colons) that begin with `/opt/` are mapped into the local `/opt`. `timeout`:
    seconds, over 0 to 1800, to 5400 on Managed Instances. `memory_mb`: see the README.
    `python`: interpreter that holds `awslambdaric`; `client`: a folder that holds it instead,
    and whatever else the runtime brings, put into `/var/runtime` as on the service ("managed"
    only). `start_up`: "managed" (as AWS's own runtimes start: wrapper, `/opt/python` paths),
    "client" (`python -m awslambdaric handler`, an own base image; the wrapper variable is
    ignored), "bootstrap" (the program of that name in the code or in `/opt`, as custom runtimes
    have) or any argv. `execution_env`: AWS_EXECUTION_ENV; None means `AWS_Lambda_pythonX.Y` for
    "managed" and unset otherwise.
    `framed_log_fd`: give the runtime the log fd, as the service does. `log_format`: "Text" or
    "JSON"; `log_level`: AWS_LAMBDA_LOG_LEVEL, None means INFO with JSON, as the service's default
    is, and unset with Text. `copy_code`: run from a read-only copy; False runs in `code` itself.
    `initialization_type` is told to runtime and telemetry, `availability_zone` by the metadata
    endpoint. `max_concurrency`: the function runs on Managed Instances, in so many workers of one
    environment, which is never frozen; None: on demand. `tenant_isolation`: every invocation names
    a tenant, and an environment serves one. `durable`: invocations by `serve` are durable
    executions.

    Raises `ValueError` naming the argument, its value and what is allowed.
    """

    code: Path
    handler: str
    layers: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    memory_mb: int = 128
    name: str = "local-function"
    version: str = "$LATEST"
    python: Path = field(default_factory=lambda: Path(sys.executable))
    client: Path | None = None
    start_up: str | Sequence[str] = "managed"
    execution_env: str | None = None
    framed_log_fd: bool = True
    log_format: str = "Text"
    log_level: str | None = None
    copy_code: bool = True
    region: str = "eu-west-1"
    account_id: str = "012345678912"
    access_key: str = "ASIALOCALLAMBDA00000"
    secret_key: str = "local-lambda-secret-key"
    session_token: str = "local-lambda-session-token"
    initialization_type: str = "on-demand"
    availability_zone: str = "euw1-az1"
    tenant_isolation: bool = False
    max_concurrency: int | None = None
    durable: bool = False

    def __post_init__(self) -> None:
        """Check every argument once; make copies that cannot change later."""
        object.__setattr__(self, "code", Path(self.code).absolute())
        object.__setattr__(self, "layers", tuple(Path(path).absolute() for path in self.layers))
        if self.client is not None:
            object.__setattr__(self, "client", Path(self.client).absolute())
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))
        object.__setattr__(self, "python", _find_python(Path(self.python)))
        if not isinstance(self.start_up, str):
            object.__setattr__(self, "start_up", tuple(str(part) for part in self.start_up))
        if self.max_concurrency is not None:
            object.__setattr__(self, "initialization_type", "lambda-managed-instances")
            object.__setattr__(self, "log_format", "JSON")  # there is no other
            object.__setattr__(self, "framed_log_fd", False)  # workers write lines
        self._check_folders()
        self._check_numbers()
        self._check_environment()
        if self.start_up == () or (
            isinstance(self.start_up, str) and self.start_up not in START_UPS
        ):
            raise ValueError(
                f"start_up={self.start_up!r}: use 'managed', 'client', 'bootstrap' or a list"
            )
        if self.log_format not in ("Text", "JSON"):
            raise ValueError(f"log_format={self.log_format!r}: use 'Text' or 'JSON'")

    @property
    def arn(self) -> str:
        """The ARN that invocations carry; qualified unless the version is `$LATEST`."""
        return self.qualified_arn.removesuffix(":$LATEST")

    @property
    def qualified_arn(self) -> str:
        """The ARN with the version, whichever it is."""
        name = f"{self.account_id}:function:{self.name}"
        return f"arn:aws:lambda:{self.region}:{name}:{self.version}"

    def _check_folders(self) -> None:
        for argument, folder in [
            ("code", self.code),
            *((("client", self.client),) if self.client is not None else ()),
            *((f"layers[{index}]", layer) for index, layer in enumerate(self.layers)),
        ]:
            if not folder.is_dir() and not is_archive(folder):
                raise ValueError(f"{argument}={str(folder)!r}: no such folder, and no zip archive")
        if len(self.layers) > MAX_LAYERS:
            raise ValueError(f"layers: {len(self.layers)} given, at most {MAX_LAYERS} are allowed")

    @property
    def longest_timeout(self) -> float:
        """The longest timeout that the service takes for such a function, seconds."""
        return MAX_TIMEOUT if self.max_concurrency is None else MAX_TIMEOUT_MANAGED

    def _check_numbers(self) -> None:
        most = self.longest_timeout
        if not _is_number(self.timeout) or not 0 < self.timeout <= most:
            raise ValueError(f"timeout={self.timeout!r}: use seconds, over 0 to {most:g}")
        if not _is_number(self.memory_mb) or not 128 <= self.memory_mb <= 10240:
            raise ValueError(f"memory_mb={self.memory_mb!r}: use 128 to 10240")
        workers = self.max_concurrency
        if workers is not None and (not _is_number(workers) or not 1 <= workers <= 1600):
            raise ValueError(f"max_concurrency={workers!r}: use 1 to 1600, or None")
        if not self.handler:
            raise ValueError("handler='': use 'module.function'")
        if not FUNCTION_NAME.fullmatch(str(self.name)):
            raise ValueError(
                f"name={self.name!r}: use 1 to 64 letters, digits, hyphens and underscores"
            )

    def _check_environment(self) -> None:
        size = 0
        for name, value in self.environment.items():
            if not isinstance(value, str):
                raise ValueError(  # noqa: TRY004 - one error type for all arguments
                    f"environment[{name!r}]={value!r}: the value must be text"
                )
            if name in RESERVED_VARIABLES:
                raise ValueError(
                    f"environment[{name!r}]: Lambda reserves this name; "
                    "use the argument of Function that sets it"
                )
            if not VARIABLE_NAME.fullmatch(name):
                raise ValueError(
                    f"environment[{name!r}]: a name begins with a letter and has two or more "
                    "letters, digits or underscores"
                )
            size += len(name.encode()) + len(value.encode())
        if size > MAX_ENVIRONMENT_BYTES:
            raise ValueError(
                f"environment: {size} bytes together, at most {MAX_ENVIRONMENT_BYTES} are allowed"
            )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_archive(path: Path) -> bool:
    """Tell whether a path is a zip archive, as functions and layers are uploaded."""
    return path.is_file() and zipfile.is_zipfile(path)


def _find_python(python: Path) -> Path:
    """Return an absolute path; a bare name is looked up, links are kept (they make a venv)."""
    if len(python.parts) == 1 and (found := shutil.which(str(python))) is not None:
        return Path(found).absolute()
    return python.absolute()
