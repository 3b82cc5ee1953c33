// Which cuts an anchor brings: all, those it violates, those against the strongest rivals.
import { expect, it } from "vitest";
import { type Cut, type CutOptions, createCuts } from "../src/correct/cuts.ts";
import { randomStream } from "../src/tensor/random.ts";
import { analyticOracle, linear } from "./helpers/analytic-oracle.ts";

const LABELS = 5;
const random = randomStream(3);
/** Six points of a classifier that is linear in two parameters; (8) always holds. */
const oracle = analyticOracle({
  theta0: [1, -1],
  y: Array.from({ length: 6 }, () => random.below(LABELS)),
  logits: Array.from({ length: 6 }, () =>
    Array.from({ length: LABELS }, () => linear([random.normal(), random.normal()])),
  ),
  loss: linear([0, 0]),
});

async function cutsAt(options: Partial<CutOptions>): Promise<readonly Cut[]> {
  const cuts = createCuts(oracle, { margin: 0.1, radius: 0, lossSlack: 0, ...options });
  await cuts.add(oracle.theta0, await oracle.lossGradient(oracle.theta0));
  expect(cuts.list.at(-1)).toEqual({ anchor: 0, point: "loss" });
  return cuts.list.slice(0, -1);
}

it.each([
  {},
  { cuts: "violated" },
  { rivals: 2 },
  { cuts: "violated", rivals: 1 },
  { rivals: 99 },
] as const)("%o: exactly the cuts that this says, in order", async (options) => {
  const { cuts = "all", rivals = LABELS } = { ...options };
  const logits = await oracle.logits(oracle.theta0);
  const f = (point: number, label: number) => logits[point * LABELS + label];
  const expected: Cut[] = [];
  for (const [point, y] of oracle.y().entries()) {
    for (let rival = 0; rival < LABELS; rival++) {
      const above = (l: number) => l !== y && l !== rival && f(point, l) > f(point, rival);
      const stronger = Array.from({ length: LABELS }, (_, l) => l).filter(above).length;
      const violated = f(point, rival) + 0.1 > f(point, y);
      if (rival === y || stronger >= rivals || (cuts === "violated" && !violated)) continue;
      expected.push({ anchor: 0, point, rival });
    }
  }
  expect(await cutsAt(options)).toEqual(expected);
});
