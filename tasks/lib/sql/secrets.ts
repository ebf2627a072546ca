const SPACE = String.raw`(?:\s|--[^\n]*\n)*`;

/** The word, what may stand between it and its value, and how the value begins; or a URL with a password.
 *
 * All comments are one, from the first to the end of any: taken one by one, each more would double the time. */
const PASSWORD = new RegExp(
  String.raw`passw(?:or)?d${SPACE}(?:/\*[^]*\*/${SPACE})?(?:[=:%'"$]|[a-z]&?')|://[^\s/@:']*:[^\s/@']+@`,
  "i",
);

/** A role's password that lacks its quotes, at which the server would point. */
const BARE = /^(?:create|alter)\s+(?:role|user|group)\b[^]*\bpassword\s+(?!null\b)/i;

/** Whether an SQL statement gives a password: PASSWORD '...', an option or a connection string with password=, a URL.
 *
 * It says so too often rather than too seldom, but not of columns whose names have the word in them.
 */
export function holdsPassword(sql: string): boolean {
  return PASSWORD.test(sql) || BARE.test(sql);
}
