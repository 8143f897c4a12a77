"""The wrapper, run for real: it starts what was asked for, and nothing else is different."""

from __future__ import annotations

import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from local_firehose import DeliveryStream, LocalFirehose
from support import versions
from support.stage import CHILD_DEADLINE, ROOT, child_environment
from tools import build_layer, clients
from tools.interpreters import find_interpreters

#: Prints all that a program can see of how it was started, then what it was given on stdin.
FACTS = '''
"""Tells how it was started."""
import gc, json, os, sys
main = sys.modules["__main__"]
print(json.dumps({
    "argv": sys.argv,
    "path": sys.path,
    "flags": repr(sys.flags),
    "warnoptions": sys.warnoptions,
    "xoptions": {k: str(v) for k, v in sys._xoptions.items()},
    "names": sorted(name for name in globals() if name not in ("gc", "json", "os", "sys", "main")),
    "is_main": main.__dict__ is globals(),
    "collects": [gc.isenabled(), gc.get_freeze_count()],
    "name": __name__,
    "package": __package__,
    "doc": __doc__,
    "file": globals().get("__file__"),
    "spec": str(__spec__ and __spec__.name),
    "loader": str(getattr(__loader__, "name", __loader__)),
    "future": __import__("__future__").annotations.compiler_flag & sys._getframe().f_code.co_flags,
    "environ": dict(os.environ),
    "descriptors": sorted(os.listdir("/proc/self/fd")) if sys.platform == "linux" else [],
    "executable": sys.executable,
    "pid": os.getpid(),
    "modules": sorted(name for name in sys.modules if name.startswith("firehose_logging")),
}))
'''


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A layer of sources alone, in a folder whose name has spaces and quotes."""
    folder = tmp_path_factory.mktemp("lay er's") / "op t"
    shutil.copytree(
        ROOT / "firehose_logging",
        folder / "python" / "firehose_logging",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "wrapper_script" / "firehose_wrapper", folder)
    return folder


@pytest.fixture(scope="module", params=["source", "bundle"])
def layer(request, source, tmp_path_factory):
    """Sources alone, and with the bytecode of all interpreters here in bundles."""
    if request.param == "source":
        return source
    folder = tmp_path_factory.mktemp("lay er's") / "op t"
    build_layer.build(folder)
    return folder


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A folder with a script, a module, a package and an archive that all tell the facts."""
    folder = tmp_path_factory.mktemp("my function")
    (folder / "script.py").write_text(FACTS)
    (folder / "module.py").write_text(FACTS)
    for name in ("package", "folder"):
        (folder / name).mkdir()
        (folder / name / "__main__.py").write_text(FACTS)
    (folder / "package" / "__init__.py").touch()
    (folder / "link.py").symlink_to(folder / "package" / "__main__.py")
    py_compile.compile(str(folder / "script.py"), cfile=str(folder / "compiled.pyc"))
    shutil.make_archive(str(folder / "app"), "zip", folder / "folder")
    (folder / "future.py").write_text("from __future__ import annotations\n" + FACTS)
    return folder


def run(command, cwd, *, stdin="", env=None, **options):
    """Run a command with a clean environment and give it text."""
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, input=stdin, env=child_environment(**(env or {})),
        capture_output=True, text=True, timeout=CHILD_DEADLINE, check=False, **options,
    )  # fmt: skip


def facts(ended):
    """What the program told."""
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


