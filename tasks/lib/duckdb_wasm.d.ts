/** What duckdb.ts uses of @duckdb/duckdb-wasm 1.28.0, private parts included.
 *
 * The package's own declarations bring an old @types/node that hides parts of node:util.
 */

/** Emscripten's module. */
export interface Module {
  readonly HEAPU8: Uint8Array;
  readonly HEAPF64: Float64Array;
  _malloc(sizeBytes: number): number;
  _free(pointer: number): void;
  stackSave(): number;
  stackAlloc(sizeBytes: number): number;
  stackRestore(pointer: number): void;
  ccall(name: string, result: string | null, types: string[], args: unknown[]): unknown;
}

/** The bindings behind a connection. */
export interface Engine {
  readonly mod: Module;
  instantiate(): Promise<void>;
  connect(): Connection;
  runQuery(connection: number, sql: string): Uint8Array;
  dropFile(name: string): void;
}

/** One connection. */
export interface Connection {
  useUnsafe<T>(callback: (engine: Engine, connection: number) => T): T;
  query(sql: string): { toArray(): ArrayLike<{ toArray(): (string | null)[] }> };
  close(): void;
}

/** A file as the engine knows it. */
export interface FileInfo {
  readonly fileName: string;
  readonly dataUrl: string | null;
}

/** Paths of one build of the engine. */
export interface Bundle {
  readonly mainModule: string;
  readonly mainWorker: string;
}

export declare class VoidLogger {}

/** The library's file functions for Node. */
export declare const NODE_RUNTIME: {
  readonly _fileInfoCache: Map<number, unknown>;
  resolveFileInfo(mod: Module, fileId: number): FileInfo;
  checkFile(mod: Module, pointer: number, length: number): boolean;
  glob(mod: Module, pointer: number, length: number): void;
};

/** Picks the build for this platform. */
export declare function createDuckDB(
  bundles: { mvp: Bundle; eh: Bundle },
  logger: VoidLogger,
  runtime: object,
): Promise<Engine>;
