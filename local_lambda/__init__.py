"""A local AWS Lambda environment, faithful where extensions and log shippers notice.

Runtime, Extensions, Telemetry and Logs APIs with the service's rules; the real `awslambdaric`;
start-up, freeze, timeouts, reset and shutdown as the service does them. `README.md` in this folder
says what is faithful and what is not; `python -m local_lambda --help` runs any function folder.
"""

from .budgets import Budgets
from .environment import LocalLambda
from .function import Function
from .initialization import InitResult
from .invocation import InvocationResult
from .isolation import SandboxError
from .logs import LogEvent
from .process import ProcessEnd
from .processes import ShutdownResult
from .telemetry import TelemetryEvent
from .timeline import TimelineEvent, print_timeline

__all__ = [
    "Budgets",
    "Function",
    "InitResult",
    "InvocationResult",
    "LocalLambda",
    "LogEvent",
    "ProcessEnd",
    "SandboxError",
    "ShutdownResult",
    "TelemetryEvent",
    "TimelineEvent",
    "print_timeline",
]
