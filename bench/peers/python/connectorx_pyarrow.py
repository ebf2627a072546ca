"""connectorx, which streams Arrow; it stops at a numeric of 20 digits, so numerics travel as text."""

import connectorx

from arrow_days import write_days
from job import ORDERED_SELECT, URL, numerics_as_text

query = numerics_as_text(ORDERED_SELECT)
print(write_days(connectorx.read_sql(URL, query, return_type="arrow_stream", batch_size=32_768)))
