"""Bytes below standard output, written in pieces that end within a line and within a character."""
import sys


def handler(event, context):
    below = sys.stdout.buffer
    for piece in (b"first ", b"line\nsecond", b" half\ngr\xc3", b"\xbcn \xf0\x9f", b"\x98\x80\n"):
        below.write(piece)
        below.flush()
    below.write(memoryview(b"of a view\n"))
    below.writelines([b"one\n", bytearray(b"two\n")])
    below.write(b"\xff is no text\n")
    below.write(b"without an end \xc3")
    below.flush()
