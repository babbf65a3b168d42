"""What the interop checks share: Arrow values as exact JSON, the same text that `icebridge scan` prints."""

import base64
import datetime
import json
import math
import sys

import pyarrow as pa
from pyarrow import types


def rows(table: pa.Table) -> list:
    """Each row as an object: nothing is rounded, and columns of one name are refused."""
    if len(set(table.column_names)) != table.num_columns:
        raise ValueError(f"columns of one name: {table.column_names}")
    columns = [[exact(value) for value in column] for column in table.columns]
    return [dict(zip(table.column_names, row)) for row in zip(*columns)]


def exact(scalar: pa.Scalar):
    """One value: 64-bit integers and decimals as strings, binary as base64, times with all digits, maps as lists of pairs."""
    if not scalar.is_valid:
        return None
    kind = scalar.type
    if isinstance(scalar, pa.ExtensionScalar):
        return str(scalar.as_py()) if kind.extension_name == "arrow.uuid" else exact(scalar.value)
    if types.is_dictionary(kind):
        return exact(scalar.value_as_dictionary_scalar())
    if types.is_struct(kind):
        return {kind.field(at).name: exact(scalar[at]) for at in range(kind.num_fields)}
    if types.is_map(kind):
        return [[exact(entry[0]), exact(entry[1])] for entry in scalar.values] if len(scalar) > 0 else []
    if types.is_nested(kind):
        return [exact(element) for element in scalar.values]
    if types.is_int64(kind) or types.is_uint64(kind):
        return str(scalar.as_py())
    if types.is_decimal(kind):
        return format(scalar.as_py(), "f")
    if types.is_floating(kind):
        return floating(scalar.as_py())
    if types.is_date32(kind):
        return date(scalar.value)
    if types.is_time(kind):
        return time(scalar.value, 9 if kind.unit == "ns" else 6)
    if types.is_timestamp(kind):
        digits = {"ns": 9, "us": 6, "ms": 3, "s": 0}[kind.unit]
        days, rest = divmod(scalar.value, 86_400 * 10**digits)
        return f"{date(days)}T{time(rest * 10 ** max(6 - digits, 0), max(digits, 6))}{'Z' if kind.tz else ''}"
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_binary_view(kind):
        return base64.b64encode(scalar.as_py()).decode()
    return scalar.as_py()


def floating(value: float):
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def date(days: int) -> str:
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()


def time(units: int, digits: int) -> str:
    seconds, fraction = divmod(units, 10**digits)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:0{digits}}"


def print_json(value) -> None:
    """JSON on stdout: no blanks, UTF-8."""
    sys.stdout.buffer.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
    sys.stdout.buffer.write(b"\n")
