"""The files and variables that a function finds around it: /var/task, /opt, /tmp, environment."""

from __future__ import annotations

import os
import shlex
import shutil
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from . import credentials_api
from .interpreter import InterpreterError, probe_python, steps
from .isolation import SHOW_IT, SandboxError
from .namespaces import Layout, hidden, hosts_file
from .work_folder import WorkFolder, WorkFolderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .function import Function

VAR_RUNTIME = Path(__file__).parent / "var_runtime"
#: Where an isolated environment has what is in `task`, `opt`, `tmp`, `var/runtime`.
TASK, OPT, TMP, RUNTIME = "/var/task", "/opt", "/tmp", "/var/runtime"  # noqa: S108 - its own
#: Variables that name files of this machine, which an isolated environment must see.
FILE_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
#: What an external extension does not get (developer guide, Extensions API, environment).
NOT_FOR_EXTENSIONS = (
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "_HANDLER",
)


#: What a function with SnapStart does not get; keys come from an endpoint.
SNAP_START_LACKS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


class Sandbox:
    """The folder tree of one environment.

    `<work>/task` is the code, `<work>/opt` the merged layers, `<work>/tmp` the environment's own
    temporary folder, `<work>/var/runtime` the start-up scripts; `work` as in `WorkFolder`. An
    `isolated` environment sees them where the service has them; `visible` are paths that its own
    `/tmp` and `/opt` would hide. Raises `SandboxError`.
    """

    def __init__(
        self, function: Function, work: Path | None, *, isolated: bool, visible: Sequence[Path]
    ) -> None:
        self.function = function
        self.isolated = isolated
        self._visible = visible
        try:
            folder = self._folder = WorkFolder(work)
        except WorkFolderError as error:
            raise SandboxError(str(error)) from None
        self.root, self.opt, self.tmp = folder.root, folder.opt, folder.tmp
        self.runtime_dir = folder.runtime
        self.task = folder.task if function.copy_code else function.code
        #: The same folders as the function sees them.
        self.task_seen, self.opt_seen, self.tmp_seen, self.runtime_seen = (
            (TASK, OPT, TMP, RUNTIME)
            if isolated
            else (str(self.task), str(self.opt), str(self.tmp), str(self.runtime_dir))
        )
        self.credentials_token = uuid.uuid4().hex
        self.metadata_token = uuid.uuid4().hex
        self.instance_id = str(uuid.uuid4())
        now = datetime.now(timezone.utc)
        self.log_group = f"/aws/lambda/{function.name}"
        self.log_stream = f"{now:%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        try:
            self._lay_out()
            self._hosts = hosts_file(self.root / "var") if isolated else None
            self.python_version = self._check_python()
            self._shown = self._needed() if isolated else []
            folder.note_made()
        except BaseException:
            self.close()
            raise

    @property
    def takes_snapshots(self) -> bool:
        """True for a SnapStart function whose start-up is ours to say."""
        function = self.function
        return function.initialization_type == "snap-start" and function.start_up == "managed"

    def new_instance(self) -> None:
        """From now on this is another environment: a snapshot was restored."""
        self.instance_id = str(uuid.uuid4())

    def external_extensions(self) -> list[Path]:
        """Return the files in `/opt/extensions`, in the order of their names."""
        folder = self.opt / "extensions"
        return sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []

    def runtime_argv(self) -> list[str]:
        """Return the command that starts the runtime."""
        if self.function.start_up == "managed":
            return [f"{self.runtime_seen}/bootstrap"]
        if self.function.start_up == "client":
            return [str(self.function.python), "-m", "awslambdaric", self.function.handler]
        if self.function.start_up == "bootstrap":
            return [self._own_bootstrap()]
        return [self.local(part) for part in self.function.start_up]

    def environment(self, runtime_api: str) -> dict[str, str]:
        """Return the runtime's environment."""
        function = self.function
        variables = {
            "AWS_ACCESS_KEY_ID": function.access_key,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": function.initialization_type,
            "AWS_LAMBDA_LOG_FORMAT": function.log_format,
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "AWS_LAMBDA_METADATA_API": runtime_api,
            "AWS_LAMBDA_METADATA_TOKEN": self.metadata_token,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_REGION": function.region,
            "AWS_SECRET_ACCESS_KEY": function.secret_key,
            "AWS_SESSION_TOKEN": function.session_token,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
            "LAMBDA_RUNTIME_DIR": self.runtime_seen,
            "LAMBDA_TASK_ROOT": self.task_seen,
            "LANG": "en_US.UTF-8",
            "LD_LIBRARY_PATH": self._library_path(),
            "PATH": f"{function.python.parent}:/usr/local/bin:/usr/bin:/bin:{self.opt_seen}/bin",
            "SHLVL": "0",
            "TMPDIR": self.tmp_seen,
            "TZ": ":UTC",
            "_HANDLER": function.handler,
        }
        if function.initialization_type == "snap-start":
            # A snapshot holds no keys and becomes many log streams (developer guide, SnapStart).
            for name in SNAP_START_LACKS:
                del variables[name]
            url = f"http://{runtime_api}{credentials_api.PATH}"
            variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self.credentials_token
        if function.max_concurrency is not None:
            variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.max_concurrency)
        log_level = function.log_level or ("INFO" if function.log_format == "JSON" else None)
        if log_level is not None:
            variables["AWS_LAMBDA_LOG_LEVEL"] = log_level
        if function.execution_env is not None:
            variables["AWS_EXECUTION_ENV"] = function.execution_env
        variables.update({name: self.local(value) for name, value in function.environment.items()})
        return variables

    def extension_environment(self, runtime_api: str) -> dict[str, str]:
        """Return an external extension's environment: the runtime's less what is not for it."""
        hidden = set(NOT_FOR_EXTENSIONS)
        return {k: v for k, v in self.environment(runtime_api).items() if k not in hidden}

    def extension_path(self, path: Path) -> str:
        """Return the path of an external extension as it is started."""
        return f"{self.opt_seen}/extensions/{path.name}"

    @property
    def extension_cwd(self) -> str:
        """The folder in which extensions start."""
        return "/" if self.isolated else str(self.root)

    def layout(self, *, network: bool) -> Layout:
        """Return the file system of an isolated environment."""
        assert self._hosts is not None
        mountpoint = self.root / "var" / "root"
        places = (
            (TASK, self.task, False),
            (RUNTIME, self.runtime_dir, False),
            (OPT, self.opt, False),
            (TMP, self.tmp, True),
            ("/etc/hosts", self._hosts, False),
        )
        return Layout(mountpoint, places, tuple(self._shown), network)

    def _needed(self) -> list[Path]:
        """Return what must be seen although it lies where the environment has its own folders."""
        function = self.function
        paths = [*self._visible, function.python, function.python.parent.parent]
        if function.client is not None:
            paths.append(function.client)
        if function.start_up in ("managed", "client"):
            files = probe_python(function.python).files
            for path in files:
                if str(path) in (TMP, OPT):
                    raise SandboxError(
                        f"python={str(function.python)!r} has its files in {path}, where the "
                        "sandbox has a folder of its own: use an interpreter elsewhere, or "
                        "isolation='none'"
                    )
            paths += files
        elif not isinstance(function.start_up, str):
            paths += [Path(part) for part in function.start_up if part.startswith("/")]
        named = (function.environment.get(name) for name in FILE_VARIABLES)
        paths += [Path(value) for value in named if value]
        below = [step for path in paths for step in steps(path) if hidden(step, (TMP, OPT))]
        found = {path for path in below if path.exists()}
        return sorted(path for path in found if not found.intersection(path.parents))

    def why_not_started(self, program: str) -> str:
        """Return what keeps a script from starting where the sandbox hides its interpreter."""
        if not self.isolated:
            return ""
        for seen, folder in ((OPT, self.opt), (TASK, self.task)):
            if program.startswith(f"{seen}/"):
                program = f"{folder}{program.removeprefix(seen)}"
        try:
            with Path(program).open("rb") as file:
                line = file.readline(1024).decode("utf-8", "replace")
        except OSError:
            return ""
        interpreter = Path(*line.removeprefix("#!").split()[:1])
        if not line.startswith("#!") or not hidden(interpreter, (TMP, OPT)):
            return ""
        return f"; its interpreter is {interpreter}, and {SHOW_IT}"

    def local(self, value: str) -> str:
        """Return a value with the machine's own path for `/opt`, also between colons.

        An isolated environment has a `/opt`; nothing is changed for it.
        """
        if self.isolated:
            return value
        return ":".join(
            f"{self.opt}{part[4:]}" if part == "/opt" or part.startswith("/opt/") else part
            for part in value.split(":")
        )

    def close(self) -> None:
        """Remove the folder if it was made here; a given one only becomes writable again."""
        self._folder.close()

    def _lay_out(self) -> None:
        function = self.function
        try:
            self._folder.fill(function.code if function.copy_code else None, tuple(function.layers))
        except (OSError, shutil.Error) as error:
            raise SandboxError(f"cannot copy the function or a layer: {error}") from error

    def _check_python(self) -> str:
        """Fill in the start-up scripts and return the interpreter's version, as in `3.12`."""
        if self.function.start_up == "bootstrap":
            self._own_bootstrap()
        if self.function.start_up not in ("managed", "client"):
            return ""
        try:
            interpreter = probe_python(self.function.python)
        except InterpreterError as error:
            raise SandboxError(str(error)) from None
        version = interpreter.version
        bundled = [
            self.task,
            self.opt / "python",
            self.opt / "python" / "lib" / f"python{version}" / "site-packages",
        ]
        if self.function.client is not None:
            bundled.append(self.function.client)
        if not interpreter.has_client and not any(
            (folder / "awslambdaric").is_dir() for folder in bundled
        ):
            raise SandboxError(
                f"python={str(self.function.python)!r} has no awslambdaric, the runtime client "
                f"that starts a handler: run '{self.function.python} -m pip install awslambdaric'"
            )
        self._write_bootstrap(version)
        return version

    def _own_bootstrap(self) -> str:
        """Return the program that a custom runtime brings; raise `SandboxError` without one."""
        places = [self.task / "bootstrap", self.opt / "bootstrap"]
        for path, seen in zip(places, (self.task_seen, self.opt_seen), strict=True):
            if path.is_file():
                return f"{seen}/bootstrap"
        raise SandboxError(
            f"start_up='bootstrap': there is no {' and no '.join(map(str, places))}; put the "
            "program, executable, into the function's folder or a layer"
        )

    def _write_bootstrap(self, version: str) -> None:
        for name in ("bootstrap.py", "local_lambda_snapshot.py"):
            shutil.copyfile(VAR_RUNTIME / name, self.runtime_dir / name)
        for package in sorted(self.function.client.iterdir()) if self.function.client else ():
            (self.runtime_dir / package.name).symlink_to(package)
        text = (VAR_RUNTIME / "bootstrap").read_text()
        values = {
            "@EXECUTION_ENV@": self.function.execution_env or f"AWS_Lambda_python{version}",
            "@PYTHON@": str(self.function.python),
            "@PROGRAM@": f"{self.runtime_seen}/bootstrap.py",
        }
        for place, value in values.items():
            text = text.replace(place, shlex.quote(value))
        script = self.runtime_dir / "bootstrap"
        script.write_text(text)
        script.chmod(0o755)

    def _library_path(self) -> str:
        folders = [self.task_seen, f"{self.task_seen}/lib", f"{self.opt_seen}/lib"]
        # An interpreter of this machine may need what the machine's own variable names.
        inherited = os.environ.get("LD_LIBRARY_PATH")
        return ":".join([*folders, inherited] if inherited else folders)
