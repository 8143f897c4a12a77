"""The layer's bytecode in one file: where it is, and how modules come out of it.

The import system's own way, a look at folder, source and bytecode of each of some seventy modules,
takes more than half of the time that our start adds to a cold start. The layer therefore has the
bytecode of what a cold start needs in one file for each interpreter (``tools/bundle.py``), and no
bytecode of those modules beside it.

A finder in ``sys.meta_path`` is asked for every import of the function's, a thousandth of a
millisecond each time, and a function may have a thousand. Ours stands where the import system keeps
the finder of each folder, for the folders of the package alone. Imports nothing of the package.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    #: A module's name, names in it, and what they are called in the module that imports them.
    Needed = tuple[str, tuple[str, ...], tuple[str, ...]]
    #: Code; with what it imports first, as the import statements would; marshalled, where few
    #: need it; or the file that has it.
    Code = CodeType | tuple[CodeType, tuple[Needed, ...]] | bytes | str

PACKAGE = "firehose_logging"
CODE = type((lambda: None).__code__)

#: What the function's own thread may need at any moment, and most starts do not: made by ``have``.
#: Their code is in memory, since a function may have used up its descriptors. Running it changes
#: nothing else: where two threads make the same one at once, one of the two is everybody's.
APART = (
    "_fork",
    "_invocation",
    "_levels",
    "errors",
    "_capture.captured_buffer",
    "_delivery.last_lock",
    "_delivery.losses",
    "_delivery.result",
    "_line.exception",
    "_line.printed_object",
    "_line.redact",
    "_line.values",
    "_line.walk",
)

_NOT_AT_ONCE = (bytes, str)

#: Of this process; nearly always there is one, or none.
_bundles: list[Bundle] = []

# Numbers of errors that say nothing of a file: there is no memory (ENOMEM) or no descriptor left,
# in the system (ENFILE) or in the process (EMFILE). The module that names them costs its import.
_NOT_NOW = frozenset({12, 23, 24})


class Bundle:
    """Finds and runs the modules of the package that are in one file, and in those for later.

    Args:
        codes: code by module name within the package; ``__init__`` is the package itself. The name
            of a file beside the bundle where it is not needed at once, bytes where few need it.
        folder: of the package; the sources are there for tracebacks.
    """

    def __init__(self, codes: dict[str, Code], folder: str) -> None:
        self._codes = codes
        self.folder = folder

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """The spec of a module of ours, of its file where it is not here; None for all others."""
        package, _dot, short = name.partition(".")
        short = short or "__init__"
        if package != PACKAGE:
            return None
        code = self._codes.get(short)
        if type(code) is str:
            self._read_later(code)
            code = self._codes.get(short)
        return self._of_file(name, short) if code is None else self._spec(name, short, code)

    def _of_file(self, name: str, short: str) -> ModuleSpec | None:
        """The spec of a module that is not here, as the import system itself finds it."""
        place = f"{self.folder}/{short.replace('.', '/')}".rpartition("/")[0]
        for hook in sys.path_hooks:
            try:
                finder = hook(place)
            except ImportError:
                continue  # not for this kind of place
            return finder.find_spec(name)
        return None

    def _spec(self, name: str, short: str, code: Code) -> ModuleSpec:
        """The spec of a module that is here."""
        place = self.folder
        if short != "__init__":
            place += "/" + short.replace(".", "/")
        # The code knows its file's name, which tells a folder's own module from others.
        is_package = type(code) is CODE and code.co_filename.endswith("/__init__.py")
        origin = place + ("/__init__.py" if is_package else ".py")
        spec: ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec(name, self, origin=origin)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [place]
            sys.path_importer_cache[place] = self
        return spec

    def _read_later(self, file: str) -> None:
        """Have the code that is in a file for later; without it the sources are imported."""
        later = read(self.folder, file) or {}
        for name, found in tuple(self._codes.items()):
            if found == file:  # not what another thread has read and imported meanwhile
                if name in later:
                    self._codes[name] = later[name]
                else:
                    self._codes.pop(name, None)

    def load(self) -> None:
        """Run every module that is needed at once, as their imports would one by one.

        They stand in an order in which none has to wait for another. So nothing has to be found,
        locked or asked for, which is half of the time that imports of small modules take.

        Raises what a module raises; none of them is there then.
        """
        modules = sys.modules
        made = [PACKAGE]
        package = modules[PACKAGE] = self._module(PACKAGE, "__init__", self._codes["__init__"])
        try:
            for short, code in tuple(self._codes.items()):
                if type(code) in _NOT_AT_ONCE or short == "__init__" or short not in self._codes:
                    continue  # for later, the last one, or imported meanwhile
                name = f"{PACKAGE}.{short}"
                made.append(name)
                module = self._module(name, short, code)
                del self._codes[short]
                if modules.setdefault(name, module) is module:
                    _run(module, code, modules)
                else:  # this one, which the wrapper has run: all that it lacks is its place
                    modules[name].__dict__.update(module.__dict__)
                    module = modules[name]
                parent, _dot, own = short.rpartition(".")
                setattr(modules[f"{PACKAGE}.{parent}"] if parent else package, own, module)
            self.exec_module(package)
        except BaseException:
            for name in made:
                modules.pop(name, None)
            raise

    def _module(self, name: str, short: str, code: Code) -> ModuleType:
        """A module as the import system makes it, still empty."""
        spec = self._spec(name, short, code)
        module = type(sys)(name)
        own = module.__dict__
        own["__spec__"] = spec
        own["__loader__"] = self
        own["__package__"] = spec.parent
        own["__file__"] = spec.origin
        if spec.submodule_search_locations is not None:
            own["__path__"] = spec.submodule_search_locations
        return module

    def create_module(self, spec: ModuleSpec) -> None:
        """A usual module."""

    def have(self, short: str) -> None:
        """As the function; nothing where the bundle has no such module, or it is there."""
        code = self._codes.get(short)
        if type(code) is not bytes:
            return
        name = f"{PACKAGE}.{short}"
        module = self._module(name, short, code)
        _run(module, self._read(code), sys.modules)
        parent, _dot, own = name.rpartition(".")
        setattr(sys.modules[parent], own, module)
        everybodys = sys.modules.setdefault(name, module)
        if everybodys is not module:  # another thread was quicker
            setattr(sys.modules[parent], own, everybodys)

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's code and let go of it; a reload comes from the file.

        Where it raises, the code is there for the next try.
        """
        short = module.__name__[len(PACKAGE) + 1 :] or "__init__"
        code = self._codes[short]
        _run(module, self._read(code) if type(code) is bytes else code, {})
        self._codes.pop(short, None)

    def _read(self, data: bytes) -> Code:
        """The code of a module apart, with those that it imports."""
        import marshal

        code: Code = marshal.loads(data)  # noqa: S302 - the layer's own
        for name, *_ in code[1] if type(code) is tuple else ():
            if name.startswith(PACKAGE):
                self.have(name[len(PACKAGE) + 1 :])
        return code


