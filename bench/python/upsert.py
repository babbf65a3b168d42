"""PyIceberg's upsert by id: the folder with table.arrow and input.arrow. One JSON line."""

import json
import resource
import sys
import time

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

(folder,) = sys.argv[1:]


def read(name):
    with pa.OSFile(f"{folder}/{name}", "rb") as source:
        return pa.ipc.open_file(source).read_all()


catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/peer.db", warehouse=f"file://{folder}/peer")
catalog.create_namespace("bench")
table = read("table.arrow")
iceberg = catalog.create_table("bench.wide", schema=table.schema)
# Ten files, as ten appends make them.
part = -(-len(table) // 10)
for start in range(0, len(table), part):
    iceberg.append(table.slice(start, part))
del table
rows = read("input.arrow")
before = time.perf_counter()
result = iceberg.upsert(rows, join_cols=["id"])
seconds = time.perf_counter() - before
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"rows": result.rows_inserted + result.rows_updated, "seconds": seconds, "peakMb": peak}))
