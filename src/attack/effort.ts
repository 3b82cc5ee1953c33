// Words that several attacks share when they say what they spend on an image.
import { asQuotient } from "../options/kinds.ts";
import type { AttackSettings } from "./settings.ts";

/** A length without the noise of binary fractions: 0.1 / 0.3 is 0.3333. */
export const short = (value: number): string => String(Number(value.toPrecision(4)));

/** A radius as it was given, 8/255, else without that noise. */
export const radius = (eps: number): string => asQuotient(eps) ?? short(eps);

/** How often a run starts, and where. */
export const startsOf = ({ restarts, randomStart }: AttackSettings): string => {
  const start = randomStart ? "random start" : "start at the clean image";
  return restarts === 1 ? `a ${start}` : `${restarts} ${start}s`;
};
