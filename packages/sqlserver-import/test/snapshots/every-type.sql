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
IF @target_object_id <> OBJECT_ID(N'[dbo].[orders]') OR OBJECT_ID(N'[dbo].[orders]') IS NULL
  THROW 50103, N'icebridge: the target is not the table that the position was written for', 1;
SET IDENTITY_INSERT [dbo].[orders] ON;
DELETE t FROM [dbo].[orders] AS t WITH (HOLDLOCK, UPDLOCK) INNER JOIN #stage AS s ON t.[id] = s.[c0]
WHERE s.[op] <> 'delete' AND t.[seq] <> s.[c1];
SET @replaced = ROWCOUNT_BIG();
DECLARE @merge_actions TABLE ([action] nvarchar(10) NOT NULL);
MERGE [dbo].[orders] WITH (HOLDLOCK, UPDLOCK) AS t
USING #stage AS s
ON t.[id] = s.[c0]
WHEN MATCHED AND s.[op] = 'delete'
  THEN DELETE
WHEN MATCHED AND s.[op] <> 'delete' AND ((DATALENGTH(t.[id]) <> DATALENGTH(s.[c0]) OR CONVERT(varbinary(80), t.[id]) <> CONVERT(varbinary(80), s.[c0]))
  OR (DATALENGTH(t.[note]) <> DATALENGTH(s.[c2]) OR CONVERT(varbinary(max), CONVERT(varchar(max), t.[note])) <> CONVERT(varbinary(max), s.[c2]) OR (t.[note] IS NULL AND s.[c2] IS NOT NULL) OR (t.[note] IS NOT NULL AND s.[c2] IS NULL))
  OR (DATALENGTH(CONVERT(nvarchar(max), t.[doc])) <> DATALENGTH(CONVERT(nvarchar(max), CONVERT(xml, s.[c3], 1))) OR CONVERT(varbinary(max), CONVERT(nvarchar(max), t.[doc])) <> CONVERT(varbinary(max), CONVERT(nvarchar(max), CONVERT(xml, s.[c3], 1))) OR (t.[doc] IS NULL AND s.[c3] IS NOT NULL) OR (t.[doc] IS NOT NULL AND s.[c3] IS NULL))
  OR (DATALENGTH(t.[body]) <> DATALENGTH(s.[c4]) OR t.[body] <> s.[c4] OR (t.[body] IS NULL AND s.[c4] IS NOT NULL) OR (t.[body] IS NOT NULL AND s.[c4] IS NULL))
  OR (DATALENGTH(t.[place]) <> DATALENGTH(s.[c5]) OR CONVERT(varbinary(max), t.[place]) <> CONVERT(varbinary(max), s.[c5]) OR (t.[place] IS NULL AND s.[c5] IS NOT NULL) OR (t.[place] IS NOT NULL AND s.[c5] IS NULL))
  OR (CONVERT(binary(4), t.[ratio]) <> CONVERT(binary(4), s.[c6]))
  OR (DATALENGTH(t.[short]) <> DATALENGTH(s.[c7]) OR CONVERT(varbinary(10), t.[short]) <> CONVERT(varbinary(10), s.[c7])))
  THEN UPDATE SET t.[id] = s.[c0], t.[note] = s.[c2], t.[doc] = CONVERT(xml, s.[c3], 1), t.[body] = s.[c4], t.[place] = CONVERT(geography, s.[c5]), t.[ratio] = s.[c6], t.[short] = s.[c7]
WHEN NOT MATCHED BY TARGET AND s.[op] <> 'delete'
  THEN INSERT ([id], [seq], [note], [doc], [body], [place], [ratio], [short])
  VALUES (s.[c0], s.[c1], s.[c2], CONVERT(xml, s.[c3], 1), s.[c4], CONVERT(geography, s.[c5]), s.[c6], s.[c7])
OUTPUT $action INTO @merge_actions ([action]);
SELECT @inserted = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'INSERT';
SELECT @updated = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'UPDATE';
SELECT @deleted = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'DELETE';
SET IDENTITY_INSERT [dbo].[orders] OFF;
IF (SELECT COUNT(*) FROM sys.columns AS c JOIN sys.types AS u ON u.[user_type_id] = c.[user_type_id]
LEFT JOIN sys.types AS b ON b.[user_type_id] = c.[system_type_id]
WHERE c.[object_id] = OBJECT_ID(N'[dbo].[orders]') AND ((c.[name] = N'id' AND COALESCE(b.[name], u.[name]) = N'nvarchar' AND c.[max_length] = 80 AND c.[collation_name] = N'Latin1_General_100_CI_AI')
  OR (c.[name] = N'seq' AND COALESCE(b.[name], u.[name]) = N'bigint')
  OR (c.[name] = N'note' AND COALESCE(b.[name], u.[name]) = N'text' AND c.[collation_name] = N'Latin1_General_100_CI_AS')
  OR (c.[name] = N'doc' AND COALESCE(b.[name], u.[name]) = N'xml')
  OR (c.[name] = N'body' AND COALESCE(b.[name], u.[name]) = N'varbinary' AND c.[max_length] = -1)
  OR (c.[name] = N'place' AND COALESCE(b.[name], u.[name]) = N'geography')
  OR (c.[name] = N'ratio' AND COALESCE(b.[name], u.[name]) = N'real')
  OR (c.[name] = N'short' AND COALESCE(b.[name], u.[name]) = N'varchar' AND c.[max_length] = 10 AND c.[collation_name] = N'Latin1_General_100_CI_AS'))) <> 8
  THROW 50107, N'icebridge: a column of the target is not what the plan was made for', 1;
UPDATE [icebridge].[applied] SET [table_uuid] = CONVERT(uniqueidentifier, '0a1b2c3d-0000-4000-8000-00000000000f'), [snapshot_id] = CONVERT(bigint, '9007199254740993'), [sequence] = CONVERT(bigint, '50'), [target_table] = N'[dbo].[orders]', [target_object_id] = OBJECT_ID(N'[dbo].[orders]'), [lake_location] = N'/lake/orders', [run_id] = N'run-1', [updated_at] = CONVERT(datetime2(7), '2026-01-02T03:04:05.006'), [version] = 1
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