"""Take AWS's Runtime Interface Emulator out of the aws-sam-cli wheel.

    python -m tools.fetch_rie DESTINATION

SAM CLI's version is the one that requirements/sam.txt pins; SAM itself is not installed.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements" / "sam.txt"
#: The emulator's name for what platform.machine() answers.
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def main(arguments: list[str]) -> int:
    """Write the emulator for this machine's processor to the path given."""
    if len(arguments) != 1:
        print("usage: fetch_rie.py DESTINATION", file=sys.stderr)
        return 2
    destination = Path(arguments[0])
    architecture = ARCHITECTURES.get(platform.machine().lower())
    if architecture is None:
        print(f"fetch_rie: no emulator for {platform.machine()}", file=sys.stderr)
        return 1
    pinned = re.search(r"^aws-sam-cli==\S+", REQUIREMENTS.read_text(), re.MULTILINE)
    if pinned is None:
        print(f"fetch_rie: {REQUIREMENTS} pins no aws-sam-cli", file=sys.stderr)
        return 1
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".rie-") as scratch:
        download = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check",
             "--no-deps", "--only-binary=:all:", "-d", scratch, pinned.group()],
            check=False,
        )  # fmt: skip
        if download.returncode:
            print(f"fetch_rie: pip could not download {pinned.group()}", file=sys.stderr)
            return 1
        (wheel,) = Path(scratch).glob("*.whl")
        emulator = Path(scratch) / "emulator"
        with zipfile.ZipFile(wheel) as archive:
            emulator.write_bytes(archive.read(f"samcli/local/rapid/aws-lambda-rie-{architecture}"))
        emulator.chmod(0o755)
        emulator.rename(destination)
    print(f"emulator: {destination}, from {pinned.group()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
