"""The request that the table readers take and the answer that they print.

A request is a JSON list of tables: name, metadata (a file), location, types (of the columns, by name) and reads. A read may have
snapshotId, ref (with refSnapshotId, for engines that know no refs), columns and where, a list of [column, operator, literals...] as in fixtures/tables/*/*/expected.json.
The answer holds for each table a list of {"rows": [...]} or {"error": "..."}, one a read.
"""

import json
import sys
from typing import Callable

from lake import print_json


def answer(read_table: Callable[[dict, dict], list]) -> None:
    """Reads each table of the request in the file named on the command line."""
    with open(sys.argv[1], encoding="utf-8") as file:
        tables = json.load(file)
    print_json({table["name"]: [attempt(read_table, table, read) for read in table["reads"]] for table in tables})


def attempt(read_table: Callable[[dict, dict], list], table: dict, read: dict) -> dict:
    try:
        return {"rows": read_table(table, read)}
    except Exception as error:  # what an engine cannot do is for the caller to judge
        return {"error": f"{type(error).__name__}: {error}".split("\nStack trace")[0]}


def literal(value):
    return int(value["long"]) if isinstance(value, dict) else value


def sql(where: list, types: dict, quoted: Callable[[str], str]) -> str:
    """A filter as SQL, with literals cast to their column's type by the words that each engine has for it."""
    return " AND ".join(condition(*part, types=types, quoted=quoted) for part in where)


def condition(column: str, operator: str, *literals, types: dict, quoted: Callable[[str], str]) -> str:
    name = quoted(column)
    if operator == "is-null":
        return f"{name} IS NULL"
    value = text(literal(literals[0]), types[column])
    if operator == "starts-with":
        return f"starts_with({name}, {value})"
    return f"{name} {dict(eq='=', gteq='>=', lt='<')[operator]} {value}"


def text(value, iceberg_type: str) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return str(value)
    string = "'" + value.replace("'", "''") + "'"
    if iceberg_type.startswith("decimal"):
        return f"CAST({string} AS {iceberg_type.upper()})"
    if iceberg_type == "date":
        return f"CAST({string} AS DATE)"
    if iceberg_type == "timestamp":
        return f"CAST({string} AS TIMESTAMP)"
    return string
