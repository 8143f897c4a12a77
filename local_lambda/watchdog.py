"""What ends process groups when the emulator is gone without a word, by SIGKILL for one.

The kernel offers a signal at the parent's death, but to the child alone, not to what it has
started, and only by code that runs between fork and exec. A shell that reads a pipe does it for
whole groups: the end of the pipe is the emulator's end.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading

#: `+ GROUP` and `- GROUP` come line by line; what is left at the end is killed.
_SCRIPT = """
groups=' '
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) groups="${groups%% $group *} ${groups#* $group }" ;;
  esac
done
for group in $groups; do
  kill -s KILL -- "-$group"
done
"""


class Watchdog:
    """Ends the groups that it was told of, and not told to forget, when this process ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shell: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start the shell; idempotent; without one nothing is watched."""
        if self._shell is not None:
            return
        with contextlib.suppress(OSError):
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is not for it
            )

    def add(self, group: int) -> None:
        """End this process group when the emulator ends."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """It has ended; its number may become somebody else's."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """End the shell, and the groups that it still has; idempotent."""
        with self._lock:
            shell, self._shell = self._shell, None
            if shell is not None and shell.stdin is not None:
                with contextlib.suppress(OSError):
                    shell.stdin.close()
                shell.wait()

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._shell is not None and self._shell.stdin is not None:
                with contextlib.suppress(OSError):
                    self._shell.stdin.write(line.encode())
                    self._shell.stdin.flush()
