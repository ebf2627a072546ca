-- Apache Spark (with delta-spark, and hadoop-aws for s3a): a view a dataset, over the remote lake. Columns and days come from
-- its log. Replace bucket, prefix and prod, and use keys that may only read: Spark could write here. An older snapshot:
--   select count(*) from delta.`s3a://bucket/prefix/prod/checks` version as of 0;
-- or in Python: spark.read.format("delta").option("versionAsOf", 0).load("s3a://bucket/prefix/prod/checks")
create or replace temporary view checks as
select 'prod' as lane, * from delta.`s3a://bucket/prefix/prod/checks`;

create or replace temporary view requests as
select 'prod' as lane, * from delta.`s3a://bucket/prefix/prod/requests`;

create or replace temporary view usage_ledger as
select 'prod' as lane, * from delta.`s3a://bucket/prefix/prod/usage_ledger`;
