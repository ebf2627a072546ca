/** How many are under way at a time: enough to hide how long a store takes to answer. */
const AT_ONCE = 4;

/** What `work` gives for each, in order, some at a time.
 *
 * The first failure is thrown as soon as none is under way any more: what follows it can clean up after all of them.
 */
export async function eachOf<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const queue = items.entries();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const [index, item] of queue) {
      if (failures.length > 0) return;
      await work(item).then((result) => results[index] = result, (error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
