"""dlt's extract of one table to Parquet files, for ICEBRIDGE_BENCH_DLT. Needs dlt[parquet], sqlalchemy and pymssql.

DLT_BACKEND is a backend of dlt's sql_database source; pyarrow, its fast one, when absent.
"""

import os

import dlt
import sqlalchemy
from dlt.sources.sql_database import sql_table
from source import place

source = place()
url = sqlalchemy.URL.create(
    "mssql+pymssql",
    username=source.user,
    password=source.password,
    host=source.host,
    port=source.port,
    database=source.database,
)
engine = sqlalchemy.create_engine(url)
schema, table = source.table
# The columns alone are reflected: dlt's own reflection asks for foreign keys, by a query that not every server answers.
metadata = sqlalchemy.MetaData(schema=schema)
columns = sqlalchemy.inspect(engine).get_columns(table, schema)
sqlalchemy.Table(
    table, metadata, *(sqlalchemy.Column(c["name"], c["type"], nullable=c["nullable"]) for c in columns)
)
rows = sql_table(
    credentials=engine,
    metadata=metadata,
    table=table,
    backend=os.environ.get("DLT_BACKEND", "pyarrow"),
    chunk_size=50_000,
    defer_table_reflect=False,
)
pipeline = dlt.pipeline(
    "bench",
    pipelines_dir=f"{source.out}/state",
    destination=dlt.destinations.filesystem(bucket_url=f"{source.out}/lake"),
    dataset_name="bench",
)
pipeline.run(rows, loader_file_format="parquet", write_disposition="replace").raise_on_failed_jobs()
