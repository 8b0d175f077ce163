"""Encoders of one field: from its vectors or pixels to one vector a row."""

from mtlx.models.encoders.pool import Pool

__all__ = ["Pool"]
