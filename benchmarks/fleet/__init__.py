"""Thousands of environments against one delivery stream: a simulation, and its check."""
