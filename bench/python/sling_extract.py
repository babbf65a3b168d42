"""Sling's extract of one table to a CSV file, for ICEBRIDGE_BENCH_SLING. SLING_BINARY names the program, `sling` when absent.

CSV is what Sling writes by itself; for Parquet it calls DuckDB.
"""

import os
from urllib.parse import quote

from source import place

source = place()
user = f"{quote(source.user, safe='')}:{quote(source.password, safe='')}"
url = f"sqlserver://{user}@{source.host}:{source.port}?database={quote(source.database)}&encrypt=disable"
sling = os.environ.get("SLING_BINARY", "sling")
schema, table = source.table
arguments = ["run", "--src-conn", url, "--src-stream", f"{schema}.{table}", "--tgt-object", f"file://{source.out}/rows.csv"]
os.execvp(sling, [sling, *arguments])
