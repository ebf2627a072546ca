"""ADBC's Postgres driver, which streams Arrow; a UUID and a numeric have no type of its own."""

import adbc_driver_postgresql.dbapi

from arrow_days import write_days
from job import ORDERED_SELECT, URL

with adbc_driver_postgresql.dbapi.connect(URL) as connection, connection.cursor() as cursor:
    cursor.execute(ORDERED_SELECT.replace("::uuid", "::text"))
    print(write_days(cursor.fetch_record_batch()))
