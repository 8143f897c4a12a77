"""A local Firehose beside the function: `python -m local_firehose`, as a process of its own.

The two packages know of each other only what that command prints and takes.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import json
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from .function import Function

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

#: Seconds for it to write what it holds when it is told to end.
STOP_SECONDS = 30.0


class FirehoseError(Exception):
    """The local Firehose cannot be started, or ended badly; the message says why."""


class FirehoseProcess:
    """One delivery stream whose objects are written to `folder`, for the keys of functions.

    `faults` are values of its `--fault`. `environment` holds the variable that points an SDK at
    it. `stop` ends it and returns the objects written, oldest first; as a context manager it is
    stopped at the end. Raises `FirehoseError`.
    """

    def __init__(
        self, folder: Path, stream: str, region: str = Function.region, faults: Sequence[str] = ()
    ) -> None:
        if importlib.util.find_spec("local_firehose") is None:
            raise FirehoseError(
                f"{sys.executable} has no local_firehose, the local Amazon Data Firehose: "
                "install it beside local_lambda, or put its folder on PYTHONPATH"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.stream = stream
        self._before = set(folder.rglob("*"))
        #: What it counted, once it has ended.
        self.balance: dict[str, Any] = {}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local_firehose"),
                *("--bucket", str(folder), "--stream", stream, "--region", region),
                *("--access-key", Function.access_key, "--secret-key", Function.secret_key),
                *("--session-token", Function.session_token),
                *(part for fault in faults for part in ("--fault", fault)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A Ctrl-C is for the Lambda, which then ends this one in good order.
            start_new_session=True,
        )
        self._variables = self._read_variables()

    @property
    def environment(self) -> dict[str, str]:
        """The variable that points an SDK in the function at it; the keys are the function's."""
        return {"AWS_ENDPOINT_URL_FIREHOSE": self._variables["AWS_ENDPOINT_URL_FIREHOSE"]}

    def stop(self) -> list[Path]:
        """Have it write what it holds and end; return the objects; raise `FirehoseError`."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                out, err = self._process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._kill()
                raise FirehoseError(
                    f"the local Firehose did not end within {STOP_SECONDS:g} s"
                ) from None
            if self._process.returncode:
                raise FirehoseError(f"the local Firehose lost records: {err.strip()[-500:]}")
            self.balance = json.loads(out)
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(
            (path for path in found if path not in self._before),
            key=lambda path: (path.stat().st_mtime_ns, path),
        )

    def records(self) -> list[str]:
        """Stop it and return the lines that were delivered; raise `FirehoseError`."""
        lines: list[str] = []
        for path in self.stop():
            data = path.read_bytes()
            text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
            lines += text.decode("utf-8", "replace").splitlines()
        return lines

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        else:  # the error on its way says more than one of ours would
            with contextlib.suppress(FirehoseError):
                self.stop()

    def _kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read_variables(self) -> dict[str, str]:
        """Read the `export NAME=value` lines that it prints before it is ready."""
        assert self._process.stdout is not None
        variables: dict[str, str] = {}
        for line in self._process.stdout:
            if line.startswith("#"):
                return variables
            name, _, value = shlex.split(line)[1].partition("=")
            variables[name] = value
        _, err = self._process.communicate()
        problem = _last_line(err)
        if "No module named 'boto" in problem:  # botocore, boto3
            problem += f"; run '{sys.executable} -m pip install boto3'"
        raise FirehoseError(f"the local Firehose did not start: {problem}")


def _last_line(text: str) -> str:
    """The line of an error's output that says what went wrong."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
