"""Reads the ids that an engine finds at every snapshot of tables, and prints them as one JSON document.

usage: deletes_check.py (pyiceberg|duckdb) METADATA_FILE...
"""

import sys

from pyiceberg.table import StaticTable

from duckdb_lake import connect
from lake import print_json


def pyiceberg_ids(path: str) -> dict:
    table = StaticTable.from_metadata(path)
    return {
        str(snapshot.snapshot_id): sorted(
            table.scan(snapshot_id=snapshot.snapshot_id, selected_fields=("id",)).to_arrow()["id"].to_pylist()
        )
        for snapshot in table.metadata.snapshots
    }


def duckdb_ids(path: str) -> dict:
    connection = connect()
    quoted = path.replace("'", "''")
    found = {}
    for snapshot in StaticTable.from_metadata(path).metadata.snapshots:
        scan = f"iceberg_scan('{quoted}', snapshot_from_id => {snapshot.snapshot_id})"
        found[str(snapshot.snapshot_id)] = [id for (id,) in connection.execute(f"SELECT id FROM {scan} ORDER BY id").fetchall()]
    return found


if __name__ == "__main__":
    engine, *paths = sys.argv[1:]
    print_json([{"pyiceberg": pyiceberg_ids, "duckdb": duckdb_ids}[engine](path) for path in paths])
