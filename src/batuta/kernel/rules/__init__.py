"""Rules: conditions that merchants write, over a catalogue of fields that the calling room passes.

Words: field (something that is known of an order, a line, a location ...), clause (one comparison, or several joined),
condition (the outermost clause), facts (the values of the fields, by their names; lines under `LINES`).

Laws: a condition that passes the check never fails when it is asked; its explanation says the same as its answer; a
value that is not known fulfils no comparison. Nothing is evaluated that the merchant did not write: no code, no
expressions, and as many clauses as `CLAUSES_MAX`, nested no deeper than `DEPTH_MAX`.
"""

from batuta.kernel.rules.checking import CLAUSES_MAX, DEPTH_MAX, Problem, check, read_condition
from batuta.kernel.rules.clauses import (
    AllOf,
    AnyLine,
    AnyOf,
    Compare,
    Condition,
    EveryLine,
    Not,
    SumOfLines,
    fields_in,
    written,
)
from batuta.kernel.rules.compiling import LINES, Facts, Predicate, compile_condition
from batuta.kernel.rules.explaining import Explained, explain
from batuta.kernel.rules.fields import Catalogue, Field, FieldType, Operator

__all__ = [
    "CLAUSES_MAX",
    "DEPTH_MAX",
    "LINES",
    "AllOf",
    "AnyLine",
    "AnyOf",
    "Catalogue",
    "Compare",
    "Condition",
    "EveryLine",
    "Explained",
    "Facts",
    "Field",
    "FieldType",
    "Not",
    "Operator",
    "Predicate",
    "Problem",
    "SumOfLines",
    "check",
    "compile_condition",
    "explain",
    "fields_in",
    "read_condition",
    "written",
]
