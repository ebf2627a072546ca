import { createHash } from "node:crypto";

/** SHA-256 of bytes, or of a text's UTF-8, in hexadecimal. */
export function sha256(of: string | Uint8Array): string {
  return createHash("sha256").update(of).digest("hex");
}
