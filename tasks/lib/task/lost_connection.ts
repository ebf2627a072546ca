/** Whether a stray error is what postgres.js throws outside of any promise when a connection is lost in a transaction.
 *
 * It writes ROLLBACK to a socket that is gone. The query that was running rejects by itself and tells the story.
 */
export function isLostConnectionNoise(error: unknown): boolean {
  if (!(error instanceof TypeError)) return false;
  return error.message === "Cannot read properties of null (reading 'write')" &&
    /\bnextWrite \(\S*postgres\/src\/connection\.js/.test(error.stack ?? "");
}
