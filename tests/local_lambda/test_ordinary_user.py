"""Not only root: an ordinary user gets namespaces, and what runs in them."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_lambda import namespaces
from support.local_lambda_fixtures import write_script
from support.shell_extension import write_layer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(namespaces.why_not() is not None, reason=namespaces.why_not() or ""),
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv"),
]

ROOT = Path(__file__).resolve().parents[2]
#: What everybody may run; the one that runs the tests may lie in a home folder.
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin")
BEGINNING = """
import json, sys
sys.path.insert(0, sys.argv[1])
from local_lambda import Budgets, Function, LocalLambda, namespaces
from pathlib import Path

if namespaces.why_not(network=True) is not None:
    print(json.dumps({"skip": namespaces.why_not(network=True)}))
    sys.exit()
code, layer = Path(sys.argv[2]), Path(sys.argv[3])
function = Function(
    code, "none", layers=[layer], start_up=["/usr/bin/env", "sh", "/var/task/run"], timeout=20
)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for everybody. Not pytest's: every session makes its parent private anew."""
    with tempfile.TemporaryDirectory(prefix="ordinary-user-") as name:
        path = Path(name)
        if any(not stat.S_IMODE(each.stat().st_mode) & 0o001 for each in path.parents):
            pytest.skip(f"{path.parent} is not for everybody")
        for part in ("code", "layer"):
            (path / part).mkdir()
        shutil.copytree(ROOT / "local_lambda", path / "copy" / "local_lambda")
        yield path


def run_as_nobody(folder: Path, program: str) -> Any:
    """Run a program with the function in `code` and the layer in `layer`; what it printed."""
    if PYTHON is None:
        pytest.skip("no interpreter that everybody may run")
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044))
    answer = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PYTHON, "-E", "-c",
         BEGINNING + program, *(str(folder / name) for name in ("copy", "code", "layer"))],
        capture_output=True, text=True, check=False, cwd="/", timeout=50,
        env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    if "skip" in told:
        pytest.skip(told["skip"])
    return told


def test_an_ordinary_user_gets_all_of_it(folder):
    """User nobody runs a function with namespaces of its own, and is nobody in them."""
    write_script(
        folder / "code" / "run",
        "#!/bin/sh\nid -u; ls -d /opt /var/task; touch /var/task/x; exit 1\n",
    )

    told = run_as_nobody(
        folder,
        """
with LocalLambda(function, isolation="namespaces", network="own") as env:
    env.invoke({})
    print(json.dumps({"said": [event.text for event in env.output]}))
""",
    )

    said = told["said"]
    assert {"65534", "/opt", "/var/task"} <= set(said)
    assert any("Read-only file system" in line or "Permission denied" in line for line in said)


#: A runtime in shell: AWS's own tutorial for custom runtimes, shortened.
RUNTIME = """#!/bin/sh
API="http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime"
while true; do
  curl -sS -D /tmp/head "$API/invocation/next" > /tmp/body
  ID=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip' /tmp/head | tr -d '\\r')
  curl -sS -o /dev/null -X POST "$API/invocation/$ID/response" -d "\\"$(id -u)\\""
done
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_an_ordinary_user_runs_a_shell_extension(folder):
    """AWS's extension, unmodified, as user nobody: absolute paths, sandbox.localdomain, 4243."""
    write_script(folder / "code" / "run", RUNTIME)
    write_layer(folder / "layer", PYTHON or "python3")

    told = run_as_nobody(
        folder,
        """
import time

patient = {"budgets": Budgets(init=30.0), "shutdown_ms": 20_000}
with LocalLambda(function, isolation="namespaces", network="own", **patient) as env:
    answers = [env.invoke({"n": n}).payload for n in range(2)]
    env.wait_idle()
    env.thaw()  # the last telemetry comes to those who run
    told, telemetry = env.tmp / "telemetry", ""
    for _ in range(3000):
        telemetry = told.read_text() if told.exists() else ""
        if "platform.report" in telemetry:
            break
        time.sleep(0.01)
    end = env.shutdown()
    said = [event.text for event in env.output if event.stream == "extension"]
print(json.dumps({
    "answers": answers, "said": said, "telemetry": telemetry,
    "status": end.extensions[0].returncode,
}))
""",
    )

    assert told["answers"] == ["65534", "65534"]
    assert told["status"] == 0
    kinds = [k for text in told["said"] for k in ("INVOKE", "SHUTDOWN") if f'"{k}"' in text]
    assert kinds == ["INVOKE", "INVOKE", "SHUTDOWN"]
    assert "platform.report" in told["telemetry"]
