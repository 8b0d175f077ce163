"""What becomes of a raw column: declared in a data config, fitted on training rows."""

from mtlx.data.inputs.bag import Bag
from mtlx.data.inputs.date import Date
from mtlx.data.inputs.fitted import Counted, Encoded, Fitted, Input, Restored
from mtlx.data.inputs.hashed import Hashed
from mtlx.data.inputs.id_sequence import IdSequence
from mtlx.data.inputs.ids import Ids
from mtlx.data.inputs.number import Number
from mtlx.data.inputs.quantiles import Quantiles
from mtlx.data.inputs.standardised import Standardised
from mtlx.data.inputs.text import Text
from mtlx.data.inputs.vocabularies import fit_vocabularies

__all__ = [
    "Bag",
    "Counted",
    "Date",
    "Encoded",
    "Fitted",
    "Hashed",
    "IdSequence",
    "Ids",
    "Input",
    "Number",
    "Quantiles",
    "Restored",
    "Standardised",
    "Text",
    "fit_vocabularies",
]
