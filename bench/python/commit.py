"""PyIceberg's commits of one data file each: `expire` (snapshots beyond 100 expire every ten commits, not measured) or
`keep`, the number of commits, the folder of the warehouse. One JSON line."""

import json
import resource
import sys
import time
import uuid

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from pyiceberg.types import DateType, DecimalType, DoubleType, IntegerType, LongType, NestedField, StringType, TimestampType

leg, commits, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
types = [LongType(), IntegerType(), DoubleType(), DecimalType(18, 2), TimestampType(), DateType(), StringType(), StringType()]
schema = Schema(*[NestedField(i + 1, f"c{i}", t, required=False) for i, t in enumerate(types)])
catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/peer.db", warehouse=f"file://{folder}/peer")
catalog.create_namespace("bench")
# Merged as ours are: PyIceberg does not merge unless it is told to.
table = catalog.create_table("bench.wide", schema=schema, properties={"commit.manifest-merge.enabled": "true"})


def data_file(n):
    """The entry of a data file of 10,000 rows with metrics of every column; the file itself is not there."""
    ids = range(1, len(types) + 1)
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=f"{table.location()}/data/00000-{n}-{uuid.uuid4()}.parquet",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=10_000,
        file_size_in_bytes=400_000,
        column_sizes={i: 50_000 for i in ids},
        value_counts={i: 10_000 for i in ids},
        null_value_counts={i: 0 for i in ids},
        nan_value_counts={},
        lower_bounds={1: to_bytes(LongType(), n)},
        upper_bounds={1: to_bytes(LongType(), n)},
        split_offsets=[4],
        sort_order_id=None,
        spec_id=0,
        equality_ids=None,
        key_metadata=None,
    )


measured = []
for n in range(1, commits + 1):
    table = catalog.load_table("bench.wide")
    entry = data_file(n)
    cpu_before, before = time.process_time(), time.perf_counter()
    with table.transaction() as tx:
        with tx.update_snapshot().merge_append() as append:
            append.append_data_file(entry)
    measured.append(
        {
            "milliseconds": (time.perf_counter() - before) * 1000,
            "cpuMilliseconds": (time.process_time() - cpu_before) * 1000,
        }
    )
    if leg == "expire" and n % 10 == 0 and n > 100:
        snapshots = sorted(catalog.load_table("bench.wide").metadata.snapshots, key=lambda one: one.sequence_number)
        old = [one.snapshot_id for one in snapshots[:-100]]
        catalog.load_table("bench.wide").maintenance.expire_snapshots().by_ids(old).commit()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"commits": measured, "peakMb": peak}))
