"""What the wrapper has the interpreter run first; ``_program`` has the rest.

Small, because a script is compiled anew at every start: ``_program`` and the package come out of
the layer's bundle of bytecode (``tools/build_layer``) where it has one for this interpreter. Says
nothing that an old interpreter cannot parse.
"""

import gc
import os
import sys


def _main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    names = {"__name__": "firehose_logging._program"}
    collects = gc.isenabled()
    gc.disable()  # code is no garbage; _program turns it on again before anything else runs
    try:
        import marshal

        with open(
            "%s/__pycache__/bundle.%s" % (here, sys.implementation.cache_tag), "rb", 0
        ) as file:
            magic = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER
            if file.read(len(magic)) != magic:
                raise ImportError("made by another build of this version")
            codes = marshal.loads(file.read())
        code = codes.pop("_program")
    except Exception:  # no bundle, or a damaged one: from source then
        codes = None
        with open(here + "/_program.py", "rb") as file:
            code = compile(file.read(), here + "/_program.py", "exec", dont_inherit=True)
    exec(code, names)
    names["run"](here, codes, collects)  # type: ignore[operator]


if __name__ == "__main__":
    _main()
