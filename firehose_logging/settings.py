"""Settings, each one environment variable; ``Settings.from_env`` is the only reader of them."""

from __future__ import annotations

import os

from firehose_logging import _readers
from firehose_logging._bundle import have
from firehose_logging._line.columns import FOLDED, TOLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypedDict

    from typing_extensions import Unpack

    from firehose_logging.errors import SettingsError

    Words = str | tuple[str, ...] | list[str] | set[str] | frozenset[str]

    class _Values(TypedDict, total=False):
        """What the constructor takes."""

        stream_name: str | None
        stream_names: Words
        listener_port: int
        telemetry: Words
        telemetry_api: str
        capture: Words
        level: int | str
        levels: str | Mapping[str, int | str] | tuple[tuple[str, int | str], ...]
        passthrough: bool | Words
        fields: str | Mapping[str, str | None] | tuple[tuple[str, str | None], ...]
        schema: str
        flush: str
        interval: float
        compression: str
        buffer_bytes: int
        journal: bool | str
        transport: str


TELEMETRY_TYPES = ("platform", "function", "extension")
TELEMETRY_APIS = ("telemetry", "logs")
#: What is captured unless something else is asked for; ``descriptors`` must be.
CAPTURES = ("logging", "stdout", "stderr", "errors")
PASSTHROUGHS = ("metrics", "undelivered")
SCHEMAS = ("open", "fixed")
COMPRESSIONS = ("none", "gzip")
FLUSHES = ("end", "periodic", "adaptive")
TRANSPORTS = ("auto", "direct", "boto3")

_PREFIX = "FIREHOSE_LOGGING_"

#: field, variable, reader, default
_FIELDS: tuple[tuple[str, str, Callable[[str], Any], Any], ...] = (
    ("stream_names", "AWS_KINESIS_STREAM_NAME", _readers.stream_names, ()),
    ("listener_port", "HTTP_LOGS_LISTENER_PORT", _readers.whole(1, 65535), 1234),
    ("telemetry", f"{_PREFIX}TELEMETRY", _readers.some_of(TELEMETRY_TYPES), ("platform",)),
    ("telemetry_api", f"{_PREFIX}TELEMETRY_API", _readers.one_of(TELEMETRY_APIS), "telemetry"),
    ("capture", f"{_PREFIX}CAPTURE", _readers.some_of((*CAPTURES, "descriptors")), CAPTURES),
    ("level", f"{_PREFIX}LEVEL", _readers.level, 0),
    ("levels", f"{_PREFIX}LEVELS", _readers.levels, ()),
    ("passthrough", f"{_PREFIX}PASSTHROUGH", _readers.some_of(PASSTHROUGHS, on=True), ("on",)),
    ("fields", f"{_PREFIX}FIELDS", _readers.fields(FOLDED | TOLD), ()),
    ("schema", f"{_PREFIX}SCHEMA", _readers.one_of(SCHEMAS), "open"),
    ("flush", f"{_PREFIX}FLUSH", _readers.one_of(FLUSHES), "adaptive"),
    ("interval", f"{_PREFIX}INTERVAL", _readers.seconds(0.1, 900), 10.0),
    ("compression", f"{_PREFIX}COMPRESSION", _readers.one_of(COMPRESSIONS), "none"),
    (
        "buffer_bytes",
        f"{_PREFIX}BUFFER_BYTES",
        _readers.whole(65_536, 1_073_741_824),
        16_777_216,
    ),
    ("journal", f"{_PREFIX}JOURNAL", _readers.journal, True),
    ("transport", f"{_PREFIX}TRANSPORT", _readers.one_of(TRANSPORTS), "auto"),
)


