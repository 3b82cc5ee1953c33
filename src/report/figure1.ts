// Figure 1 of the paper from any run: the whole pool, its efficient front, and where it began.
//
// x = violation (10), y = loss.
import type { Candidate } from "../correct/candidates.ts";
import { chartSvg } from "./chart.ts";
import { tradeOff } from "./trade-off.ts";

/** Figure 1 as an SVG document. The first member of the pool is theta0. */
export const figure1 = (
  pool: readonly Candidate[],
  {
    choice,
  }: {
    /** Index in the pool of the chosen candidate, which gets a ring. */ readonly choice?:
      | number
      | undefined;
  } = {},
): Promise<string> => chartSvg((plot) => tradeOff(plot, [{ name: "", pool, choice }]));
