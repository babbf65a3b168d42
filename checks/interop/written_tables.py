"""Reads every table of a namespace with PyIceberg and with DuckDB's Iceberg extension, whole and by filters.

usage: written_tables.py CATALOG_FILE CATALOG_NAME WAREHOUSE NAMESPACE

Prints {table: {"pyiceberg": theirs, "duckdb": rows, "missed": {engine: [what a filter on an id did not find once]}}}.
"""

import json
import sys

from pyiceberg.catalog.sql import SqlCatalog

from duckdb_lake import connect
from lake import rows


def read_duckdb(connection, table, where: str = "true") -> list:
    location = table.metadata_location.replace("'", "''")
    return rows(connection.execute(f"SELECT * FROM iceberg_scan('{location}') WHERE {where}").fetch_arrow_table())


def read_pyiceberg(table, **options) -> list:
    return rows(table.scan(**options).to_arrow())


def main() -> None:
    catalog_file, name, warehouse, namespace = sys.argv[1:]
    catalog = SqlCatalog(name, uri=f"sqlite:///{catalog_file}", warehouse=warehouse)
    connection = connect()
    connection.execute("SET TimeZone = 'UTC'")
    found = {}
    for identifier in catalog.list_tables(namespace):
        table = catalog.load_table(identifier)
        theirs = read_pyiceberg(table)
        missed = {"pyiceberg": [], "duckdb": []}
        for id in [row["id"] for row in theirs][:: max(1, len(theirs) // 6)]:
            if len(read_pyiceberg(table, row_filter=f"id = {id}")) != 1:
                missed["pyiceberg"].append(id)
            if len(read_duckdb(connection, table, f"id = {id}")) != 1:
                missed["duckdb"].append(id)
        found[identifier[-1]] = {"pyiceberg": theirs, "duckdb": read_duckdb(connection, table), "missed": missed}
    # Members in the order of the schema.
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False).encode())


main()
