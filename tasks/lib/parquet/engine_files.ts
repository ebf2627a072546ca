import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from "node:fs";
import type { Module, NODE_RUNTIME } from "./duckdb_wasm.d.ts";
import type { MemoryFiles } from "./memory_files.ts";

/** The library's own file functions. */
export type Runtime = typeof NODE_RUNTIME;

/** The library's file functions, with memory behind `memory/` and the disk read-only.
 *
 * Where `only` names paths of the disk, the engine sees no other. They throw where the library's own would report into
 * an engine that then never returns.
 */
export function engineFiles(
  node: Runtime,
  { files, only }: { readonly files: MemoryFiles; readonly only?: ReadonlySet<string> },
): object {
  const hidden = (path: string) => only !== undefined && !path.startsWith("memory/") && !only.has(path);
  const descriptors = new Map<number, number>();
  const pathOf = (mod: Module, fileId: number) => {
    const info = node.resolveFileInfo(mod, fileId);
    return info.dataUrl ?? info.fileName;
  };
  const text = (mod: Module, pointer: number, length: number) =>
    new TextDecoder().decode(mod.HEAPU8.subarray(pointer, pointer + length));
  return {
    ...node,
    openFile(mod: Module, fileId: number): number {
      node._fileInfoCache.delete(fileId);
      const path = pathOf(mod, fileId);
      if (path.startsWith("memory/")) files.create(path);
      else if (hidden(path)) throw new Error(`"${path}" is not among the files that may be read`);
      else if (!descriptors.has(fileId)) descriptors.set(fileId, openSync(path, constants.O_RDONLY));
      const descriptor = descriptors.get(fileId);
      const result = mod._malloc(16);
      mod.HEAPF64[result >> 3] = descriptor === undefined ? files.size(path) : fstatSync(descriptor).size;
      mod.HEAPF64[(result >> 3) + 1] = 0;
      return result;
    },
    closeFile(_mod: Module, fileId: number): number {
      const descriptor = descriptors.get(fileId);
      if (descriptor !== undefined) closeSync(descriptor);
      descriptors.delete(fileId);
      node._fileInfoCache.delete(fileId);
      return 0;
    },
    readFile(mod: Module, fileId: number, pointer: number, length: number, offset: number): number {
      const descriptor = descriptors.get(fileId);
      const target = mod.HEAPU8.subarray(pointer, pointer + length);
      if (descriptor !== undefined) return readSync(descriptor, target, 0, length, offset);
      return files.read(pathOf(mod, fileId), target, offset);
    },
    writeFile(mod: Module, fileId: number, pointer: number, length: number, offset: number): number {
      return files.write(pathOf(mod, fileId), mod.HEAPU8.subarray(pointer, pointer + length), offset);
    },
    truncateFile(mod: Module, fileId: number, size: number): void {
      files.truncate(pathOf(mod, fileId), size);
    },
    getLastFileModificationTime(_mod: Module, fileId: number): number {
      const descriptor = descriptors.get(fileId);
      return descriptor === undefined ? 0 : fstatSync(descriptor).mtime.getTime();
    },
    checkFile(mod: Module, pointer: number, length: number): boolean {
      const path = text(mod, pointer, length);
      return path.startsWith("memory/") ? files.has(path) : node.checkFile(mod, pointer, length);
    },
    glob(mod: Module, pointer: number, length: number): void {
      const path = text(mod, pointer, length);
      if (hidden(path)) return;
      // A path that exists as it stands is no pattern, whatever brackets it holds.
      const plain = path.startsWith("memory/") ? files.has(path) : existsSync(path);
      if (plain) mod.ccall("duckdb_web_fs_glob_add_path", null, ["string"], [path]);
      else node.glob(mod, pointer, length);
    },
    removeFile(mod: Module, pointer: number, length: number): void {
      files.drop(text(mod, pointer, length));
    },
  };
}
