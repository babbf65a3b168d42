"""Reads tables with ClickHouse; see tables.py for request and answer.

usage: read_clickhouse.py REQUEST
"""

import os
import re
import tempfile

import pyarrow as pa
from chdb import session

from lake import rows
from tables import answer, sql

BYTES = ("binary", "fixed", "uuid")


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def read_table(table: dict, read: dict) -> list:
    metadata = os.path.relpath(table["metadata"], table["location"])
    # ClickHouse knows snapshots, not branches and tags.
    snapshot = read.get("snapshotId", read.get("refSnapshotId"))
    settings = "output_format_arrow_fixed_string_as_fixed_byte_array=1, output_format_arrow_string_as_string=0"
    if snapshot is not None:
        settings += f", iceberg_snapshot_id={int(snapshot)}"
    columns = ", ".join(map(quoted, read["columns"])) if "columns" in read else "*"
    where = f" WHERE {sql(read['where'], table['types'], quoted)}" if "where" in read else ""
    source = f"icebergLocal('{table['location']}', SETTINGS iceberg_metadata_file_path = '{metadata}')"
    text = f"SELECT {columns} FROM {source}{where} SETTINGS {settings}"
    try:
        answered = opened.query(in_clickhouse(text), "ArrowStream")
    except Exception:
        opened.query("SELECT 1")  # the query after one that failed comes back empty
        raise
    with pa.ipc.open_stream(bytes(answered.bytes())) as stream:
        return rows(typed(stream.read_all(), table["types"]))


def in_clickhouse(text: str) -> str:
    """The words that ClickHouse has for what tables.py writes: its TIMESTAMP counts seconds, its DATE begins in 1970."""
    text = re.sub(r"CAST\(('[^']*') AS TIMESTAMP\)", r"toDateTime64(\1, 6, 'UTC')", text)
    return re.sub(r"CAST\(('[^']*') AS DATE\)", r"toDate32(\1)", text).replace("starts_with(", "startsWith(")


def typed(found: pa.Table, types: dict) -> pa.Table:
    """ClickHouse's String is bytes, and its times without a zone come in UTC: as the table has them again."""
    fields = [field if types[field.name].startswith(BYTES) else field.with_type(arrow_type(field.type)) for field in found.schema]
    local = [field.with_type(pa.timestamp("us")) if types[field.name] == "timestamp" else field for field in fields]
    return found.cast(pa.schema(local))


def arrow_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_binary(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(arrow_type(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(arrow_type(kind.key_type), arrow_type(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(arrow_type(kind.value_type)))
    return kind


# ClickHouse reads below the folder that it was started in.
os.chdir("/")
with tempfile.TemporaryDirectory() as folder:
    opened = session.Session(folder)
    answer(read_table)
