"""Reads tables of a lake with DuckDB's Iceberg extension and prints counts and sums of each column as one JSON document.

usage: duckdb_check.py METADATA_FILE SNAPSHOT_ID...
"""

import importlib.util
import pathlib
import sys

import duckdb

from lake import print_json

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL")


def extension(name: str) -> str:
    """The extension's file in its wheel: no download, no extension folder of the user's."""
    folder = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
    return str(next(folder.rglob(f"{name}.duckdb_extension")))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    for name in ("avro", "iceberg"):
        connection.execute(f"LOAD '{extension(name)}'")
    path = metadata.replace("'", "''")
    print_json({id: aggregates(connection, f"iceberg_scan('{path}', snapshot_from_id => {int(id)})") for id in snapshot_ids})


if __name__ == "__main__":
    main()
