"""Reads a table folder with DuckDB's Iceberg extension, by its version-hint.text alone, and prints the ids in it as JSON.

usage: duckdb_folder.py FOLDER [CODEC]: how the metadata file is compressed, if it is
"""

import importlib.util
import pathlib
import sys

import duckdb

from lake import print_json


def extension(name: str) -> str:
    """The extension's file in its wheel: no download, no extension folder of the user's."""
    folder = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
    return str(next(folder.rglob(f"{name}.duckdb_extension")))


def main() -> None:
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    for name in ("avro", "iceberg"):
        connection.execute(f"LOAD '{extension(name)}'")
    path = sys.argv[1].replace("'", "''")
    codec = f", metadata_compression_codec = '{sys.argv[2]}'" if len(sys.argv) > 2 else ""
    rows = connection.execute(f"SELECT id FROM iceberg_scan('{path}'{codec}) ORDER BY id").fetchall()
    print_json([id for (id,) in rows])


main()
