"""`make conformance`: every rule on every platform, Python and runtime client, as a table.

The tests say where they stand with the marker ``conformance(table, columns, rows, absent)``: the
table, the parameters that name a column, those that name a row besides the docstring, and the
columns in which the rule does not hold, each with its reason.
"""
