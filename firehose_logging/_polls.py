"""``select.poll`` as the interpreter has it: gevent replaces it, and eventlet takes it out."""

from __future__ import annotations

import select

from firehose_logging._natives import anew

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_select: Any = select
if type(getattr(select, "poll", None)) is not type(len):
    _select = anew(select)

make_poll: Any = _select.poll
POLLIN: int = _select.POLLIN
POLLOUT: int = _select.POLLOUT
