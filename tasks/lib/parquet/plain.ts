import type { GrowingBytes } from "./growing_bytes.ts";
import type { PackedValues } from "./packed_values.ts";

/** Appends values in Parquet's encoding PLAIN.
 *
 * Source: parquet-format, Encodings.md, "Plain".
 */
export function appendPlain(target: GrowingBytes, values: PackedValues): void {
  const { physical, count, words, bytes } = values;
  if (physical.order === "texts") appendTexts(target, values);
  else if (physical.order === "bits") target.append(bytes.subarray(0, (count + 7) >> 3));
  else if (physical.words === 4) appendBigEndian(target, values);
  else target.append(new Uint8Array(words.buffer, words.byteOffset, 4 * physical.words * count));
}

/** Whole values of 128 bits turned round: the highest byte comes first. */
function appendBigEndian(target: GrowingBytes, { count, words }: PackedValues): void {
  let at = target.extend(16 * count);
  const { view } = target;
  for (let value = 0; value < 4 * count; value += 4, at += 16) {
    view.setInt32(at, words[value + 3]);
    view.setInt32(at + 4, words[value + 2]);
    view.setInt32(at + 8, words[value + 1]);
    view.setInt32(at + 12, words[value]);
  }
}

/** Each text behind its length. */
function appendTexts(target: GrowingBytes, { count, bytes, offsets }: PackedValues): void {
  let at = target.extend(4 * count + offsets[count] - offsets[0]);
  const { view, bytes: written } = target;
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) {
    let from = offsets[i];
    const end = offsets[i + 1];
    view.setInt32(at, end - from, true);
    at += 4;
    // A short run is copied faster by hand than by making a view of it.
    if (end - from > 128) {
      written.set(bytes.subarray(from, end), at);
      at += end - from;
      continue;
    }
    for (; from + 4 <= end; from += 4, at += 4) view.setInt32(at, source.getInt32(from));
    while (from < end) written[at++] = bytes[from++];
  }
}
