/** How rows are bulk loaded, into the stage and straight into an empty target. */
export interface BulkSettings {
  /**
   * Rows that one INSERT BULK takes at most; by default one takes a whole unit, or a whole first load. Smaller ones bound what the
   * server sorts at a time. Into an empty table with a clustered index only the first is minimally logged.
   */
  readonly batchRows?: number
  /** Lock the target for a straight load (TABLOCK), by default true: what minimal logging needs. The stage is always locked, being nobody else's. */
  readonly lockTable?: boolean
  /** Check CHECK constraints and foreign keys in a straight load, by default true, as INSERT does. Without it they count as untrusted afterwards. */
  readonly checkConstraints?: boolean
  /** Load straight into a target with triggers and fire them, once for each INSERT BULK. By default false: such a target is staged. */
  readonly fireTriggers?: boolean
}