def _run(module: ModuleType, code: Code, there: dict[str, ModuleType]) -> None:
    """Run a module's code.

    Args:
        module: still empty.
        code: its own.
        there: modules that are whole, by name; all others are imported.
    """
    own = module.__dict__
    if type(code) is tuple:
        code, needed = code
        for each in needed:
            _import(own, each, there)
    exec(code, own)  # type: ignore[arg-type]  # noqa: S102 - the layer's own bytecode


def _import(own: dict[str, object], needed: Needed, there: dict[str, ModuleType]) -> None:
    """``from ... import ...``, without what the statement does to find out that all is there."""
    name, names, own_names = needed
    module = there.get(name)
    if module is not None:
        found = module.__dict__
        try:
            for each, own_name in zip(names, own_names):  # noqa: B905 - of one length
                own[own_name] = found[each]
        except KeyError:
            pass  # a module that is not there yet
        else:
            return
    module = __import__(name, own, None, names)
    for each, own_name in zip(names, own_names):  # noqa: B905
        own[own_name] = getattr(module, each)


def use(folder: str) -> None:
    """Import the package's modules from the bundle in ``folder``, if there is one for us.

    The wrapper has done it already. Who imports the package from a layer without it does it here.
    """
    if not any(bundle.folder == folder for bundle in _bundles):
        codes = read(folder)
        if codes is not None:
            put(codes, folder)


def put(codes: dict[str, Code], folder: str) -> Bundle:
    """Have the package's modules found in a bundle.

    Args:
        codes: as of ``Bundle``.
        folder: of the package.
    """
    bundle = Bundle(codes, folder)
    _bundles.append(bundle)
    sys.path_importer_cache[folder] = bundle
    return bundle


def have(short: str) -> None:
    """Have a module of those apart, whole, before the import statement that wants it.

    Whoever needs one may be anywhere: in a signal handler, at the end of the stack, beside a thread
    that forks. The import system keeps a lock meanwhile, which a child or another thread may wait
    for in vain, shows the module to its own thread before it is whole, and what an exception of the
    function's leaves of it is not always what it was. Here a module is made aside, and is
    everybody's when it is whole; what is broken off leaves nothing. Without a bundle it has been
    there since the start.

    Args:
        short: its name within the package.
    """
    if f"{PACKAGE}.{short}" not in sys.modules:
        for bundle in _bundles:
            bundle.have(short)


def have_all() -> None:
    """Import those apart at once where they do not come from a bundle."""
    if not _bundles:
        for short in APART:
            __import__(f"{PACKAGE}.{short}")


def read(folder: str, file: str = "bundle") -> dict[str, Code] | None:
    """A bundle's code by module; None where there is none, or it is not for this interpreter."""
    path = f"{folder}/__pycache__/{file}.{sys.implementation.cache_tag}"
    try:
        with open(path, "rb", 0) as found:  # noqa: PTH123 - pathlib costs an import
            import marshal

            magic = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER
            if found.read(len(magic)) != magic:
                return None
            codes: dict[str, Code] = marshal.loads(found.read())  # noqa: S302
            return codes
    except Exception as error:
        trace = error.__traceback__
        if trace is not None and trace.tb_next is not None:
            raise  # of a signal handler, in the function's thread
        if isinstance(error, MemoryError) or getattr(error, "errno", 0) in _NOT_NOW:
            raise  # the next try may find it
        return None  # a damaged one: from source then
