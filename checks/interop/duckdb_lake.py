"""DuckDB with its Iceberg extension, from the wheels alone."""

import importlib.util
import pathlib

import duckdb


def connect():
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    for name in ("avro", "iceberg"):
        connection.execute(f"LOAD '{extension(name)}'")
    # Threads that read deletion vectors race for them, and one file's rows go for another's:
    # https://github.com/duckdb/duckdb-iceberg/issues/1005
    connection.execute("SET threads = 1")
    return connection


def extension(name: str) -> str:
    """The extension's file in its wheel: no download, no extension folder of the user's."""
    folder = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
    return str(next(folder.rglob(f"{name}.duckdb_extension")))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
