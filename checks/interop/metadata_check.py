"""Opens tables by their metadata files with PyIceberg and prints what it finds, one JSON document.

usage: metadata_check.py METADATA_FILE...
"""

import sys

from pyiceberg.table import StaticTable

from lake import print_json


def describe(path: str) -> dict:
    table = StaticTable.from_metadata(path)
    metadata = table.metadata
    schema = table.schema()
    order = table.sort_order()
    return {
        "formatVersion": metadata.format_version,
        "location": metadata.location,
        "properties": dict(metadata.properties),
        "columns": [
            {
                "id": field.field_id,
                "name": field.name,
                "type": str(field.field_type).replace(" ", ""),
                "required": field.required,
                "doc": field.doc,
            }
            for field in schema.fields
        ],
        "identifiers": sorted(schema.identifier_field_ids),
        "lastColumnId": metadata.last_column_id,
        "schemas": [other.schema_id for other in metadata.schemas],
        "specs": {
            str(spec.spec_id): [
                [field.field_id, field.source_id, field.name, str(field.transform)] for field in spec.fields
            ]
            for spec in metadata.partition_specs
        },
        "defaultSpec": metadata.default_spec_id,
        "order": [
            [field.source_id, str(field.transform), field.direction.name.lower(), field.null_order.value]
            for field in order.fields
        ],
        "refs": {
            name: [
                str(ref.snapshot_id),
                ref.snapshot_ref_type.value,
                ref.min_snapshots_to_keep,
                ref.max_snapshot_age_ms,
                ref.max_ref_age_ms,
            ]
            for name, ref in metadata.refs.items()
        },
        "snapshots": [str(snapshot.snapshot_id) for snapshot in metadata.snapshots],
        "statistics": [[str(file.snapshot_id), file.statistics_path] for file in metadata.statistics],
        "rows": {
            str(snapshot.snapshot_id): sorted(
                table.scan(snapshot_id=snapshot.snapshot_id, selected_fields=("id",)).to_arrow()["id"].to_pylist()
            )
            for snapshot in metadata.snapshots
        },
    }


if __name__ == "__main__":
    print_json([describe(path) for path in sys.argv[1:]])
