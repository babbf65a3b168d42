"""Reads tables with DuckDB's Iceberg extension; see tables.py for request and answer.

usage: read_duckdb.py REQUEST
"""

import duckdb

from duckdb_lake import connect, quoted
from lake import rows
from tables import answer, sql

connection = None


def opened():
    """After an internal error DuckDB answers nothing any more: a new connection then."""
    global connection
    if connection is None:
        connection = connect()
        connection.execute("SET TimeZone = 'UTC'")
    return connection


def read_table(table: dict, read: dict) -> list:
    global connection
    path = table["metadata"].replace("'", "''")
    # The extension knows snapshots, not branches and tags.
    id = read.get("snapshotId", read.get("refSnapshotId"))
    snapshot = "" if id is None else f", snapshot_from_id => {int(id)}"
    columns = ", ".join(map(quoted, read["columns"])) if "columns" in read else "*"
    where = f" WHERE {sql(read['where'], table['types'], quoted)}" if "where" in read else ""
    try:
        return rows(opened().execute(f"SELECT {columns} FROM iceberg_scan('{path}'{snapshot}){where}").to_arrow_table())
    except (duckdb.InternalException, duckdb.FatalException):
        connection = None
        raise


answer(read_table)
