"""PyIceberg's scan to a pyarrow table: the folder with catalog.db, and the columns, by default all. One JSON line."""

import json
import resource
import sys
import time

from pyiceberg.catalog.sql import SqlCatalog

folder, *columns = sys.argv[1:]
catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=folder)
before = time.perf_counter()
table = catalog.load_table("bench.wide").scan(selected_fields=tuple(columns) or ("*",)).to_arrow()
seconds = time.perf_counter() - before
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"rows": len(table), "seconds": seconds, "peakMb": peak}))
