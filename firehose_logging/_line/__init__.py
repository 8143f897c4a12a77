"""A line: its members, its JSON text, where it comes from, what a user takes out of it."""
