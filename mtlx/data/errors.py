"""The one exception for data that are not as they should be."""


class DataError(ValueError):
    """A data file is missing, damaged, or does not hold what it should.

    The text names the file, and line and column where there are any; then what was
    expected, what was found, and how to mend it.
    """
