"""Notes clock and CPU time, then becomes the program: from here on a cold start is counted.

python -IS stamp.py PROGRAM [ARGUMENT ...]

The exec keeps the process, so what this interpreter took is known and can be taken off; its memory
goes with the exec. BENCH_WRAPPER names the wrapper that the platform would have called, and
BENCH_GROUP a control group that the program runs in.
"""

import os
import sys
import time


def main(command: list[str]) -> None:
    """Put the notes into the environment, and exec."""
    wrapper = os.environ.pop("BENCH_WRAPPER", "")
    os.environ.pop("AWS_LAMBDA_EXEC_WRAPPER", None)
    if wrapper:
        os.environ["AWS_LAMBDA_EXEC_WRAPPER"] = wrapper
        command = [wrapper, *command]
    group = os.environ.pop("BENCH_GROUP", "")
    if group:
        with open(group + "/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    os.environ["BENCH_CPU"] = repr(time.process_time())
    os.environ["BENCH_BEGAN"] = repr(time.monotonic())
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
