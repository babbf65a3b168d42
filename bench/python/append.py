"""PyIceberg's append of a pyarrow table in memory: the Arrow file, the folder of the warehouse. One JSON line."""

import json
import resource
import sys
import time

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

arrow_file, folder = sys.argv[1:]
with pa.memory_map(arrow_file) as source:
    table = pa.ipc.open_file(source).read_all()
    # Out of the mapped file: what is measured starts from memory.
    table = pa.Table.from_batches([pa.RecordBatch.from_arrays([c.take(pa.array(range(len(b)))) for c in b.columns], schema=b.schema) for b in table.to_batches()])
catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/peer.db", warehouse=f"file://{folder}/peer")
catalog.create_namespace("bench")
iceberg = catalog.create_table("bench.wide", schema=table.schema)
before = time.perf_counter()
iceberg.append(table)
seconds = time.perf_counter() - before
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"rows": iceberg.scan().count(), "seconds": seconds, "peakMb": peak}))
