"""polars, through connectorx, which it reads databases with: one frame of all rows, written in partitions."""

import polars

from job import COLUMNS, SELECT, TARGET, URL, numerics_as_text

DECIMALS = {"DECIMAL(20,0)": polars.Decimal(20, 0), "DECIMAL(12,6)": polars.Decimal(12, 6)}

frame = polars.read_database_uri(numerics_as_text(SELECT), URL).with_columns(
    *[
        polars.col(column["name"]).cast(DECIMALS[column["type"]])
        for column in COLUMNS
        if column["type"] in DECIMALS
    ],
    polars.col("created_at").dt.strftime("%Y-%m-%d").alias("dt"),
)
frame.write_parquet(TARGET, compression="zstd", partition_by="dt", mkdir=True)
print(frame.height)
