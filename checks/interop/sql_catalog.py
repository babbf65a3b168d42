"""One step of PyIceberg in a SQL catalog that is shared with icebridge; prints the state of the table erp.dbo.orders as JSON.

usage: sql_catalog.py create|append|rename|read URI CATALOG_NAME WAREHOUSE ID...
"""

import sys

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from lake import print_json

NAMESPACE = ("erp", "dbo")
TABLE = (*NAMESPACE, "orders")


def rows(ids: list[str]) -> pa.Table:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string())])
    return pa.table({"id": [int(id) for id in ids], "name": [f"row {id}" for id in ids]}, schema=schema)


def state(catalog) -> dict:
    table = catalog.load_table(TABLE)
    found = table.scan().to_arrow().to_pylist()
    return {
        "namespaces": [list(namespace) for namespace in catalog.list_namespaces()],
        "below": [list(namespace) for namespace in catalog.list_namespaces("erp")],
        "tables": [list(table) for table in catalog.list_tables(NAMESPACE)],
        "properties": dict(catalog.load_namespace_properties(NAMESPACE)),
        "metadataLocation": table.metadata_location,
        "snapshots": [str(snapshot.snapshot_id) for snapshot in table.metadata.snapshots],
        "rows": sorted([row["id"], row["name"]] for row in found),
    }


def main() -> None:
    step, uri, name, warehouse, *ids = sys.argv[1:]
    catalog = load_catalog(name, type="sql", uri=uri, warehouse=warehouse)
    if step == "create":
        catalog.create_namespace(NAMESPACE, {"comment": "it's python's"})
        schema = Schema(
            NestedField(1, "id", LongType(), required=True),
            NestedField(2, "name", StringType(), required=False),
        )
        catalog.create_table(TABLE, schema)
    if step == "rename":
        catalog.rename_table((*NAMESPACE, "renamed"), TABLE)
    if ids:
        catalog.load_table(TABLE).append(rows(ids))
    print_json(state(catalog))


main()
