SET NOCOUNT ON;
SET XACT_ABORT ON;
SET LOCK_TIMEOUT 5000;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
DECLARE @lock int, @table_uuid uniqueidentifier, @snapshot_id bigint, @sequence bigint, @target_object_id int, @version int;
DECLARE @keys bigint = 0, @replaced bigint = 0, @inserted bigint = 0, @updated bigint = 0, @deleted bigint = 0, @removed bigint = 0;
DELETE FROM #stage WHERE [seq] IN (SELECT n.[seq] FROM (
  SELECT v.[seq], ROW_NUMBER() OVER (PARTITION BY v.[c0] ORDER BY v.[seq] DESC) AS [newness]
  FROM #stage AS v) AS n WHERE n.[newness] > 1);
SELECT @keys = COUNT_BIG(*) FROM #stage;
BEGIN TRANSACTION;
EXEC @lock = sys.sp_getapplock @Resource = N'icebridge:erp.dbo.it''s', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 5000;
IF @lock = -999 THROW 50102, N'icebridge: the application lock could not be asked for', 1;
IF @lock < 0 THROW 50101, N'icebridge: the application lock was not granted', 1;
SELECT @table_uuid = [table_uuid], @snapshot_id = [snapshot_id], @sequence = [sequence],
  @target_object_id = [target_object_id], @version = [version]
FROM [icebridge].[applied] WITH (UPDLOCK, HOLDLOCK) WHERE [table_key] = N'erp.dbo.it''s';
IF @version > 1 THROW 50105, N'icebridge: the position was written by a newer version', 1;
IF @table_uuid = CONVERT(uniqueidentifier, '0a1b2c3d-0000-4000-8000-00000000000f') AND @snapshot_id = CONVERT(bigint, '7') AND @sequence = CONVERT(bigint, '41')
BEGIN
IF @target_object_id <> OBJECT_ID(N'[sales dept].[select]') OR OBJECT_ID(N'[sales dept].[select]') IS NULL
  THROW 50103, N'icebridge: the target is not the table that the position was written for', 1;
DECLARE @merge_actions TABLE ([action] nvarchar(10) NOT NULL);
MERGE [sales dept].[select] WITH (HOLDLOCK, UPDLOCK) AS t
USING #stage AS s
ON t.[order]]id] = s.[c0]
WHEN MATCHED AND s.[op] = 'delete'
  THEN DELETE
WHEN MATCHED AND s.[op] <> 'delete' AND ((DATALENGTH(t.[it's]) <> DATALENGTH(s.[c1]) OR CONVERT(varbinary(40), t.[it's]) <> CONVERT(varbinary(40), s.[c1]) OR (t.[it's] IS NULL AND s.[c1] IS NOT NULL) OR (t.[it's] IS NOT NULL AND s.[c1] IS NULL))
  OR (CONVERT(binary(8), t.[paid]) <> CONVERT(binary(8), s.[c2]) OR (t.[paid] IS NULL AND s.[c2] IS NOT NULL) OR (t.[paid] IS NOT NULL AND s.[c2] IS NULL))
  OR (t.[at] <> s.[c3] OR DATEPART(tzoffset, t.[at]) <> DATEPART(tzoffset, s.[c3])))
  THEN UPDATE SET t.[it's] = s.[c1], t.[paid] = s.[c2], t.[at] = s.[c3]
WHEN NOT MATCHED BY TARGET AND s.[op] <> 'delete'
  THEN INSERT ([order]]id], [it's], [paid], [at])
  VALUES (s.[c0], s.[c1], s.[c2], s.[c3])
OUTPUT $action INTO @merge_actions ([action]);
SELECT @inserted = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'INSERT';
SELECT @updated = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'UPDATE';
SELECT @deleted = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'DELETE';
IF (SELECT COUNT(*) FROM sys.columns AS c JOIN sys.types AS u ON u.[user_type_id] = c.[user_type_id]
LEFT JOIN sys.types AS b ON b.[user_type_id] = c.[system_type_id]
WHERE c.[object_id] = OBJECT_ID(N'[sales dept].[select]') AND ((c.[name] = N'order]id' AND COALESCE(b.[name], u.[name]) = N'int')
  OR (c.[name] = N'it''s' AND COALESCE(b.[name], u.[name]) = N'nvarchar' AND c.[max_length] = 40 AND c.[collation_name] = N'Latin1_General_100_CI_AS')
  OR (c.[name] = N'paid' AND COALESCE(b.[name], u.[name]) = N'float')
  OR (c.[name] = N'at' AND COALESCE(b.[name], u.[name]) = N'datetimeoffset' AND c.[scale] = 7))) <> 4
  THROW 50107, N'icebridge: a column of the target is not what the plan was made for', 1;
UPDATE [icebridge].[applied] SET [table_uuid] = CONVERT(uniqueidentifier, '0a1b2c3d-0000-4000-8000-00000000000f'), [snapshot_id] = CONVERT(bigint, '9007199254740993'), [sequence] = CONVERT(bigint, '50'), [target_table] = N'[sales dept].[select]', [target_object_id] = OBJECT_ID(N'[sales dept].[select]'), [lake_location] = N'/lake/orders', [run_id] = N'run-1', [updated_at] = CONVERT(datetime2(7), '2026-01-02T03:04:05.006'), [version] = 1
WHERE [table_key] = N'erp.dbo.it''s';
COMMIT TRANSACTION;
SELECT N'applied' AS [status], CONVERT(uniqueidentifier, '0a1b2c3d-0000-4000-8000-00000000000f') AS [table_uuid], CONVERT(bigint, '9007199254740993') AS [snapshot_id], CONVERT(bigint, '50') AS [sequence],
  @keys AS [keys], @inserted - @replaced AS [inserted], @updated + @replaced AS [updated], @deleted AS [deleted], @removed AS [removed];
END
ELSE
BEGIN
ROLLBACK TRANSACTION;
SELECT CASE WHEN @table_uuid = CONVERT(uniqueidentifier, '0a1b2c3d-0000-4000-8000-00000000000f') AND @sequence >= CONVERT(bigint, '50') THEN N'alreadyApplied' ELSE N'conflict' END AS [status],
  @table_uuid AS [table_uuid], @snapshot_id AS [snapshot_id], @sequence AS [sequence],
  @keys AS [keys], @inserted AS [inserted], @updated AS [updated], @deleted AS [deleted], @removed AS [removed];
END;
SET LOCK_TIMEOUT -1;
SET XACT_ABORT OFF;