"""What the wrapper has the interpreter run first: installs us, then becomes the real program.

It is run as a script, not imported. It must work on any interpreter that Lambda has, so it says
nothing that an old one cannot parse, and whatever goes wrong in here, the program still runs,
with the ``sys.argv``, ``sys.path`` and ``__main__`` that it would have had without us.
"""

import os
import sys


def _tell(text: str) -> None:
    try:
        os.write(2, ("firehose_logging: " + text + "\n").encode("utf-8", "replace"))
    except OSError:
        pass


def _install(folder: str) -> None:
    """Import the package from ``folder`` and start it; sys.path is left as it was."""
    if sys.version_info < (3, 10):
        _tell("needs Python 3.10 or later; the function runs without it, its logs are not sent")
        return
    sys.path.insert(0, folder)
    try:
        from firehose_logging import install
    except Exception as error:  # a layer built wrong must not stop the function
        _tell(
            "cannot be imported (%s: %s); the function runs without it, its logs are not sent"
            % (type(error).__name__, error)
        )
        return
    finally:
        sys.path.remove(folder)
    try:
        install()
    except Exception as error:
        _tell("cannot start (%s: %s); the function runs without it" % (type(error).__name__, error))


def _path_entry(argv: "list[str]") -> str:
    """What the interpreter itself would have put first on sys.path."""
    if argv[0] == "-m":
        return os.getcwd()
    if argv[0] in ("-c", "-"):
        return ""
    script = os.path.realpath(argv[0])
    # A folder or archive with a __main__.py is itself the entry.
    return os.path.dirname(script) if _is_source(argv[0]) else script


def _is_source(script: str) -> bool:
    return os.path.isfile(script) and not script.endswith((".zip", ".pyz", ".whl"))


def _become(argv: "list[str]") -> None:
    """Run the program in ``__main__``, as the interpreter would have."""
    main = sys.modules["__main__"].__dict__
    own = [name for name in main if not name.startswith("__")]
    if argv[0] == "-m":
        import runpy

        sys.argv = ["-m", *argv[2:]]
        _clear(main, own)
        runpy._run_module_as_main(argv[1])  # type: ignore[attr-defined]  # what -m itself calls
        return
    if argv[0] == "-c":
        sys.argv = ["-c", *argv[2:]]
        code = compile(argv[1], "<string>", "exec", dont_inherit=True)
        own.append("__file__")
    elif argv[0] == "-":
        sys.argv = argv
        code = compile(sys.stdin.read(), "<stdin>", "exec", dont_inherit=True)
        own.append("__file__")
    elif _is_source(argv[0]):
        from importlib.machinery import SourceFileLoader
        from io import open_code

        sys.argv = argv
        with open_code(argv[0]) as file:
            code = compile(file.read(), argv[0], "exec", dont_inherit=True)
        main["__file__"] = argv[0]
        main["__loader__"] = SourceFileLoader("__main__", argv[0])
    else:  # a folder or archive
        import runpy

        sys.argv = argv
        _clear(main, own)
        runpy.run_path(argv[0], run_name="__main__")
        return
    main["__doc__"] = None
    main["__spec__"] = None
    _clear(main, own)
    exec(code, main)


def _clear(main: "dict[str, object]", names: "list[str]") -> None:
    """Take our own names out of ``__main__``; from here on no global of ours is there."""
    for name in [*names, "__cached__"]:
        main.pop(name, None)


def _main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    argv = sys.argv[1:]
    if not argv:
        _tell("_launch.py is run by firehose_wrapper, with a program as its argument")
        sys.exit(64)
    # -P and -I keep the script's folder off sys.path.
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path[0] = _path_entry(argv)
    _install(os.path.dirname(here))
    _become(argv)


if __name__ == "__main__":
    _main()
