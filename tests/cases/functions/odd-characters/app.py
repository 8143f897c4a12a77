"""Halves of surrogate pairs, which cannot be printed, in records, prints and extras."""
import logging

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.propagate = False
log.addHandler(logging.NullHandler())


def handler(event, context):
    log.info("half \ud800 pair", extra={"half": "\udcff"})
    try:
        print("half \udcff")
    except UnicodeEncodeError as error:
        log.info("as without us: %s", type(error).__name__)
    log.info("grün \U0001f600 \x1b[31mred\x1b[0m")
    log.info("\u2028 separators \x85")
