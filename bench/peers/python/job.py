"""What every peer is given: the database, the SELECT, the columns with their types, and the folder to write to."""

import json
import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    JOB = json.load(file)

URL = JOB["url"]
SELECT = JOB["select"]
ORDERED_SELECT = JOB["orderedSelect"]
COLUMNS = JOB["columns"]
TARGET = sys.argv[2]


def numerics_as_text(select: str) -> str:
    """The SELECT with every numeric cast to text, digit by digit."""
    return re.sub(r"::numeric\(\d+,\d+\)", "::text", select)
