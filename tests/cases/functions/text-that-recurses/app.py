"""Values whose text and whose ``repr`` end in themselves, logged and printed."""
import logging

log = logging.getLogger("shop")
log.setLevel(logging.INFO)


class Endless:
    def __str__(self):
        return str(self)

    __repr__ = __str__


def handler(event, context):
    found = []
    for attempt in (
        lambda: log.info(Endless()),
        lambda: log.info("value %s", Endless()),
        lambda: print(Endless()),
    ):
        try:
            attempt()
        except RecursionError:
            found.append("raised")
        else:
            found.append("passed")
    log.info("extra", extra={"endless": Endless()})
    log.info("and on")
    return found
