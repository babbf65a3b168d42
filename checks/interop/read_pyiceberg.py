"""Reads tables with PyIceberg; see tables.py for request and answer.

usage: read_pyiceberg.py REQUEST
"""

from pyiceberg import expressions
from pyiceberg.expressions import And, BooleanExpression
from pyiceberg.table import StaticTable

from lake import rows
from tables import answer, literal

OPERATORS = {
    "eq": expressions.EqualTo,
    "gteq": expressions.GreaterThanOrEqual,
    "lt": expressions.LessThan,
    "is-null": expressions.IsNull,
    "starts-with": expressions.StartsWith,
}


def expression(part: list) -> BooleanExpression:
    column, operator, *literals = part
    return OPERATORS[operator](column, *map(literal, literals))


def read_table(table: dict, read: dict) -> list:
    opened = StaticTable.from_metadata(table["metadata"])
    scan = opened.scan(snapshot_id=int(read["snapshotId"])) if "snapshotId" in read else opened.scan()
    if "ref" in read:
        scan = scan.use_ref(read["ref"])
    if "columns" in read:
        scan = scan.select(*read["columns"])
    if "where" in read:
        parts = [expression(part) for part in read["where"]]
        scan = scan.filter(parts[0] if len(parts) == 1 else And(*parts))
    return rows(scan.to_arrow())


answer(read_table)
