"""Tracebacks and stacks that lead through ``logging`` are printed, answered and compared."""
import io
import logging
import traceback

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.propagate = False


class Shows(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.ERROR:
            raise LookupError("no disk")
        stack = io.StringIO()
        traceback.print_stack(file=stack)
        print(stack.getvalue().partition("in handler")[2], end="")


log.addHandler(Shows())


def handler(event, context):
    log.warning("shows where it is")
    try:
        log.error("raises")
    except LookupError:
        return {"seen": traceback.format_exc()}
