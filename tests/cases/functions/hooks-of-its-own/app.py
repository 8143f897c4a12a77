"""Hooks for uncaught exceptions that count, and call the original for the rest."""
import sys
import threading

seen = []


def of_thread(args):
    seen.append(args.exc_type.__name__)
    threading.__excepthook__(args)


def of_finalizer(unraisable):
    seen.append(unraisable.exc_type.__name__)
    sys.__unraisablehook__(unraisable)


def of_program(kind, error, trace):
    seen.append(kind.__name__)
    sys.__excepthook__(kind, error, trace)


are_one = (
    sys.excepthook is sys.__excepthook__,
    sys.unraisablehook is sys.__unraisablehook__,
    threading.excepthook is threading.__excepthook__,
)
threading.excepthook = of_thread
sys.unraisablehook = of_finalizer
sys.excepthook = of_program


def fails():
    raise ValueError("in a thread")


class Falls:
    def __del__(self):
        raise KeyError("in a finalizer")


def handler(event, context):
    thread = threading.Thread(target=fails, name="worker")
    thread.start()
    thread.join()
    Falls()
    try:
        raise OSError("a program's own")
    except OSError:
        sys.excepthook(*sys.exc_info())
    return seen, are_one
