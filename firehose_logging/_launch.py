"""What the wrapper has the interpreter run first; ``_program`` has the rest.

Small, because a script is compiled anew at every start. ``_program`` has bytecode in the layer
(``tools/bundle``), which is read as the import system reads bytecode that has no source: with
another interpreter's it does not start. Says nothing that an old interpreter cannot parse.
"""

import sys
from _frozen_importlib_external import SourcelessFileLoader

if __name__ == "__main__":
    here = __file__[:-10]
    name = "firehose_logging._program"
    file = here + "__pycache__/_program." + str(sys.implementation.cache_tag) + ".pyc"
    loader = SourcelessFileLoader(name, file)
    try:
        code = loader.get_code(name)
    except Exception:  # none for this interpreter, or a damaged one: from source then
        file = here + "_program.py"
        code = compile(loader.get_data(file), file, "exec", dont_inherit=True)
    names = {"__name__": name}
    exec(code, names)  # type: ignore[arg-type]
    names["run"](here)  # type: ignore[operator]
