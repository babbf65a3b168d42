SET NOCOUNT ON;
SET XACT_ABORT ON;
SET LOCK_TIMEOUT 5000;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
DECLARE @lock int, @table_uuid uniqueidentifier, @snapshot_id bigint, @sequence bigint, @target_object_id int, @version int, @occupied int = 0;
BEGIN TRANSACTION;
EXEC @lock = sys.sp_getapplock @Resource = N'icebridge:erp.dbo.it''s', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 5000;
IF @lock = -999 THROW 50102, N'icebridge: the application lock could not be asked for', 1;
IF @lock < 0 THROW 50101, N'icebridge: the application lock was not granted', 1;
SELECT @table_uuid = [table_uuid], @snapshot_id = [snapshot_id], @sequence = [sequence],
  @target_object_id = [target_object_id], @version = [version]
FROM [icebridge].[applied] WITH (UPDLOCK, HOLDLOCK) WHERE [table_key] = N'erp.dbo.it''s';
IF @version > 1 THROW 50105, N'icebridge: the position was written by a newer version', 1;
IF @table_uuid IS NULL
BEGIN
SELECT TOP (1) @occupied = 1 FROM [sales dept].[select] WITH (TABLOCKX, HOLDLOCK);
IF (SELECT COUNT(*) FROM sys.columns AS c JOIN sys.types AS u ON u.[user_type_id] = c.[user_type_id]
LEFT JOIN sys.types AS b ON b.[user_type_id] = c.[system_type_id]
WHERE c.[object_id] = OBJECT_ID(N'[sales dept].[select]') AND ((c.[name] = N'order]id' AND COALESCE(b.[name], u.[name]) = N'int')
  OR (c.[name] = N'it''s' AND COALESCE(b.[name], u.[name]) = N'nvarchar' AND c.[max_length] = 40 AND c.[collation_name] = N'Latin1_General_100_CI_AS')
  OR (c.[name] = N'paid' AND COALESCE(b.[name], u.[name]) = N'float')
  OR (c.[name] = N'at' AND COALESCE(b.[name], u.[name]) = N'datetimeoffset' AND c.[scale] = 7))) <> 4
  THROW 50107, N'icebridge: a column of the target is not what the plan was made for', 1;
IF @occupied = 1 ROLLBACK TRANSACTION;
SELECT CASE @occupied WHEN 1 THEN N'occupied' ELSE N'empty' END AS [status],
  @table_uuid AS [table_uuid], @snapshot_id AS [snapshot_id], @sequence AS [sequence];
END
ELSE
BEGIN
ROLLBACK TRANSACTION;
SELECT CASE WHEN @table_uuid = CONVERT(uniqueidentifier, '0a1b2c3d-0000-4000-8000-00000000000f') AND @sequence >= CONVERT(bigint, '50') THEN N'alreadyApplied' ELSE N'conflict' END AS [status],
  @table_uuid AS [table_uuid], @snapshot_id AS [snapshot_id], @sequence AS [sequence];
END;
-- INSERT BULK
SET NOCOUNT ON;
DECLARE @rows bigint;
IF @@TRANCOUNT <> 1 THROW 50106, N'icebridge: the transaction of the load is gone', 1;
SELECT @rows = COUNT_BIG(*) FROM [sales dept].[select];
IF @rows = 50
BEGIN
INSERT INTO [icebridge].[applied] ([table_key], [table_uuid], [snapshot_id], [sequence], [target_table], [target_object_id], [lake_location], [run_id], [updated_at], [version])
VALUES (N'erp.dbo.it''s', CONVERT(uniqueidentifier, '0a1b2c3d-0000-4000-8000-00000000000f'), CONVERT(bigint, '9007199254740993'), CONVERT(bigint, '50'), N'[sales dept].[select]', OBJECT_ID(N'[sales dept].[select]'), N'/lake/orders', N'run-1', CONVERT(datetime2(7), '2026-01-02T03:04:05.006'), 1);
COMMIT TRANSACTION;
SELECT N'applied' AS [status], @rows AS [rows];
END
ELSE
BEGIN
ROLLBACK TRANSACTION;
SELECT N'short' AS [status], @rows AS [rows];
END;