class Settings:
    """Everything that can be set; immutable.

    Args:
        stream_name: delivery stream, or a comma list of at most 10 in one account and region, over
            which environments are spread (``AWS_KINESIS_STREAM_NAME``); None sends nothing. Reads
            as the first of them, which names the crash journal too.
        stream_names: all of them, as another way to say ``stream_name``.
        listener_port: port of the telemetry listener; 1234 by default
            (``HTTP_LOGS_LISTENER_PORT``).
        telemetry: any of ``platform`` (the default), ``function``, ``extension``; empty turns it
            off (``FIREHOSE_LOGGING_TELEMETRY``).
        telemetry_api: ``telemetry`` (the default) or the older ``logs``
            (``FIREHOSE_LOGGING_TELEMETRY_API``).
        capture: any of ``logging``, ``stdout``, ``stderr``, ``errors``, ``descriptors``: what the
            wrapper and ``install()`` capture in process (``FIREHOSE_LOGGING_CAPTURE``). All but
            ``descriptors`` by default; empty by default when ``function`` telemetry is on, so that
            nothing arrives twice.
        level: lowest level that captured logging sends; 0, the default, leaves the decision to the
            loggers (``FIREHOSE_LOGGING_LEVEL``, else ``AWS_LAMBDA_LOG_LEVEL``).
        levels: logger names and the levels that they get, in a dict or in pairs
            (``FIREHOSE_LOGGING_LEVELS``).
        passthrough: what still goes to the runtime's own output, so to CloudWatch: True all (the
            default), False nothing, or any of ``metrics`` (lines of embedded metrics) and
            ``undelivered`` (lines that Firehose did not take) (``FIREHOSE_LOGGING_PASSTHROUGH``).
            Reads as a tuple: ``("on",)``, ``()``, or the words.
        fields: names and values of columns that every line has, in a dict or in pairs; None as the
            value of ``accountId``, ``region``, ``functionArn``, ``memorySize`` or ``logStream``
            takes the platform's (``FIREHOSE_LOGGING_FIELDS``).
        schema: ``open`` (the default), or ``fixed`` for lines whose columns are known beforehand:
            ``message`` is always text, and all extras are JSON text in one column
            (``FIREHOSE_LOGGING_SCHEMA``).
        flush: ``adaptive`` (the default), ``end`` or ``periodic`` (``FIREHOSE_LOGGING_FLUSH``).
        interval: seconds, from 0.1 to 900, that a line may wait while invocations come, or where
            nothing is ever frozen; 10 by default (``FIREHOSE_LOGGING_INTERVAL``).
        compression: ``none`` (the default), or ``gzip`` for one gzip member a Firehose record
            (``FIREHOSE_LOGGING_COMPRESSION``).
        buffer_bytes: most memory for undelivered lines, in bytes, from 65,536 to 1,073,741,824;
            16,777,216 by default, and never more than a quarter of the function's memory
            (``FIREHOSE_LOGGING_BUFFER_BYTES``).
        journal: whether undelivered lines are also kept in a crash journal: True (the default) in
            ``TMPDIR``, else in ``/tmp``; False nowhere; or the absolute path of a folder
            (``FIREHOSE_LOGGING_JOURNAL``).
        transport: ``auto`` (the default) sends without boto3 where that is safe, ``direct`` says
            why when it is not, ``boto3`` always uses it (``FIREHOSE_LOGGING_TRANSPORT``).

    Raises:
        SettingsError: a value that is not allowed, or a setting that does not exist.
    """

    __slots__ = (*(field[0] for field in _FIELDS), "given")

    #: Names of the settings that were given, whatever their value; the others are defaults.
    given: frozenset[str]

    stream_names: tuple[str, ...]
    listener_port: int
    telemetry: tuple[str, ...]
    telemetry_api: str
    capture: tuple[str, ...]
    level: int
    levels: tuple[tuple[str, int], ...]
    passthrough: tuple[str, ...]
    fields: tuple[tuple[str, str | None], ...]
    schema: str
    flush: str
    interval: float
    compression: str
    buffer_bytes: int
    journal: bool | str
    transport: str

    def __init__(self, **given: Unpack[_Values]) -> None:
        values: dict[str, Any] = {**given}
        if "stream_name" in values:
            name = values.pop("stream_name")
            values["stream_names"] = () if name is None else _checked("stream_name", name)
        object.__setattr__(self, "given", frozenset(values))
        for field, _, _, default in _FIELDS:
            value = values.pop(field, default)
            if value != default:
                value = _checked(field, value)
            object.__setattr__(self, field, value)
        if "function" in self.telemetry and "capture" not in self.given:
            object.__setattr__(self, "capture", ())  # or everything would arrive twice
        if values:
            known = ", ".join(("stream_name", *_READERS))
            raise _error(f"no setting {', '.join(sorted(values))}; the settings are {known}")

    @property
    def stream_name(self) -> str | None:
        """The delivery stream, the first of several; None sends nothing."""
        return self.stream_names[0] if self.stream_names else None

    @property
    def passes_all(self) -> bool:
        """Whether everything still goes to the runtime's own output."""
        return "on" in self.passthrough

    @property
    def passes_metrics(self) -> bool:
        """Whether lines of embedded metrics go to the runtime's own output."""
        return "on" in self.passthrough or "metrics" in self.passthrough

    @property
    def passes_undelivered(self) -> bool:
        """Whether lines that Firehose did not take are written to the runtime's own output."""
        return "undelivered" in self.passthrough

    def journal_folder(self, temp_dir: str) -> str | None:
        """Where the crash journal's files go; None keeps none.

        Args:
            temp_dir: where they go unless somebody says otherwise.
        """
        if isinstance(self.journal, str):
            return self.journal
        return temp_dir if self.journal else None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Settings cannot be changed; make new ones to set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Settings cannot be changed; {name} stays")

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as what is made anew of the same."""
        from functools import partial

        return partial(type(self), **{name: getattr(self, name) for name in self.given}), ()

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
            report: called with one sentence for each wrong value, whose default is then used,
                and for each ``FIREHOSE_LOGGING_`` variable that does not exist; None ignores them
                in silence.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        if report is not None:
            _report_unknown(environ, report)
        names = set(environ)  # os.environ raises for each that is not there
        for field, variable, read, default in _FIELDS:
            text = environ.get(variable, "") if variable in names else ""
            if not text.strip():
                continue
            try:
                values[field] = read(text.strip())
            except ValueError as error:
                if report is not None:
                    instead = _instead(field, default)
                    report(f"{variable}={text!r} is not allowed: {error}; {instead}")
        if "level" not in values:
            # Lambda checks its own variable; what it would not accept we do not judge.
            values["level"] = _readers.lambda_level(environ.get("AWS_LAMBDA_LOG_LEVEL", ""))
        return cls(**values)

    def replace(self, **values: Any) -> Settings:
        """A copy with some settings changed; raises SettingsError like the constructor."""
        kept = {field[0]: getattr(self, field[0]) for field in _FIELDS}
        if "capture" not in self.given:
            del kept["capture"]  # its default is the telemetry's to say
        made = type(self)(**{**kept, **values})
        named = {"stream_names" if name == "stream_name" else name for name in values}
        object.__setattr__(made, "given", self.given | named)
        return made


_READERS = {field[0]: field[2] for field in _FIELDS}


def _error(text: str) -> SettingsError:
    have("errors")
    from firehose_logging.errors import SettingsError

    return SettingsError(text)


def _checked(field: str, value: object) -> Any:
    """A value given in code, read by the same rules as its variable."""
    read = _READERS["stream_names" if field == "stream_name" else field]
    is_text = not isinstance(read, _readers.Pairs) or isinstance(value, (str, bool, int, float))
    text = _text_of(field, value) if is_text else ""
    try:
        if not is_text:
            assert isinstance(read, _readers.Pairs)
            pairs: Any = value.items() if hasattr(value, "items") else value
            return read.of(pairs if hasattr(pairs, "__iter__") else [pairs])
        return read(text)
    except ValueError as error:
        raise _error(f"{field}={value!r} is not allowed: {error}") from None


def _text_of(field: str, value: object) -> str:
    if isinstance(value, bool):
        return ("off", "on")[value]
    if isinstance(value, (tuple, list, set, frozenset)):
        return ",".join(map(str, value)) or "off"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise _error(f"{field}={value!r}: a {type(value).__name__} is not allowed")


def _instead(field: str, default: object) -> str:
    if field == "stream_names":
        return "no logs are sent"
    if isinstance(default, bool):
        return "using " + ("off", "on")[default]
    if isinstance(default, tuple):
        return "using " + (",".join(default) or "none")
    return f"using {default}"


def _report_unknown(environ: Mapping[str, str], report: Callable[[str], None]) -> None:
    """Tell of variables that look like ours and are not."""
    known = {variable for _, variable, _, _ in _FIELDS}
    for name in environ:
        if name.upper().startswith(_PREFIX) and name not in known:
            from firehose_logging._nearest import nearest  # nobody needs it at a good start

            ours = [variable for variable in known if variable.startswith(_PREFIX)]
            report(f"{name} is no variable of ours; did you mean {nearest(name, sorted(ours))}?")
