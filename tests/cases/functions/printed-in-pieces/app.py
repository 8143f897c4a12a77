"""Progress in pieces, dots, carriage returns, bytes and text mixed, with and without flush."""
import sys


def handler(event, context):
    for n in range(5):
        print(".", end="", flush=True)
    print(" done")
    for n in range(0, 101, 50):
        print(f"\rloading {n} %", end="", flush=True)
    print()
    sys.stdout.write("a")
    sys.stdout.write("b\n")
    sys.stdout.writelines(["one\n", "two\n"])
    print("x", "y", sep="|")
    sys.stdout.buffer.write(b"half ")
    sys.stdout.buffer.write(b"and half\n")
    sys.stdout.buffer.flush()
    print("nul \0 inside")
    print("last without an end", end="")
