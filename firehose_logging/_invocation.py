"""``lambda_handler``: invocation boundaries for one function, where nothing else gives them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Handler = TypeVar("Handler", bound=Callable[..., Any])


def lambda_handler(function: Handler) -> Handler:
    """Mark the Lambda handler: its lines carry the request id and are delivered after each run.

    Needed only where neither the wrapper nor ``install()`` nor a ``FirehoseHandler`` made at
    import could hook the runtime client; harmless where they did. Works on functions, methods
    and callable objects and keeps their signature. Answers and errors pass through untouched.
    """
    import wrapt

    from firehose_logging import _bootstrap

    def around(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        del instance
        context = args[1] if len(args) > 1 else kwargs.get("context")
        end = _bootstrap.begin_invocation(context)
        try:
            return wrapped(*args, **kwargs)
        finally:
            end()

    _bootstrap.prepare()
    return wrapt.FunctionWrapper(function, around)  # type: ignore[return-value]
