// @ts-types="./duckdb_wasm.d.ts"
import * as duckdb from "@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs";
import { messageOf } from "../task/errors.ts";
import { compileDuckDb } from "./duckdb_code.ts";
import { engineFiles } from "./engine_files.ts";
import { quote } from "./quote.ts";
import { MemoryFiles, type ReadableFile } from "./memory_files.ts";
import { placeOf } from "./sql_place.ts";

/** An in-memory DuckDB that reads files of the disk and writes only files of its own memory.
 *
 * A file error inside the engine never returns, and an interrupted write leaves half a file: so the engine opens paths
 * of the disk for reading only, and what it writes stays under `memory/` until the caller takes the bytes.
 */
export interface DuckDb extends Disposable {
  /** Runs statements whose rows do not matter.
   *
   * Errors: Error with DuckDB's message.
   */
  run(sql: string): void;
  /** The one row of a SELECT of aggregates, which see the whole input or throw; values as in `query`. */
  one(sql: string): (string | null)[];
  /** All rows of one SELECT, each value as DuckDB's text for it, null for NULL.
   *
   * A plain SELECT may end early without an error, so the rows go through a table and are counted.
   *
   * Errors: Error with DuckDB's message, and the line of the SELECT that it speaks of.
   */
  query(sql: string): QueryResult;
  /** All rows of one DESCRIBE or SUMMARIZE, a row a column, which can be no part of a SELECT; values as in `query`. */
  describe(sql: string): QueryResult;
  /** Appends one Arrow IPC stream of `sizeBytes` to a table; `write` lays it out in the engine's own memory. */
  insertArrow(table: string, sizeBytes: number, write: (target: Uint8Array) => void): void;
  /** Makes bytes readable as `memory/<name>`. */
  putFile(name: string, bytes: Uint8Array): void;
  /** Makes a file readable as `memory/<name>` whose bytes are fetched when the engine reads them. */
  putReadable(name: string, file: ReadableFile): void;
  /** Bytes that the engine wrote to `memory/<name>`, valid until the file is dropped. */
  fileBytes(name: string): Uint8Array;
  /** Forgets `memory/<name>`. */
  dropFile(name: string): void;
}

/** Rows of a query, as text. */
export interface QueryResult {
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** DuckDB's type of each column. */
  readonly types: readonly string[];
  /** One array a row, as wide as `columns`. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Opens a DuckDB on one thread; where `only` names paths of the disk, it sees no other, whatever its SQL asks for. */
export async function openDuckDb(code?: WebAssembly.Module, only?: readonly string[]): Promise<DuckDb> {
  const files = new MemoryFiles();
  const runtime = engineFiles(duckdb.NODE_RUNTIME, { files, only: only && new Set(only) });
  const engine = await duckdb.createDuckDB({ mvp: BUNDLE, eh: BUNDLE }, new duckdb.VoidLogger(), runtime);
  const module = code ?? await compileDuckDb();
  // The library's own method would read and compile the file once more for every thread.
  engine.instantiateWasm = (imports, success) => {
    Object.assign(globalThis, { DUCKDB_RUNTIME: runtime });
    WebAssembly.instantiate(module, imports).then((instance) => success(instance, module));
    return {};
  };
  await engine.instantiate();
  passTextsOnHeap(engine.mod);
  return new Session(engine, files);
}

/** Paths that the library would load; it is given the code instead. */
const BUNDLE = { mainModule: "", mainWorker: "" };

class Session implements DuckDb {
  #engine: duckdb.Engine;
  #files: MemoryFiles;
  #connection: duckdb.Connection;

  constructor(engine: duckdb.Engine, files: MemoryFiles) {
    this.#engine = engine;
    this.#files = files;
    this.#connection = engine.connect();
  }

  run(sql: string): void {
    this.#connection.useUnsafe((engine, connection) => engine.runQuery(connection, sql));
  }

  one(sql: string): (string | null)[] {
    const [row] = this.#texts(`select columns(*)::varchar from (${sql})`);
    return row;
  }

  query(sql: string): QueryResult {
    // On lines of its own, the SELECT is all that a message can quote.
    placing(1, () => this.run(`create or replace temp table query_result as\n${sql}`));
    const described = this.#texts(
      "select column_name, data_type from duckdb_columns() where table_name = 'query_result' order by column_index",
    );
    const columns = described.map(([name]) => name!);
    const list = columns.map((name) => `cast(${quote(name)} as varchar) as ${quote(name)}`).join(", ");
    const rows = this.#texts(`select ${list} from query_result`);
    const [count] = this.one("select count(*) from query_result");
    if (rows.length !== Number(count)) throw new Error(`DuckDB returned ${rows.length} of ${count} rows`);
    this.run("drop table query_result");
    return { columns, types: described.map(([, type]) => type!), rows };
  }

