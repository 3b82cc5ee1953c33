// What is needed no more is let go of: a large network's cuts and gradients are most of what a run holds.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { algorithm1 } from "../src/correct/algorithm.ts";
import { cutMeter } from "../src/run/cut-meter.ts";
import { createStopwatch } from "../src/run/stopwatch.ts";
import { randomStream } from "../src/tensor/random.ts";
import { analyticOracle } from "./helpers/analytic-oracle.ts";
import { tanhNetwork } from "./helpers/tanh-network.ts";

it("Algorithm 1 lets go of its cuts and of the gradients before the losses of the lines are found", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const meter = cutMeter(createStopwatch());
  const oracle = analyticOracle(tanhNetwork(randomStream(1)));
  const made: WeakRef<object>[] = [];
  const noted = <T extends object>(of: T): T => {
    made.push(new WeakRef(of));
    return of;
  };
  const left: number[] = [];
  await algorithm1(
    {
      ...oracle,
      cutSet: () => meter.metered(noted(oracle.cutSet())),
      lossGradient: async (theta) => {
        const found = await oracle.lossGradient(theta);
        noted(found.gradient);
        return found;
      },
      boundedLoss: async (theta, limit) => {
        // What is looked at stays until the turn ends, and a frame of the last one may still point to it.
        let alive = made.length;
        for (let turn = 0; alive > 0 && turn < 5; turn++) {
          await new Promise(setImmediate);
          collect();
          alive = made.filter((ref) => ref.deref() !== undefined).length;
        }
        left.push(alive);
        return oracle.boundedLoss(theta, limit);
      },
    },
    { iterations: 4, alphas: 10, margin: 0, weight: 0, tolerance: 1e-4 },
  );
  expect(made.length).toBeGreaterThan(4);
  expect(left.length).toBeGreaterThan(4);
  expect(Math.max(...left)).toBe(0);
});
