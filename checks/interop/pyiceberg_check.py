"""Opens a lake's SQLite catalog with PyIceberg and prints what it finds as one JSON document.

usage: pyiceberg_check.py CATALOG_DB CATALOG_NAME WAREHOUSE
"""

import sys

from pyiceberg.catalog import load_catalog

from lake import print_json, rows


def describe(table) -> dict:
    schema = table.schema()
    types = {field.name: str(field.field_type) for field in schema.fields}
    metadata = table.metadata
    return {
        "uuid": str(metadata.table_uuid),
        "formatVersion": metadata.format_version,
        "location": metadata.location,
        "properties": dict(metadata.properties),
        "schema": [
            {
                "id": field.field_id,
                "name": field.name,
                "type": types[field.name].replace(" ", ""),
                "required": field.required,
                "doc": field.doc,
            }
            for field in schema.fields
        ],
        "partitionFields": [
            {"sourceId": field.source_id, "fieldId": field.field_id, "name": field.name, "transform": str(field.transform)}
            for field in table.spec().fields
        ],
        "currentSnapshotId": str(metadata.current_snapshot_id),
        "snapshots": [
            {
                "id": str(snapshot.snapshot_id),
                "parentId": None if snapshot.parent_snapshot_id is None else str(snapshot.parent_snapshot_id),
                "sequenceNumber": snapshot.sequence_number,
                "timestampMs": snapshot.timestamp_ms,
                "operation": snapshot.summary.operation.value,
                "summary": dict(snapshot.summary.additional_properties),
                "rows": rows(table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()),
            }
            for snapshot in metadata.snapshots
        ],
    }


def main() -> None:
    path, name, warehouse = sys.argv[1:]
    catalog = load_catalog(name, type="sql", uri=f"sqlite:///{path}", warehouse=warehouse)
    tables = {}
    for namespace in catalog.list_namespaces():
        for identifier in catalog.list_tables(namespace):
            tables[".".join(identifier)] = describe(catalog.load_table(identifier))
    print_json(tables)


main()
