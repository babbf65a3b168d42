/**
 * The catalog's tables as Java's JdbcCatalog (schema V1) and PyIceberg's SqlCatalog create them.
 * @see https://github.com/apache/iceberg/blob/main/core/src/main/java/org/apache/iceberg/jdbc/JdbcUtil.java
 */
export const createTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS iceberg_tables (
  catalog_name VARCHAR(255) NOT NULL,
  table_namespace VARCHAR(255) NOT NULL,
  table_name VARCHAR(255) NOT NULL,
  metadata_location VARCHAR(1000),
  previous_metadata_location VARCHAR(1000),
  iceberg_type VARCHAR(5),
  PRIMARY KEY (catalog_name, table_namespace, table_name)
)`,
  `CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
  catalog_name VARCHAR(255) NOT NULL,
  namespace VARCHAR(255) NOT NULL,
  property_key VARCHAR(255) NOT NULL,
  property_value VARCHAR(1000) NOT NULL,
  PRIMARY KEY (catalog_name, namespace, property_key)
)`,
]

/** Makes tables of schema V0 ones of V1: the same change that Java makes when it is asked for V1. */
export const upgradeToV1 = 'ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)'
