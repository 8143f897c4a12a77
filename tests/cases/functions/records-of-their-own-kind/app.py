"""A record factory, a logger class with a level of its own, and a filter that adds a column."""
import logging

NOTICE = 25
logging.addLevelName(NOTICE, "NOTICE")
factory = logging.getLogRecordFactory()


def made(*args, **kwargs):
    record = factory(*args, **kwargs)
    record.region = "eu-west-1"
    return record


class Noticing(logging.Logger):
    def notice(self, text, *args, **kwargs):
        if self.isEnabledFor(NOTICE):
            self._log(NOTICE, text, args, **kwargs)


class Tenant(logging.Filter):
    def filter(self, record):
        record.tenant = "t-1"
        return True


logging.setLogRecordFactory(made)
logging.setLoggerClass(Noticing)
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.addFilter(Tenant())


def handler(event, context):
    log.notice("noticed %d", 1)
    log.info("told")
