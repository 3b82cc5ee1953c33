// Files broken at random, by a seed: bytes changed, cut out, repeated, the end missing.
import { type Random, randomStream } from "../../src/tensor/random.ts";

/** Values that break length fields: none, all, the largest positive. */
const EDGES = [0, 0xff, 0x7f, 0x80];

function change(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const n = 1 + random.below(8);
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + n)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at + n), bytes.subarray(at)]);
  }
  const out = new Uint8Array(bytes); // The slice() of a Buffer would share its memory.
  const edge = random.below(2) === 0;
  for (let i = at; i < Math.min(at + n, out.length); i++)
    out[i] = edge ? EDGES[random.below(EDGES.length)] : random.below(256);
  return out;
}

/** The file with one to four changes, the same for the same seed. */
export function mutated(bytes: Uint8Array, seed: number): Uint8Array {
  const random = randomStream(seed, 1);
  let out = bytes;
  for (let i = 0; i <= random.below(4); i++) if (out.length > 0) out = change(out, random);
  return new Uint8Array(out);
}
