"""PyIceberg's plan of a scan: `one-day` or `all`, the metadata file. One JSON line."""

import datetime
import json
import resource
import sys
import time

from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.table import StaticTable

leg, metadata = sys.argv[1:]
day = datetime.date(1970, 1, 1) + datetime.timedelta(days=19_500)
table = StaticTable.from_metadata(metadata)
before = time.perf_counter()
tasks = list(table.scan(row_filter=EqualTo("day", day.isoformat()) if leg == "one-day" else AlwaysTrue()).plan_files())
rows = sum(task.file.record_count for task in tasks)
seconds = time.perf_counter() - before
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"files": len(tasks), "rows": rows, "seconds": seconds, "peakMb": peak}))
