"""Hypothesis generators: values and records as users log them, outcomes of calls."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, NoReturn

from hypothesis import strategies as st


def record(
    msg: object = "hello",
    *args: object,
    level: int = logging.INFO,
    name: str = "app",
    **attributes: object,
) -> logging.LogRecord:
    """A log record as a logger makes it; ``attributes`` are what ``extra`` would add."""
    made = logging.LogRecord(name, level, "/var/task/app.py", 7, msg, args, None, "handler")
    made.__dict__.update(attributes)
    return made


#: Codes that the service or the transport answers for a whole call, of every kind of verdict.
PASSING_ERRORS = (
    ("ServiceUnavailableException", 503),
    ("ThrottlingException", 400),
    ("LimitExceededException", 429),
    ("InternalFailure", 500),
    ("ExpiredTokenException", 400),
    ("Timeout", 0),
    ("Connect", 0),
    ("BadResponse", 200),
)
#: Refusals of what is in the call.
CONTENT_ERRORS = (
    ("413", 413),
    ("InvalidArgumentException", 400),
    ("InvalidSourceException", 400),
    ("SerializationException", 400),
    ("ValidationError", 400),
    ("ValidationException", 400),
)
#: What only a person can change.
BLOCKING_ERRORS = (
    *((code, 400) for code in (
        "AccessDenied", "AccessDeniedException", "IncompleteSignatureException",
        "InvalidClientTokenId", "InvalidKMSResourceException", "InvalidSignatureException",
        "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException",
        "KMSNotFoundException", "MissingAuthenticationTokenException", "NotAuthorized",
        "OptInRequired", "ResourceNotFoundException", "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    )),
    *((code, 0) for code in ("EndpointError", "NoCredentials", "NoRegion")),
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a scripted service does with one call.

    Args:
        failed: which records fail, repeated over the call; empty when none do.
        error: code and status of a call that fails as a whole; None when it does not.
        arrived: whether a call that fails as a whole was stored all the same.
        wrong_count: how many answers there are too many (or, negative, too few).
        raises: whether the transport itself raises.
    """

    failed: tuple[bool, ...] = ()
    error: tuple[str, int] | None = None
    arrived: bool = False
    wrong_count: int = 0
    raises: bool = False


failure_masks = st.lists(st.booleans(), min_size=1, max_size=8).map(tuple)

answers = st.one_of(
    st.just(Answer()),
    st.builds(Answer, failed=failure_masks),
    st.builds(Answer, error=st.sampled_from(CONTENT_ERRORS)),
    st.builds(Answer, error=st.sampled_from(PASSING_ERRORS + BLOCKING_ERRORS)),
    st.builds(
        Answer, error=st.sampled_from((("Timeout", 0), ("BadResponse", 200))), arrived=st.booleans()
    ),
    st.builds(Answer, wrong_count=st.sampled_from((-1, 1)), arrived=st.booleans()),
    st.just(Answer(raises=True)),
)


class Unprintable:
    """Raises whatever is done to show it."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class BadDict(dict[str, object]):
    """A dict that cannot be read."""

    def items(self) -> NoReturn:
        """Refuse."""
        raise RuntimeError("no items")

    __iter__ = keys = values = items


#: Text with everything that has broken a log pipeline: surrogates, NUL, line ends, U+2028.
texts = st.text(
    alphabet=st.one_of(
        st.characters(),  # surrogates included
        st.sampled_from('"\\\n\r\0\x1b\x7f\x85\u2028\ud83d\ude00\udc00{}[],:'),
    ),
    max_size=60,
)
names = st.one_of(
    texts, st.sampled_from(("message", "seq", "extra", "timestamp", "stackInfo", "args", "name"))
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.binary(max_size=8),
    st.just(5_000).map(lambda digits: 10**digits),
    st.builds(object), st.builds(Unprintable), st.decimals(), st.dates(),
)  # fmt: skip
keys = st.one_of(texts, st.integers(), st.none(), st.booleans(), st.floats(), st.just((1, 2)))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(st.integers(), max_size=3),
        st.just(BadDict(a=1)),
    ),
    max_leaves=12,
)


def _raised(error: BaseException) -> tuple[type[BaseException], BaseException, object]:
    try:
        raise error
    except type(error) as caught:
        return type(caught), caught, caught.__traceback__


class OddError(Exception):
    """Raises when shown."""

    def __str__(self) -> str:
        raise ValueError("no words")


exceptions: st.SearchStrategy[Any] = st.sampled_from(
    (None, (None, None, None), ValueError("x"), OddError(), KeyError("\ud800"), SystemExit(2))
).map(lambda e: _raised(e) if isinstance(e, BaseException) else e)


@st.composite
def records(draw: st.DrawFn) -> logging.LogRecord:
    """Records with odd messages, arguments, extras and exceptions."""
    extras = draw(st.dictionaries(names.filter(lambda n: n not in _STANDARD), values, max_size=4))
    made = record(
        draw(st.one_of(values, st.sampled_from(("%s and %d", "%(a)s", "100%", "%")))),
        *draw(st.lists(values, max_size=2)),
        level=draw(st.sampled_from((10, 20, 25, 50, -5))),
        name=draw(texts),
        **extras,
    )
    made.exc_info = draw(exceptions)
    made.exc_text = draw(st.one_of(st.none(), texts))
    made.stack_info = draw(st.one_of(st.none(), texts))
    return made


_STANDARD = frozenset(record().__dict__) | {"message", "asctime"}