  describe(sql: string): QueryResult {
    const table = placing(0, () => this.#connection.query(sql));
    const { fields } = table.schema;
    return {
      columns: fields.map(({ name }) => name),
      types: fields.map(({ type }) => `${type}` === "Int64" ? "BIGINT" : "VARCHAR"),
      rows: textsOf(table),
    };
  }

  insertArrow(table: string, sizeBytes: number, write: (target: Uint8Array) => void): void {
    const { mod } = this.#engine;
    const pointer = mod._malloc(sizeBytes);
    if (pointer === 0) throw new Error("DuckDB is out of memory");
    try {
      write(mod.HEAPU8.subarray(pointer, pointer + sizeBytes));
      const options = JSON.stringify({ name: table, create: false });
      this.#connection.useUnsafe((_, connection) =>
        call(mod, "duckdb_web_insert_arrow_from_ipc_stream", ["number", "number", "number", "string"], [
          connection,
          pointer,
          sizeBytes,
          options,
        ])
      );
    } finally {
      // The library's own method keeps the buffer for ever: 4 GB of inserts would exhaust the heap.
      mod._free(pointer);
    }
  }

  putFile(name: string, bytes: Uint8Array): void {
    this.#files.put(`memory/${name}`, bytes);
  }

  putReadable(name: string, file: ReadableFile): void {
    this.#files.putReadable(`memory/${name}`, file);
  }

  fileBytes(name: string): Uint8Array {
    return this.#files.bytes(`memory/${name}`);
  }

  dropFile(name: string): void {
    // Without this the engine keeps what it knew of the file's old bytes.
    this.#engine.dropFile(`memory/${name}`);
    this.#files.drop(`memory/${name}`);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  #texts(sql: string): (string | null)[][] {
    return textsOf(this.#connection.query(sql));
  }
}

/** Does what may throw DuckDB's message, which then says its place within the SQL behind `linesBefore`. */
function placing<T>(linesBefore: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(placeOf(messageOf(error), linesBefore), { cause: error });
  }
}

/** Values of a table of texts and whole numbers. */
function textsOf(table: duckdb.Table): (string | null)[][] {
  // By place: as an object, a row has names like 1 before all others.
  const columns = table.schema.fields.map((_, index) => table.getChildAt(index)!);
  const textAt = (column: typeof columns[number], row: number) => {
    const value = column.get(row);
    return value === null ? null : `${value}`;
  };
  return Array.from({ length: table.numRows }, (_, row) => columns.map((column) => textAt(column, row)));
}

/** Makes texts go to the engine on its heap.
 *
 * The library puts them on the engine's stack of 64 kB; a longer SQL text would run over into the engine's data.
 */
function passTextsOnHeap(mod: duckdb.Module): void {
  const { ccall } = mod;
  mod.ccall = (name, result, types, args) => {
    const pointers: number[] = [];
    const toHeap = (text: string) => {
      const bytes = new TextEncoder().encode(`${text}\0`);
      const pointer = mod._malloc(bytes.length);
      if (pointer === 0) throw new Error("DuckDB is out of memory");
      pointers.push(pointer);
      mod.HEAPU8.set(bytes, pointer);
      return pointer;
    };
    try {
      const values = args.map((value, index) =>
        types[index] === "string" && typeof value === "string" ? toHeap(value) : value
      );
      return ccall(name, result, types.map((type) => type === "string" ? "number" : type), values);
    } finally {
      pointers.forEach(mod._free);
    }
  };
}

/** Calls an exported function whose result is a status and, where it failed, a message. */
function call(mod: duckdb.Module, name: string, types: string[], args: unknown[]): void {
  const stack = mod.stackSave();
  const response = mod.stackAlloc(24);
  mod.ccall(name, null, ["number", ...types], [response, ...args]);
  const [status, pointer, length] = new Float64Array(mod.HEAPU8.slice(response, response + 24).buffer);
  mod.stackRestore(stack);
  const message = new TextDecoder().decode(mod.HEAPU8.subarray(pointer, pointer + length));
  mod.ccall("duckdb_web_clear_response", null, [], []);
  if (status !== 0) throw new Error(message);
}
