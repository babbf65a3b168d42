SET NOCOUNT ON;
SET XACT_ABORT ON;
DECLARE @lock int;
BEGIN TRANSACTION;
EXEC @lock = sys.sp_getapplock @Resource = N'icebridge:prepare', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 30000;
IF @lock = -999 THROW 50102, N'icebridge: the application lock could not be asked for', 1;
IF @lock < 0 THROW 50101, N'icebridge: the application lock was not granted', 1;
DELETE FROM [icebridge].[applied] WHERE [table_key] = N'erp.dbo.x';
IF SCHEMA_ID(N'new]schema') IS NULL EXEC(N'CREATE SCHEMA [new]]schema]');
CREATE TABLE [new]]schema].[it's] (
  [id] int IDENTITY(-5, 2) NOT NULL,
  [name] nvarchar(20) COLLATE Turkish_CI_AS NULL,
  [rv] binary(8) NOT NULL,
  [twice] int NULL,
  CONSTRAINT [PK_it's] PRIMARY KEY CLUSTERED ([id] DESC)
);
COMMIT TRANSACTION;
SET XACT_ABORT OFF;