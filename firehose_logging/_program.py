"""Installs us, then becomes the real program; run by ``_launch``, never imported.

It must work on any interpreter that Lambda has, so it says nothing that an old one cannot parse,
and whatever goes wrong in here, the program still runs, with the ``sys.argv``, ``sys.path`` and
``__main__`` that it would have had without us.
"""

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from firehose_logging._bundle import Code


def _tell(text: str) -> None:
    try:
        os.write(2, ("firehose_logging: " + text + "\n").encode("utf-8", "replace"))
    except OSError:
        pass


def _install(package: str) -> None:
    """Import the package, whose folder this is, and start it; sys.path is left as it was.

    Code is no garbage: the collector is off while ours is read, and the runtime client's.
    """
    collect_again = _collect_again if gc.isenabled() else _leave_off
    gc.disable()
    try:
        start = _imported(package)
    except Exception as error:  # a layer built wrong must not stop the function
        _tell(
            "cannot be imported (%s: %s); the function runs without it, its logs are not sent"
            % (type(error).__name__, error)
        )
        collect_again()
        return
    try:
        start(collect_again)
    except Exception as error:
        _tell("cannot start (%s: %s); the function runs without it" % (type(error).__name__, error))


def _imported(package: str) -> "Callable[[Callable[[], None]], None]":
    """Import the package; what starts it."""
    folder = ""
    try:
        if sys.version_info < (3, 10):
            raise ImportError("it needs Python 3.10 or later")
        codes = _bytecode(package)
        if codes is not None:
            _load(codes, package)
        else:
            folder = os.path.dirname(package)
            sys.path.insert(0, folder)
        from firehose_logging._bootstrap import launch
    finally:
        if folder:
            sys.path.remove(folder)
    return launch


def _bytecode(package: str) -> "dict[str, Code] | None":
    """The code in the layer's bundle; None where there is none for this interpreter.

    Mapped, not read: memory that is new to a process costs more than what is done with it.
    """
    try:
        import marshal
        from mmap import ACCESS_READ, mmap

        path = "%s/__pycache__/bundle.%s" % (package, sys.implementation.cache_tag)
        with open(path, "rb", 0) as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            magic = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER
            if data[: len(magic)] == magic:
                return marshal.loads(memoryview(data)[len(magic) :])  # type: ignore[no-any-return]
    except Exception:  # a damaged one: from source then
        pass
    return None


def _load(codes: "dict[str, Code]", package: str) -> None:
    """Import every module of which the code is here, by the one that knows how."""
    name = "firehose_logging._bundle"
    module = sys.modules[name] = type(sys)(name)
    exec(codes["_bundle"], module.__dict__)  # type: ignore[arg-type]
    module.put(codes, package).load()


def _collect_again() -> None:
    """Turn the garbage collector on; what is there by now counts as old, unseen: it is no garbage.

    Otherwise the function's first few hundred objects would have all of that looked through.
    """
    if hasattr(gc, "freeze") and not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()  # into the oldest generation, by moving one list
    gc.enable()


def _leave_off() -> None:
    return


def _path_entry(argv: "list[str]") -> str:
    """What the interpreter itself would have put first on sys.path."""
    if argv[0] == "-m":
        return os.getcwd()
    if argv[0] in ("-c", "-"):
        return ""
    return os.path.dirname(os.path.realpath(argv[0]))


def _is_source(script: str) -> bool:
    return os.path.isfile(script) and not script.endswith((".zip", ".pyz", ".whl"))


def _absolute(path: str) -> str:
    """As the interpreter makes ``__main__.__file__`` absolute: nothing is resolved on the way."""
    return os.path.join(os.getcwd(), path)


def _become(argv: "list[str]") -> None:
    """Run the program in ``__main__``, as the interpreter would have."""
    main = sys.modules["__main__"].__dict__
    own = [name for name in main if not name.startswith("__")]
    sys.argv = argv
    if argv[0] in ("-m", "-c"):
        sys.argv = [argv[0], *argv[2:]]
    if argv[0] == "-m" or not (argv[0] in ("-c", "-") or _is_source(argv[0])):
        import runpy

        module = argv[1] if argv[0] == "-m" else "__main__"
        if argv[0] != "-m":  # a folder or an archive
            sys.path.insert(0, _absolute(argv[0]))
        _clear(main, own)
        # What the interpreter itself calls, for -m and for a __main__ found on the path.
        runpy._run_module_as_main(module, argv[0] == "-m")  # type: ignore[attr-defined]
        return
    if argv[0] == "-c":
        code = compile(argv[1], "<string>", "exec", dont_inherit=True)
        own += ["__file__", "__cached__"]
    elif argv[0] == "-":
        code = compile(sys.stdin.read(), "<stdin>", "exec", dont_inherit=True)
        main["__file__"] = "<stdin>"
    else:
        code = _read(_absolute(argv[0]), main)
    if argv[0] in ("-c", "-"):
        from importlib.machinery import BuiltinImporter

        main["__loader__"] = BuiltinImporter
    main["__doc__"] = None
    main["__spec__"] = None
    _clear(main, own)
    exec(code, main)


def _read(script: str, main: "dict[str, object]") -> "CodeType":
    """The code of a script, which from here on is the main module's file."""
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader

    main["__file__"] = script
    if script.endswith(".pyc"):
        compiled = SourcelessFileLoader("__main__", script)
        main["__loader__"] = compiled
        code = compiled.get_code("__main__")
        assert code is not None
        return code
    from io import open_code

    main["__loader__"] = SourceFileLoader("__main__", script)
    with open_code(script) as file:
        return compile(file.read(), script, "exec", dont_inherit=True)


def _clear(main: "dict[str, object]", names: "list[str]") -> None:
    """Take our own names out of ``__main__``; from here on no global of ours is there."""
    for name in names:
        main.pop(name, None)


def run(place: str) -> None:
    """Start us and become the program that ``sys.argv`` names.

    Args:
        place: the package's folder.
    """
    package = os.path.abspath(place)  # as it will stand in tracebacks
    argv = sys.argv[1:]
    if not argv:
        _tell("_launch.py is run by firehose_wrapper, with a program as its argument")
        sys.exit(64)
    if argv[0] not in ("-m", "-c", "-") and not os.path.exists(argv[0]):
        import errno  # of a hundred constants

        reason = os.strerror(errno.ENOENT)
        script = _absolute(argv[0])
        sys.stderr.write(
            "%s: can't open file %r: [Errno %d] %s\n"
            % (sys.executable, script, errno.ENOENT, reason)
        )
        sys.exit(2)
    # -P and -I keep the script's folder off sys.path.
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        if argv[0] in ("-m", "-c", "-") or _is_source(argv[0]):
            sys.path[0] = _path_entry(argv)
        else:  # a folder or an archive is itself the entry, see _become
            del sys.path[0]
    _install(package)
    _become(argv)
