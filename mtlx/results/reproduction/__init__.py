"""A published table as a specification, and what our runs say of each of its cells.

`spec` has the records and `parse` reads them from a mapping; `difference` and `verdict`
judge, `judge` a whole table; `writers` render what was judged.
"""
