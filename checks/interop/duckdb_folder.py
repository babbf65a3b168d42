"""Reads a table folder with DuckDB's Iceberg extension, by its version-hint.text alone, and prints the ids in it as JSON.

usage: duckdb_folder.py FOLDER [CODEC]: how the metadata file is compressed, if it is
"""

import sys

from duckdb_lake import connect
from lake import print_json


def main() -> None:
    connection = connect()
    path = sys.argv[1].replace("'", "''")
    codec = f", metadata_compression_codec = '{sys.argv[2]}'" if len(sys.argv) > 2 else ""
    rows = connection.execute(f"SELECT id FROM iceberg_scan('{path}'{codec}) ORDER BY id").fetchall()
    print_json([id for (id,) in rows])


main()
