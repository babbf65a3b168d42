"""Reads tables of a lake with DuckDB's Iceberg extension and prints counts and sums of each column as one JSON document.

usage: duckdb_check.py METADATA_FILE SNAPSHOT_ID...
"""

import sys

from duckdb_lake import connect, quoted
from lake import print_json

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL")


def aggregates(connection, relation: str) -> dict:
    columns = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    parts = ["count(*)"]
    for name, kind, *_ in columns:
        parts += [f"count({quoted(name)})", f"count(DISTINCT {quoted(name)})"]
        parts.append(f"sum({quoted(name)})::VARCHAR" if kind.startswith(NUMBERS) else "NULL")
    values = connection.execute(f"SELECT {', '.join(parts)} FROM {relation}").fetchone()
    found = {}
    for index, (name, *_) in enumerate(columns):
        count, distinct, total = values[1 + index * 3 : 4 + index * 3]
        found[name] = {"count": count, "distinct": distinct, "sum": total}
    return {"rows": values[0], "columns": found}


def main() -> None:
    metadata, *snapshot_ids = sys.argv[1:]
    connection = connect()
    path = metadata.replace("'", "''")
    print_json({id: aggregates(connection, f"iceberg_scan('{path}', snapshot_from_id => {int(id)})") for id in snapshot_ids})


if __name__ == "__main__":
    main()