COMMANDS = {
    "script": ["script.py", "a b", "-m", "", "'\"$x`*"],
    "script by its whole path": ["{here}/script.py"],
    "script through a link": ["link.py", "x"],
    "script with future": ["future.py"],
    "script and flags": ["-u", "-W", "error::UserWarning", "-X", "utf8", "-O", "script.py", "-O"],
    "flags glued": ["-uBOO", "-Wignore", "-Xdev", "-Xutf8=1", "script.py", "-c", "x"],
    "flag and value glued": ["-uWdefault", "-uX", "dev", "script.py"],
    "two values": ["-W", "ignore", "-W", "error::ResourceWarning", "-X", "a=b c", "script.py"],
    "module": ["-m", "module", "a", "-m", "b"],
    "module glued": ["-mmodule", "a"],
    "module and flags glued": ["-uBm", "module", "-c"],
    "package": ["-m", "package", "x y"],
    "code": ["-c", FACTS, "a", "-c", "b"],
    "code glued": ["-c" + FACTS, "a"],
    "code and flags glued": ["-uBc", FACTS],
    "folder": ["folder", "x"],
    "archive": ["app.zip", "x"],
    "folder with a dot": ["./folder", "x"],
    "script with a dot": ["./script.py", "x"],
    "script with dots": ["folder/../script.py", "x"],
    "isolated folder": ["-I", "folder"],
    "compiled script": ["compiled.pyc", "x"],
    "isolated": ["-I", "script.py", "x"],
    "isolated module": ["-I", "-c", FACTS],
    "no user site, no environment": ["-sE", "script.py"],
    "end of options": ["--", "script.py", "-u"],
    "pyc checks": ["--check-hash-based-pycs", "always", "script.py"],
    "standard input": ["-", "a", "b"],
}
if sys.version_info >= (3, 11):
    COMMANDS["safe path"] = ["-P", "script.py"]
    COMMANDS["safe path module"] = ["-P", "-c", FACTS]


@pytest.fixture(scope="module")
def interpreters():
    """The other interpreters, looked for once."""
    return find_interpreters()


@pytest.mark.parametrize("case", COMMANDS)
def test_program_sees_what_it_would_see(layer, program, case):
    """argv, path, __main__, flags, environment and descriptors are the same with and without us."""
    compare(sys.executable, layer, program, case)


