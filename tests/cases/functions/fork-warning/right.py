"""A child is forked without a warning, as without us: all other threads are ours, and bear it."""

LINES = []
ANSWERS = [17, 17, 17]
