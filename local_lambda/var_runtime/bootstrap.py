"""Stand-in for /var/runtime/bootstrap.py of AWS's Python runtimes.

It builds `sys.path` as they do, then hands over to the real runtime client. The local `/opt` is
found from this file's own place: `<root>/var/runtime/bootstrap.py` belongs to `<root>/opt`.
"""

# Importing pathlib would lengthen every cold start.
# ruff: noqa: PTH100, PTH118, PTH120

import os
import site
import sys


def layer_folders() -> "list[str]":
    """Return the two folders of `/opt` in which Lambda looks for a layer's Python packages."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = os.path.join(root, "opt", "python")
    return [os.path.join(packages, "lib", version, "site-packages"), packages]


def set_paths() -> None:
    """Put the function first, then its layers; who sets PYTHONPATH must name the layers himself."""
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    layers = [] if "PYTHONPATH" in os.environ else layer_folders()
    sys.path[0:0] = [task_root, *layers]
    for folder in [task_root, *layers]:
        site.addsitedir(folder)  # runs the folder's .pth files


def main() -> None:
    """Start the runtime client; its own entry point knows how, in every version since 2."""
    set_paths()
    if "_LOCAL_LAMBDA_SNAPSHOT_FD" in os.environ:
        sys.path.append(os.path.dirname(os.path.abspath(__file__)))
        # Beside this file once an environment is laid out.
        import local_lambda_snapshot  # type: ignore[import-not-found]

        sys.path.pop()
        local_lambda_snapshot.install()
    from awslambdaric import __main__ as runtime_client

    # By this name tracers find the client that they change, as in AWS's own file.
    globals()["awslambdaricmain"] = runtime_client
    runtime_client.main([__file__, os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