@pytest.mark.parametrize("version", [v for v in clients.PYTHONS if v != versions.RUNNING])
def test_program_on_other_interpreters(layer, program, version, interpreters):
    """The same with the other interpreters that Lambda has, as far as they are on this machine."""
    python = interpreters.get(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    for case in ("script", "flags glued", "module", "code", "folder", "standard input"):
        compare(python, layer, program, case)


def compare(python, layer, program, case):
    """Run a case with and without the wrapper; both must see the same."""
    words = [word.format(here=program) if "{here}" in word else word for word in COMMANDS[case]]
    stdin = FACTS if case == "standard input" else ""

    plain = facts(run([python, *words], program, stdin=stdin))
    wrapped = facts(run([layer / "firehose_wrapper", python, *words], program, stdin=stdin))

    assert wrapped.pop("modules"), "the package was not loaded"
    assert not plain.pop("modules")
    assert wrapped.pop("pid") != plain.pop("pid")
    # The shell of the wrapper keeps these two up to date for whatever it runs.
    for found in (plain, wrapped):
        for name in ("_", "PWD", "OLDPWD", "SHLVL"):
            found["environ"].pop(name, None)
    assert wrapped == plain


def test_wrapper_behind_a_link(layer, program, tmp_path):
    """A link to the wrapper finds the package beside the file."""
    link = tmp_path / "wrap"
    link.symlink_to(layer / "firehose_wrapper")

    assert facts(run([link, sys.executable, "script.py"], program))["modules"]


def test_wrapper_from_the_path(layer, program):
    """The wrapper may be found through PATH or from its own folder."""
    env = {"PATH": f"{layer}:{os.environ['PATH']}"}
    found = facts(run(["firehose_wrapper", sys.executable, program / "script.py"], layer, env=env))

    assert found["modules"]


def test_wrapper_of_the_repository(program):
    """In the repository the package is one folder up."""
    wrapper = ROOT / "wrapper_script" / "firehose_wrapper"

    assert facts(run([wrapper, sys.executable, "script.py"], program))["modules"]


def test_no_process_of_our_own(layer, program):
    """The program runs in the process that was started: signals and exit status are its own."""
    process = subprocess.Popen(
        [layer / "firehose_wrapper", sys.executable, program / "script.py"],
        env=child_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    out, _ = process.communicate(timeout=CHILD_DEADLINE)

    assert json.loads(out)["pid"] == process.pid


@pytest.mark.parametrize(
    ("code", "status"),
    [("raise SystemExit(7)", 7), ("raise ValueError", 1), ("import os; os._exit(9)", 9), ("", 0)],
)
def test_exit_status(layer, program, code, status):
    """The program's exit status is the wrapper's."""
    ended = run([layer / "firehose_wrapper", sys.executable, "-c", code], program)

    assert ended.returncode == status


def test_signals_arrive(layer, program):
    """A signal to the process reaches the program's own handler."""
    code = """
        import os, signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"got it\\n"), sys.exit(5)))
        print("ready", flush=True)
        while True:  # signal.pause would not see one that came just before it
            time.sleep(0.01)
        """
    process = subprocess.Popen(
        [layer / "firehose_wrapper", sys.executable, "-c", textwrap.dedent(code)],
        env=child_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=CHILD_DEADLINE)

    assert (out, process.returncode) == ("got it\n", 5)


def test_inherited_descriptor(layer, program):
    """A descriptor that Lambda hands down, as its log descriptor, is open in the program."""
    read, write = os.pipe()
    try:
        code = f"import os; os.write({write}, b'through')"
        run([layer / "firehose_wrapper", sys.executable, "-c", code], program, pass_fds=[write])

        assert os.read(read, 100) == b"through"
    finally:
        os.close(read)
        os.close(write)


def test_children_are_not_instrumented(layer, program):
    """A Python that the program starts does not load us."""
    code = "import subprocess, sys; subprocess.run([sys.executable, 'script.py'], check=True)"
    env = {"AWS_KINESIS_STREAM_NAME": "logs", "FIREHOSE_LOGGING_JOURNAL": "off"}

    ended = run([layer / "firehose_wrapper", sys.executable, "-c", code], program, env=env)

    assert facts(ended)["modules"] == []


@pytest.mark.parametrize("command", [["/bin/echo", "a b", "-m"], ["sh", "-c", "echo a b -m"]])
def test_other_programs_run_unchanged(layer, program, command):
    """What is no Python runs as it is, with one warning."""
    ended = run([layer / "firehose_wrapper", *command], program)

    assert ended.stdout == "a b -m\n"
    assert ended.stderr.count("\n") == 1
    assert f"{command[0]} is no Python interpreter" in ended.stderr


def test_program_that_does_not_exist(layer, program):
    """The shell's own status and message, as without us."""
    assert run([layer / "firehose_wrapper", "/no/such/python3"], program).returncode == 127


def test_script_that_does_not_exist(layer, program):
    """The interpreter's own status and words."""
    plain = run([sys.executable, "no such.py"], program)
    ended = run([layer / "firehose_wrapper", sys.executable, "no such.py"], program)

    assert (ended.returncode, ended.stderr) == (plain.returncode, plain.stderr)


def test_no_command(layer, program):
    """Without a command the wrapper explains itself."""
    ended = run([layer / "firehose_wrapper"], program)

    assert ended.returncode == 64
    assert "AWS_LAMBDA_EXEC_WRAPPER" in ended.stderr


def cannot_start(package):
    """Has the start raise."""
    with (package / "_bootstrap.py").open("a") as file:
        file.write("\n\ndef install():\n    raise OSError('x')\n")


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        (shutil.rmtree, "no package beside"),
        (lambda p: (p / "_program.py").unlink(), "no package beside"),
        (lambda p: (p / "__init__.py").write_text("def ("), "cannot be imported (SyntaxError"),
        (lambda p: (p / "__init__.py").write_text("raise OSError('x')"), "imported (OSError: x)"),
        (lambda p: (p / "settings.py").unlink(), "cannot be imported (ModuleNotFoundError"),
        (cannot_start, "cannot start (OSError: x)"),
    ],
    ids=["missing", "half of it missing", "syntax error", "raises", "incomplete", "does not start"],
)
def test_broken_package(source, program, tmp_path, breakage, message):
    """Whatever is wrong with us, the function runs, and one line says what is wrong."""
    broken = tmp_path / "layer"
    shutil.copytree(source, broken, ignore=shutil.ignore_patterns("__pycache__"))
    breakage(broken / "python" / "firehose_logging")

    ended = run([broken / "firehose_wrapper", sys.executable, "-B", "script.py", "x"], program)

    found = facts(ended)
    assert found["argv"] == ["script.py", "x"]
    assert found["path"][0] == str(program)
    assert str(broken / "python") not in found["path"]
    # As without us: Python 3.12 starts with some objects that are never collected.
    alone = run([sys.executable, "-B", "script.py", "x"], program)
    assert found["collects"] == facts(alone)["collects"]
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_old_interpreter_runs_the_program(source, program, tmp_path):
    """An interpreter that is too old for us runs the program all the same."""
    old = tmp_path / "python3"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    old.chmod(0o755)
    text = (source / "python" / "firehose_logging" / "_program.py").read_text()
    changed = tmp_path / "layer"
    shutil.copytree(source, changed)
    (changed / "python" / "firehose_logging" / "_program.py").write_text(
        text.replace("sys.version_info < (3, 10)", "sys.version_info < (99, 0)")
    )

    ended = run([changed / "firehose_wrapper", old, "script.py"], program)

    assert facts(ended)["modules"] == []
    assert "needs Python 3.10 or later" in ended.stderr


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: b"odd!" + data[4:], lambda data: data[:50_000]],
    ids=["empty", "bytecode of another version", "cut short"],
)
def test_damaged_bundle(source, program, tmp_path, damage):
    """Where the bundle of bytecode is of no use, the package comes from its sources."""
    folder = tmp_path / "layer"
    build_layer.build(folder)
    bundle = folder.joinpath(
        "python", "firehose_logging", "__pycache__", f"bundle.{sys.implementation.cache_tag}"
    )
    bundle.write_bytes(damage(bundle.read_bytes()))

    ended = run([folder / "firehose_wrapper", sys.executable, "-B", "script.py"], program)

    assert "firehose_logging" in facts(ended)["modules"]
    assert ended.stderr.count("\n") == 1  # that no stream is named


