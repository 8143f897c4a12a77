"""The folder tree of one environment on disk: laid out, and later removed, file by file.

Only what was made here is ever removed: a list of it is kept in the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

#: Holds the paths that were made here, so that a second run may replace them.
LIST = ".local-lambda.json"
#: What an interpreter leaves beside the code; it belongs to the code.
CACHE = "__pycache__"


class WorkFolderError(Exception):
    """A given folder holds what was not made here; the message names it."""


class WorkFolder:
    """`task`, `opt`, `var/runtime` and `tmp` below `root`.

    `root` None makes a temporary folder, which `close` removes. A given folder is kept. What an
    earlier run has put into its `task`, `opt` and `var` is replaced, its `tmp` is left as it is;
    any other file in them is a `WorkFolderError`, and nothing is touched.
    """

    def __init__(self, root: Path | None) -> None:
        self._own = root is None
        self.root = Path(tempfile.mkdtemp(prefix="local-lambda-") if root is None else root)
        self.root = self.root.absolute()
        self.task = self.root / "task"
        self.opt = self.root / "opt"
        self.tmp = self.root / "tmp"
        self.runtime = self.root / "var" / "runtime"
        if not self._own:
            self._remove_earlier()
        for folder in (self.opt, self.tmp, self.runtime, self.root / "var" / "root"):
            folder.mkdir(parents=True, exist_ok=True)

    def fill(self, code: Path | None, layers: tuple[Path, ...]) -> None:
        """Copy code (None: it runs where it is) and layers; raise `OSError`, `shutil.Error`."""
        if code is not None:
            _copy(code, self.task)
            make_read_only(self.task)
        for layer in layers:
            _copy(layer, self.opt)
            make_writable(self.opt)  # the next layer may add to a read-only folder
        make_read_only(self.opt)

    def note_made(self) -> None:
        """Write down what is there now as made here; a temporary folder needs no list."""
        if not self._own:
            made = [str(path.relative_to(self.root)) for path in self._made()]
            (self.root / LIST).write_text(json.dumps(made))

    def close(self) -> None:
        """Remove the folder if it was made here; a given one only becomes writable again."""
        for folder in (self.task, self.opt):
            make_writable(folder)
        if self._own:
            make_writable(self.tmp)
            shutil.rmtree(self.root, ignore_errors=True)

    def _made(self) -> list[Path]:
        """Everything in the replaceable folders, links not followed, deepest first."""
        found = []
        for folder in (self.task, self.opt, self.root / "var"):
            for parent, folders, files in os.walk(folder, topdown=False):
                found += [Path(parent) / name for name in [*files, *folders]]
            if folder.exists():
                found.append(folder)
        return found

    def _remove_earlier(self) -> None:
        try:
            made = set(json.loads((self.root / LIST).read_text()))
        except (OSError, ValueError):
            made = set()
        paths = self._made()
        for path in paths:
            name = path.relative_to(self.root)
            if str(name) not in made and CACHE not in name.parts:
                raise WorkFolderError(
                    f"work={str(self.root)!r}: {path} was not made by local_lambda, which never "
                    "removes what it did not make; give another folder, or move it away"
                )
        for folder in (self.task, self.opt):
            make_writable(folder)
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a folder, or unpack an archive with the modes that it holds."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        return
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, target))
            mode = stat.S_IMODE(entry.external_attr >> 16)
            if mode and not entry.is_dir():
                path.chmod(mode)


def make_read_only(folder: Path) -> None:
    """Take the write permission from everything below; root is not held back by it."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


def make_writable(folder: Path) -> None:
    """Give the owner what removing the tree needs, folders from the top down."""
    for parent, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            Path(parent).chmod(0o700)
