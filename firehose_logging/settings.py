"""Settings, each one environment variable; ``Settings.from_env`` is the only reader of them."""

from __future__ import annotations

import os

from firehose_logging.errors import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

TELEMETRY_TYPES = ("platform", "function", "extension")
TELEMETRY_APIS = ("telemetry", "logs")
CAPTURES = ("logging", "stdout", "stderr", "errors")
COMPRESSIONS = ("none", "gzip")
FLUSHES = ("end", "periodic", "adaptive")
TRANSPORTS = ("auto", "direct", "boto3")
_LEVELS = {
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "WARN": 30,
    "WARNING": 30,
    "ERROR": 40,
    "FATAL": 50,
    "CRITICAL": 50,
}
_STREAM_NAME_LETTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
)


# -- one reader a kind of value: text in, value out, ValueError says what is allowed -----------


def _stream_name(text: str) -> str:
    if not 1 <= len(text) <= 64 or not _STREAM_NAME_LETTERS.issuperset(text):
        raise ValueError("1 to 64 letters, digits, '_', '.' or '-' (the name, not the ARN)")
    return text


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        allowed = f"a whole number from {low} to {high}"
        try:
            number = int(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not low <= number <= high:
            raise ValueError(allowed)
        return number

    return read


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        allowed = f"a number of seconds from {low:g} to {high:g}"
        try:
            number = float(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not low <= number <= high:
            raise ValueError(allowed)
        return number

    return read


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return word

    return read


def _some_of(allowed: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        words = [word.strip().lower() for word in text.split(",") if word.strip()]
        if words in ([], ["off"]):
            return ()
        if not set(words) <= set(allowed):
            raise ValueError(f"a comma list of {', '.join(allowed)}; or off")
        return tuple(word for word in allowed if word in words)

    return read


def _on_off(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("on", "off"):
        raise ValueError("on or off")
    return word == "on"


def _level(text: str) -> int:
    word = text.strip().upper()
    if word in _LEVELS:
        return _LEVELS[word]
    try:
        return _whole(0, 100)(word)
    except ValueError:
        raise ValueError(
            "TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL, or a number from 0 to 100"
        ) from None


#: field, variable, reader, default
_FIELDS: tuple[tuple[str, str, Callable[[str], Any], Any], ...] = (
    ("stream_name", "AWS_KINESIS_STREAM_NAME", _stream_name, None),
    ("listener_port", "HTTP_LOGS_LISTENER_PORT", _whole(1, 65535), 1234),
    ("telemetry", "FIREHOSE_LOGGING_TELEMETRY", _some_of(TELEMETRY_TYPES), ("platform",)),
    ("telemetry_api", "FIREHOSE_LOGGING_TELEMETRY_API", _one_of(TELEMETRY_APIS), "telemetry"),
    ("capture", "FIREHOSE_LOGGING_CAPTURE", _some_of(CAPTURES), CAPTURES),
    ("level", "FIREHOSE_LOGGING_LEVEL", _level, 0),
    ("passthrough", "FIREHOSE_LOGGING_PASSTHROUGH", _on_off, True),
    ("flush", "FIREHOSE_LOGGING_FLUSH", _one_of(FLUSHES), "adaptive"),
    ("interval", "FIREHOSE_LOGGING_INTERVAL", _seconds(0.1, 900), 10.0),
    ("compression", "FIREHOSE_LOGGING_COMPRESSION", _one_of(COMPRESSIONS), "none"),
    (
        "buffer_bytes",
        "FIREHOSE_LOGGING_BUFFER_BYTES",
        _whole(65_536, 1_073_741_824),
        16_777_216,
    ),
    ("journal", "FIREHOSE_LOGGING_JOURNAL", _on_off, True),
    ("transport", "FIREHOSE_LOGGING_TRANSPORT", _one_of(TRANSPORTS), "auto"),
)


class Settings:
    """Everything that can be set; immutable.

    Args:
        stream_name: delivery stream (``AWS_KINESIS_STREAM_NAME``); None sends nothing.
        listener_port: port of the telemetry listener (``HTTP_LOGS_LISTENER_PORT``).
        telemetry: any of ``platform``, ``function``, ``extension``; empty turns it off
            (``FIREHOSE_LOGGING_TELEMETRY``).
        telemetry_api: ``telemetry`` or the older ``logs`` (``FIREHOSE_LOGGING_TELEMETRY_API``).
        capture: any of ``logging``, ``stdout``, ``stderr``, ``errors``: what the wrapper and
            ``install()`` capture in process (``FIREHOSE_LOGGING_CAPTURE``). Empty by default when
            ``function`` telemetry is on, so that nothing arrives twice.
        level: level of the handler that the wrapper and ``install()`` add; 0 leaves the decision
            to the loggers (``FIREHOSE_LOGGING_LEVEL``, else ``AWS_LAMBDA_LOG_LEVEL``).
        passthrough: False keeps captured logging and output from the runtime's own output, so
            from CloudWatch (``FIREHOSE_LOGGING_PASSTHROUGH``).
        flush: ``end``, ``periodic`` or ``adaptive`` (``FIREHOSE_LOGGING_FLUSH``).
        interval: seconds a line may wait under ``periodic`` (``FIREHOSE_LOGGING_INTERVAL``).
        compression: ``none``, or ``gzip`` for one gzip member a Firehose record
            (``FIREHOSE_LOGGING_COMPRESSION``).
        buffer_bytes: most memory for undelivered lines, in bytes
            (``FIREHOSE_LOGGING_BUFFER_BYTES``).
        journal: whether undelivered lines are also kept in a crash journal under ``/tmp``
            (``FIREHOSE_LOGGING_JOURNAL``).
        transport: ``auto`` sends without boto3 where that is safe, ``direct`` says why when it
            is not, ``boto3`` always uses it (``FIREHOSE_LOGGING_TRANSPORT``).

    Raises:
        SettingsError: a value that is not allowed, or a setting that does not exist.
    """

    __slots__ = (*(field[0] for field in _FIELDS), "environment")

    stream_name: str | None
    listener_port: int
    telemetry: tuple[str, ...]
    telemetry_api: str
    capture: tuple[str, ...]
    level: int
    passthrough: bool
    flush: str
    interval: float
    compression: str
    buffer_bytes: int
    journal: bool
    transport: str
    environment: LambdaEnvironment

    def __init__(self, **values: Any) -> None:
        environment = values.pop("environment", None) or LambdaEnvironment({})
        object.__setattr__(self, "environment", environment)
        for field, _, read, default in _FIELDS:
            value = values.pop(field, default)
            if value != default:
                value = _checked(field, read, value)
            object.__setattr__(self, field, value)
        if values:
            known = ", ".join(field[0] for field in _FIELDS)
            raise SettingsError(f"no setting {', '.join(sorted(values))}; the settings are {known}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Settings cannot be changed; make new ones to set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Settings cannot be changed; {name} stays")

    def __repr__(self) -> str:
        pairs = (f"{field[0]}={getattr(self, field[0])!r}" for field in _FIELDS)
        return f"Settings({', '.join(pairs)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        return all(getattr(self, f[0]) == getattr(other, f[0]) for f in _FIELDS)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, field[0]) for field in _FIELDS))

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        report: Callable[[str], None] | None = None,
    ) -> Settings:
        """Settings from environment variables; a wrong value never raises.

        Args:
            environ: the variables; None reads ``os.environ``.
            report: called with one sentence for each wrong value, whose default is then used;
                None ignores them in silence.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {"environment": LambdaEnvironment(environ)}
        for field, variable, read, default in _FIELDS:
            text = environ.get(variable, "")
            if not text.strip():
                continue
            try:
                values[field] = read(text.strip())
            except ValueError as error:
                if report is not None:
                    instead = _instead(default)
                    report(f"{variable}={text!r} is not allowed: {error}; {instead}")
        if "level" not in values:
            # Lambda checks its own variable; what it would not accept we do not judge.
            lambda_level = environ.get("AWS_LAMBDA_LOG_LEVEL", "").strip().upper()
            values["level"] = _LEVELS.get(lambda_level, 0)
        if "capture" not in values and "function" in values.get("telemetry", ()):
            values["capture"] = ()
        return cls(**values)

    def replace(self, **values: Any) -> Settings:
        """A copy with some settings changed; raises SettingsError like the constructor."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return type(self)(**{**kept, **values})


class LambdaEnvironment:
    """What Lambda says about the environment the process runs in; None outside Lambda.

    Args:
        environ: environment variables.
    """

    __slots__ = (
        "function_name",
        "function_version",
        "init_type",
        "runtime_api",
        "temp_dir",
        "workers",
    )

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.runtime_api = environ.get("AWS_LAMBDA_RUNTIME_API") or None
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME") or None
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION") or None
        self.init_type = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") or "on-demand"
        #: Managed Instances: how many workers the runtime forks; None on demand.
        self.workers = environ.get("AWS_LAMBDA_MAX_CONCURRENCY") or None
        self.temp_dir = environ.get("TMPDIR") or "/tmp"  # noqa: S108 - Lambda's only writable place


def _checked(field: str, read: Callable[[str], Any], value: object) -> Any:
    """A value given in code, read by the same rules as its variable."""
    if isinstance(value, bool):
        text = ("off", "on")[value]
    elif isinstance(value, (tuple, list, set, frozenset)):
        text = ",".join(map(str, value)) or "off"
    elif isinstance(value, (str, int, float)):
        text = str(value)
    else:
        raise SettingsError(f"{field}={value!r}: a {type(value).__name__} is not allowed")
    try:
        return read(text)
    except ValueError as error:
        raise SettingsError(f"{field}={value!r} is not allowed: {error}") from None


def _instead(default: object) -> str:
    if default is None:  # only the stream has no default
        return "no logs are sent"
    if isinstance(default, bool):
        return "using " + ("off", "on")[default]
    return "using " + (",".join(default) if isinstance(default, tuple) else f"{default}")


def trace_header() -> str | None:
    """The X-Ray header of the current invocation; the runtime client keeps it up to date."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def aws_variables() -> dict[str, str]:
    """The variables by which AWS SDKs and HTTP clients are configured, as they are now."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("AWS_") or name.upper().endswith(("_PROXY", "_CA_BUNDLE"))
    }
