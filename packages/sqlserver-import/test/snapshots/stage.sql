IF OBJECT_ID(N'tempdb..#stage') IS NOT NULL DROP TABLE #stage;
CREATE TABLE #stage (
  [c0] nvarchar(40) COLLATE Latin1_General_100_CI_AI NOT NULL,
  [c1] bigint NULL,
  [c2] varchar(max) COLLATE Latin1_General_100_CI_AS NULL,
  [c3] nvarchar(max) NULL,
  [c4] varbinary(max) NULL,
  [c5] varbinary(max) NULL,
  [c6] real NULL,
  [c7] varchar(10) COLLATE Latin1_General_100_CI_AS NULL,
  [seq] bigint NOT NULL,
  [op] varchar(6) COLLATE Latin1_General_BIN2 NOT NULL
);