def test_bundle_is_what_is_run(program, tmp_path):
    """With a bundle, no module of ours is looked for in the folder."""
    folder = tmp_path / "layer"
    build_layer.build(folder)
    for path in folder.joinpath("python", "firehose_logging").glob("_s*.py"):
        path.write_text("raise RuntimeError('from the folder')")
    shutil.rmtree(folder / "python" / "wrapt")

    ended = run([folder / "firehose_wrapper", sys.executable, "-B", "script.py"], program)

    assert "firehose_logging._delivery.deliveries" in facts(ended)["modules"]
    assert "from the folder" not in ended.stderr


def test_launcher_alone(layer, program):
    """The launcher without a program says how it is meant to be run."""
    ended = run([sys.executable, layer / "python" / "firehose_logging" / "_launch.py"], program)

    assert ended.returncode == 64
    assert "is run by firehose_wrapper" in ended.stderr


def test_traceback_of_the_program(layer, program):
    """An error of the program ends it with its own traceback last."""
    (program / "fails.py").write_text("def f():\n    raise ValueError('mine')\nf()\n")

    ended = run([layer / "firehose_wrapper", sys.executable, "fails.py"], program)

    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith("ValueError: mine")
    assert 'fails.py", line 2, in f' in ended.stderr


def test_program_is_captured(layer, program, tmp_path):
    """Logging, print, stderr and warnings of a plain program arrive once each, in order."""
    (program / "talks.py").write_text(
        textwrap.dedent("""
            import logging, sys, warnings
            logging.getLogger().setLevel("INFO")
            logging.getLogger("app").info("logged", extra={"customer": "c-1"})
            print("printed")
            print("to stderr", file=sys.stderr)
            warnings.warn("warned")
            sys.exit(3)
            """)
    )
    stream = DeliveryStream("logs", tmp_path / "bucket", throughput=None)
    with LocalFirehose([stream]) as firehose:
        env = {
            **firehose.environment(),
            "AWS_KINESIS_STREAM_NAME": "logs",
            "TMPDIR": str(tmp_path),
        }
        command = [layer / "firehose_wrapper", sys.executable, "talks.py"]
        ended = run(command, program, env=env)
        firehose.flush()
        lines = firehose.stream("logs").lines()

    assert (ended.returncode, ended.stdout) == (3, "printed\n")
    assert "to stderr" in ended.stderr
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert [line["message"] for line in lines[:3]] == ["logged", "printed", "to stderr"]
    assert "UserWarning: warned" in lines[3]["message"]
    assert [line["logger"] for line in lines] == ["app", "stdout", "stderr", "py.warnings"]
    assert not list(Path(tmp_path).glob(".firehose-logging*"))
