// Random inputs that keep their distance from kinks, where a difference quotient means nothing.
import type { Random } from "../../src/tensor/random.ts";

/** Standard normal values, none within `gap` of a number in `awayFrom` (say 0, for Relu). */
export function randomArray(
  random: Random,
  size: number,
  { awayFrom = [], gap = 0.05 }: { awayFrom?: readonly number[]; gap?: number } = {},
): Float64Array {
  const draw = (): number => {
    for (;;) {
      const value = random.normal();
      if (awayFrom.every((kink) => Math.abs(value - kink) >= gap)) return value;
    }
  };
  return Float64Array.from({ length: size }, draw);
}

/** Values in random order, centred at 0, any two at least `gap` apart: no ties for a maximum. */
export function spreadArray(random: Random, size: number, gap = 0.05): Float64Array {
  const levels = random.permutation(size);
  return Float64Array.from(levels, (i) => gap * (2 * i - size + 1 + random.uniform()));
}
