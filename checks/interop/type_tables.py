"""Prints every row of a lake's journals as texts, one JSON document a line: the table, the row's id, and a text for each source column.

The texts are the ones that `typeTableTexts` of `@icebridge/sqlserver/testing` has the server make: floats and bytes in hexadecimal digits,
strings as those of UTF-16, times with seven digits, the last of them from the companion column.

usage: type_tables.py CATALOG_DB CATALOG_NAME WAREHOUSE
"""

import json
import struct
import sys

from pyarrow import types
from pyiceberg.catalog import load_catalog

from lake import date

MICROS_PER_DAY = 86_400_000_000


def clock(micros: int, digit: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}{digit}"


def utf16(text: str) -> str:
    return text.encode("utf-16-le").hex().upper()


def text_of(scalar, digit: int, offset, variant) -> str | None:
    if not scalar.is_valid:
        return None
    kind = scalar.type
    value = scalar.as_py() if not types.is_temporal(kind) else scalar.value
    if variant is not None:
        return f"{variant} {utf16(value)}"
    if getattr(kind, "extension_name", None) == "arrow.uuid":
        return str(value)
    if types.is_boolean(kind):
        return "1" if value else "0"
    if types.is_integer(kind):
        return str(value)
    if types.is_decimal(kind):
        return format(value, "f")
    if types.is_floating(kind):
        return struct.pack(">f" if types.is_float32(kind) else ">d", value).hex().upper()
    if types.is_date32(kind):
        return date(value)
    if types.is_time(kind):
        return clock(value, digit)
    if types.is_timestamp(kind):
        days, micros = divmod(value, MICROS_PER_DAY)
        return f"{date(days)} {clock(micros, digit)}" + ("" if offset is None else f" {offset}")
    if types.is_string(kind) or types.is_large_string(kind):
        return utf16(value)
    return value.hex().upper()


def column_texts(table, name: str) -> list:
    def companion(role: str):
        column = f"_sync_{role}_{name}"
        return table[column].to_pylist() if column in table.column_names else [None] * table.num_rows

    parts = zip(table[name], companion("ns100"), companion("offset"), companion("variant"))
    return [text_of(scalar, digit or 0, offset, variant) for scalar, digit, offset, variant in parts]


def main() -> None:
    path, name, warehouse = sys.argv[1:]
    catalog = load_catalog(name, type="sql", uri=f"sqlite:///{path}", warehouse=warehouse)
    for namespace in catalog.list_namespaces():
        for identifier in catalog.list_tables(namespace):
            table = catalog.load_table(identifier).scan().to_arrow()
            names = [column for column in table.column_names if not column.startswith("_sync_") and column not in ("id", "rv")]
            texts = [column_texts(table, column) for column in names]
            for key, *values in zip(table["id"].to_pylist(), *texts):
                print(json.dumps({"table": identifier[-1], "id": key, "texts": dict(zip(names, values))}))


main()
