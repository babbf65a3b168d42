"""Reads every table of a namespace with PyIceberg and with DuckDB's Iceberg extension, whole and by filters.

usage: written_tables.py CATALOG_FILE CATALOG_NAME WAREHOUSE NAMESPACE

Prints {table: {"pyiceberg": rows, "duckdb": rows, "missed": {engine: [what a filter on an id did not find once]}}}.
"""

import datetime
import importlib.util
import json
import math
import pathlib
import sys

import duckdb
from pyiceberg.catalog.sql import SqlCatalog

from lake import exact

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def extension(name: str) -> str:
    """The extension's file in its wheel: no download, no extension folder of the user's."""
    folder = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
    return str(next(folder.rglob(f"{name}.duckdb_extension")))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def exact_value(value, iceberg_type: str):
    """As lake.exact has it, with the numbers that JSON lacks as JavaScript spells them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return exact(value, iceberg_type)


def read_duckdb(connection, table, where: str = "true"):
    """Rows as objects. Times with a zone come as microseconds: Python's own need a package of time zones."""
    fields = table.schema().fields
    columns = [
        f"epoch_us({quoted(f.name)})" if str(f.field_type) == "timestamptz" else quoted(f.name) for f in fields
    ]
    location = table.metadata_location.replace("'", "''")
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM iceberg_scan('{location}') WHERE {where}").fetchall()
    for row in rows:
        values = {}
        for field, value in zip(fields, row):
            if str(field.field_type) == "timestamptz" and value is not None:
                value = EPOCH + datetime.timedelta(microseconds=value)
            values[field.name] = exact_value(value, str(field.field_type))
        yield values


def read_pyiceberg(table, **options):
    fields = table.schema().fields
    for row in table.scan(**options).to_arrow().to_pylist():
        yield {field.name: exact_value(row[field.name], str(field.field_type)) for field in fields}


def main() -> None:
    catalog_file, name, warehouse, namespace = sys.argv[1:]
    catalog = SqlCatalog(name, uri=f"sqlite:///{catalog_file}", warehouse=warehouse)
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    for module in ("avro", "iceberg"):
        connection.execute(f"LOAD '{extension(module)}'")
    found = {}
    for identifier in catalog.list_tables(namespace):
        table = catalog.load_table(identifier)
        rows = list(read_pyiceberg(table))
        missed = {"pyiceberg": [], "duckdb": []}
        for id in [row["id"] for row in rows][:: max(1, len(rows) // 12)]:
            if len(list(read_pyiceberg(table, row_filter=f"id = {id}"))) != 1:
                missed["pyiceberg"].append(id)
            if len(list(read_duckdb(connection, table, f"id = {id}"))) != 1:
                missed["duckdb"].append(id)
        found[identifier[-1]] = {"pyiceberg": rows, "duckdb": list(read_duckdb(connection, table)), "missed": missed}
    # Members in the order of the schema.
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False).encode())


main()
