import type { Day } from "../dataset/day.ts";
import { rowsOf } from "../lake/manifest.ts";
import type { Snapshot } from "./snapshot.ts";
import { SOURCE_KINDS } from "../dataset/source.ts";
import { TaskError } from "../task/errors.ts";

/** Key of the commit that a generation is in its table's Delta log, relative to the lane: generation 1 is version 0. */
export function deltaKey(generation: number): string {
  return `_delta_log/${String(generation - 1).padStart(20, "0")}.json`;
}

/** The commit of a snapshot in the Delta log, as text; it follows from the snapshot and the one before alone, so that
 * anyone may write it.
 *
 * Source: Delta transaction log protocol, reader version 1, writer version 2.
 */
export function formatDeltaCommit(snapshot: Snapshot, before: Snapshot): string {
  const { objects, lane, writtenMs } = snapshot;
  const added = Object.keys(objects).filter((day) => objects[day] !== before.objects[day]);
  const removed = Object.keys(before.objects).filter((day) => objects[day] !== before.objects[day]);
  const [now, then] = [schemaOf(snapshot), schemaOf(before)];
  const actions = [
    { commitInfo: { timestamp: writtenMs, operation: "WRITE", operationParameters: { mode: "Append" } } },
    ...(before.generation === 0 ? [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }] : []),
    ...(before.generation === 0 || now !== then ? [{ metaData: metadataOf(snapshot) }] : []),
    ...removed.map((day) => ({
      remove: {
        path: before.objects[day],
        deletionTimestamp: writtenMs,
        dataChange: true,
        extendedFileMetadata: true,
        partitionValues: { dt: day },
        size: before.lane.days[day].files[0].sizeBytes,
      },
    })),
    ...added.map((day) => ({
      add: {
        path: objects[day],
        partitionValues: { dt: day },
        size: lane.days[day].files[0].sizeBytes,
        modificationTime: writtenMs,
        dataChange: true,
        stats: JSON.stringify({ numRecords: countRows(snapshot, day) }),
      },
    })),
  ];
  return actions.map((action) => `${JSON.stringify(action)}\n`).join("");
}

function countRows({ lane }: Snapshot, day: Day): number {
  return SOURCE_KINDS.reduce((sum, kind) => sum + rowsOf(lane.days[day], kind), 0);
}

function metadataOf(snapshot: Snapshot): Record<string, unknown> {
  return {
    id: snapshot.table,
    name: snapshot.lane.dataset,
    format: { provider: "parquet", options: {} },
    schemaString: schemaOf(snapshot),
    partitionColumns: ["dt"],
    configuration: {},
    createdTime: snapshot.writtenMs,
  };
}

/** Types that Delta calls otherwise than DuckDB; decimals are called the same. */
const DELTA_TYPES: Readonly<Record<string, string>> = {
  "VARCHAR": "string",
  "BIGINT": "long",
  "INTEGER": "integer",
  "DOUBLE": "double",
  "BOOLEAN": "boolean",
  "TIMESTAMP WITH TIME ZONE": "timestamp",
  "DATE": "date",
};

/** A table's columns as Delta describes them: those of its files, and the day, which is in the path alone. */
function schemaOf({ lane: { dataset, columns } }: Snapshot): string {
  const fields = columns.map(([name, type]) => {
    const known = /^DECIMAL\(/.test(type) ? type.toLowerCase() : DELTA_TYPES[type];
    if (known !== undefined) return { name, type: known, nullable: true, metadata: {} };
    throw new TaskError(`Cannot export "${dataset}": column "${name}" has type ${type}, which Delta has no name for`);
  });
  return JSON.stringify({
    type: "struct",
    fields: [...fields, { name: "dt", type: "date", nullable: true, metadata: {} }],
  });
}
