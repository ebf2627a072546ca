"""Arrow batches as zstd Parquet in a folder a day, by pyarrow."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.dataset as ds

from job import COLUMNS, TARGET

TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "DECIMAL(20,0)": pa.decimal128(20, 0),
    "DECIMAL(12,6)": pa.decimal128(12, 6),
}
FIELDS = [pa.field(column["name"], TYPES[column["type"]]) for column in COLUMNS]
SCHEMA = pa.schema([*FIELDS, pa.field("dt", pa.date32())])
ROWS = 0


def cast(array: pa.Array, to: pa.DataType) -> pa.Array:
    """The array in the file's type; what a driver wraps (ADBC its numerics) is unwrapped first."""
    storage = array.storage if isinstance(array, pa.ExtensionArray) else array
    return storage if storage.type == to else storage.cast(to)


def cast_all(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches in the file's types, each row with its day; counts the rows."""
    global ROWS
    for batch in batches:
        arrays = [cast(batch.column(field.name), field.type) for field in FIELDS]
        day = batch.column("created_at").cast(pa.timestamp("us", "UTC")).cast(pa.date32())
        ROWS += batch.num_rows
        yield pa.RecordBatch.from_arrays([*arrays, day], schema=SCHEMA)


def write_days(batches: Iterable[pa.RecordBatch]) -> int:
    """Writes the batches, and gives their rows."""
    parquet = ds.ParquetFileFormat()
    ds.write_dataset(
        cast_all(batches),
        TARGET,
        schema=SCHEMA,
        format=parquet,
        file_options=parquet.make_write_options(compression="zstd"),
        partitioning=ds.partitioning(pa.schema([SCHEMA.field("dt")]), flavor="hive"),
        max_partitions=10_000,
    )
    return ROWS
