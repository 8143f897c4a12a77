"""What is left when the interpreter ends says something: a generator, an object."""
import sys


def numbers():
    try:
        yield 1
    finally:
        print("generator closed")


class Connection:
    def __del__(self):
        print("connection closed")


kept = [Connection()]


def handler(event, context):
    opened = numbers()
    kept.append((opened, next(opened)))
    print("in the handler")
    if event["n"] == 2:
        sys.exit(3)
