// Seeded random streams: a seed and the numbers that name a purpose give one independent stream.
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A stream of random numbers; each call moves it on. */
export interface Random {
  /** A multiple of 2^-24 in [0, 1). */
  uniform(): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
  /** The numbers 0 .. n-1 in random order. */
  permutation(n: number): Int32Array;
}

/** Mixes a word into a 32-bit hash (the finaliser of MurmurHash3), so that near seeds give far streams. */
function mix(hash: number, word: number): number {
  let h = (hash ^ word) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (Math.imul(h ^ (h >>> 16), 1) + 0x9e3779b9) >>> 0;
}

/**
 * The stream of `seed` for the purpose named by `path` (say, [image, restart]). Work that is split
 * over processes takes one stream an item, so that the split does not show in the result.
 */
export function randomStream(seed: number, ...path: readonly number[]): Random {
  const state = [seed, ...path].reduce(mix, 0x51ed270b);
  const generator = xoroshiro128plus(state | 0);
  const uniform = (): number => (generator.next() >>> 8) * 2 ** -24;
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    below: (n) => uniformInt(generator, 0, n - 1),
    permutation: (n) => {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = uniformInt(generator, 0, i);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    },
  };
}
