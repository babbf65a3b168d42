SET NOCOUNT ON;
SET XACT_ABORT ON;
BEGIN TRANSACTION;
IF SCHEMA_ID(N'new]schema') IS NULL EXEC(N'CREATE SCHEMA [new]]schema]');
CREATE TABLE [new]]schema].[it's] (
  [id] int IDENTITY(-5, 2) NOT NULL,
  [name] nvarchar(20) COLLATE Turkish_CI_AS NULL,
  [rv] binary(8) NOT NULL,
  [twice] int NULL,
  CONSTRAINT [pk_orders] PRIMARY KEY CLUSTERED ([id] DESC)
);
DELETE FROM [icebridge].[applied] WHERE [table_key] = N'erp.dbo.x';
COMMIT TRANSACTION;
SET XACT_ABORT OFF;