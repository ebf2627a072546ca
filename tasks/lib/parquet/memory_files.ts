interface MemoryFile {
  bytes: Uint8Array;
  size: number;
  /** Whether the bytes were allocated here, and not handed in. */
  readonly ours: boolean;
}

/** A file whose bytes are fetched when they are read. */
export interface ReadableFile {
  /** All its bytes. */
  readonly sizeBytes: number;
  /** Fills the target with the bytes from an offset on, and tells how many there were. */
  read(target: Uint8Array, offset: number): number;
}

/** Files in memory, by path; a written one grows by doubling, in the memory of the one that was dropped last. */
export class MemoryFiles {
  #files = new Map<string, MemoryFile>();
  #readable = new Map<string, ReadableFile>();
  #spare: Uint8Array = new Uint8Array(0);

  /** Makes bytes readable as a file; they stay the caller's. */
  put(path: string, bytes: Uint8Array): void {
    this.#files.set(path, { bytes, size: bytes.length, ours: false });
  }

  /** Makes a file readable whose bytes are fetched when they are read. */
  putReadable(path: string, file: ReadableFile): void {
    this.#readable.set(path, file);
  }

  has(path: string): boolean {
    return this.#files.has(path) || this.#readable.has(path);
  }

  /** Makes an empty file where there is none. */
  create(path: string): void {
    if (this.has(path)) return;
    this.#files.set(path, { bytes: this.#spare, size: 0, ours: true });
    this.#spare = new Uint8Array(0);
  }

  drop(path: string): void {
    const file = this.#files.get(path);
    if (file?.ours && file.bytes.length > this.#spare.length) this.#spare = file.bytes;
    this.#files.delete(path);
    this.#readable.delete(path);
  }

  /** Size in bytes. */
  size(path: string): number {
    return this.#readable.get(path)?.sizeBytes ?? this.#get(path).size;
  }

  /** What is in a file, valid until it is dropped. */
  bytes(path: string): Uint8Array {
    const { bytes, size } = this.#get(path);
    return bytes.subarray(0, size);
  }

  /** Cuts a file or makes it longer. */
  truncate(path: string, size: number): void {
    this.#reserve(path, size).size = size;
  }

  /** Copies from a file and tells how many bytes there were. */
  read(path: string, target: Uint8Array, offset: number): number {
    const readable = this.#readable.get(path);
    if (readable) return readable.read(target, offset);
    const part = this.bytes(path).subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  /** Copies into a file and tells how many bytes. */
  write(path: string, source: Uint8Array, offset: number): number {
    const file = this.#reserve(path, offset + source.length);
    file.bytes.set(source, offset);
    file.size = Math.max(file.size, offset + source.length);
    return source.length;
  }

  #get(path: string): MemoryFile {
    const file = this.#files.get(path);
    if (file === undefined) throw new Error(`No file in memory is named "${path}"`);
    return file;
  }

  #reserve(path: string, size: number): MemoryFile {
    const file = this.#get(path);
    if (size > file.bytes.length) {
      const grown = new Uint8Array(Math.max(size, file.bytes.length * 2, 1 << 20));
      grown.set(file.bytes.subarray(0, file.size));
      file.bytes = grown;
    }
    return file;
  }
}
