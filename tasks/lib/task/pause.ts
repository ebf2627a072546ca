/** How long work may go on before everything else gets its turn. */
const MAX_WORK_MS = 50;

/** A function to be awaited between steps of long synchronous work: now and then it lets timers, signals and messages
 * through, and it throws the signal's reason once that is aborted. */
export function createPause(signal?: AbortSignal): () => Promise<void> {
  let start = performance.now();
  return async () => {
    if (performance.now() - start > MAX_WORK_MS) {
      // A timer, which costs two milliseconds: Ctrl-C comes through an immediate after half a second alone.
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      start = performance.now();
    }
    signal?.throwIfAborted();
  };
}
