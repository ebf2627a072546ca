/** What duckdb.ts uses of @duckdb/duckdb-wasm 1.28.0, private parts included.
 *
 * The package's own declarations bring an old @types/node that hides parts of node:util.
 */

/** Emscripten's module. */
export interface Module {
  readonly HEAPU8: Uint8Array;
  readonly HEAPF64: Float64Array;
  /** Address of a new block; 0 where there is no room. */
  _malloc(sizeBytes: number): number;
  _free(pointer: number): void;
  stackSave(): number;
  stackAlloc(sizeBytes: number): number;
  /** Gives back all blocks on the stack above an address. */
  stackRestore(pointer: number): void;
  ccall(name: string, result: string | null, types: string[], args: unknown[]): unknown;
}

/** The bindings behind a connection. */
export interface Engine {
  readonly mod: Module;
  /** Gives the instance and its code to `success`. */
  instantiateWasm: (
    imports: WebAssembly.Imports,
    success: (instance: WebAssembly.Instance, code: WebAssembly.Module) => void,
  ) => object;
  instantiate(): Promise<void>;
  connect(): Connection;
  /** Runs statements; the result is Arrow IPC. */
  runQuery(connection: number, sql: string): Uint8Array;
  dropFile(name: string): void;
}

/** One connection. */
export interface Connection {
  /** Gives the bindings and the connection's handle. */
  useUnsafe<T>(callback: (engine: Engine, connection: number) => T): T;
  query(sql: string): Table;
  close(): void;
}

/** Rows of a query. */
export interface Table {
  readonly schema: { readonly fields: readonly { readonly name: string; readonly type: object }[] };
  readonly numRows: number;
  /** Values of a column by its place: names can be there twice. */
  getChildAt(index: number): { get(row: number): string | bigint | null } | null;
}

/** A file as the engine knows it. */
export interface FileInfo {
  readonly fileName: string;
  /** Path, where it differs. */
  readonly dataUrl: string | null;
}

/** Paths of one build of the engine. */
export interface Bundle {
  readonly mainModule: string;
  /** Path of the worker script, unused here. */
  readonly mainWorker: string;
}

/** Prints nothing. */
export declare class VoidLogger {}

/** The library's file functions for Node. */
export declare const NODE_RUNTIME: {
  readonly _fileInfoCache: Map<number, unknown>;
  resolveFileInfo(mod: Module, fileId: number): FileInfo;
  checkFile(mod: Module, pointer: number, length: number): boolean;
  /** Adds the paths of a pattern. */
  glob(mod: Module, pointer: number, length: number): void;
};

/** Picks the build for this platform. */
export declare function createDuckDB(
  bundles: { mvp: Bundle; eh: Bundle },
  logger: VoidLogger,
  runtime: object,
): Promise<Engine>;
