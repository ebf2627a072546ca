-- Apache Spark (with delta-spark, and hadoop-aws for s3a): a table a dataset, over the remote lake. Columns and days come from
-- its log. Replace bucket, prefix and prod, and use keys that may only read: Spark could write here. An older snapshot:
--   select count(*) from checks version as of 0;
-- or in Python: spark.read.format("delta").option("versionAsOf", 0).load("s3a://bucket/prefix/prod/checks")
create table if not exists checks using delta location 's3a://bucket/prefix/prod/checks';

create table if not exists requests using delta location 's3a://bucket/prefix/prod/requests';

create table if not exists usage_ledger using delta location 's3a://bucket/prefix/prod/usage_ledger';
