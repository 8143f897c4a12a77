"""What a process says about itself in the function's answer."""

import sys
import time


def read():
    """Clock, CPU time and memory of this process, now.

    ``at`` is the machine's monotonic clock, so that another process can subtract its own.
    """
    memory = {}
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in ("VmHWM", "VmRSS"):
                memory[name] = int(value.split()[0]) / 1024
    return {
        "at": time.monotonic(),
        "cpu": time.process_time(),
        "high_water_mib": memory["VmHWM"],
        "rss_mib": memory["VmRSS"],
        "modules": len(sys.modules),
    }
