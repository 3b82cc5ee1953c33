// Mean gradients: the mean of all images, and in the tree the same bits whoever makes its sums.
import { afterEach, describe, expect, it } from "vitest";
import { type GradientShard, meanGradient } from "../src/engine/gradient-sums.ts";
import { shardsOf } from "../src/engine/shards.ts";
import { shareNetwork } from "../src/engine/tasks.ts";
import { openWorkers, type Workers } from "../src/engine/workers.ts";
import { noise, smallNetwork } from "./helpers/small.ts";

const n = 18;
const p = (await smallNetwork()).theta0.length;

/** As many workers as there are said to be, which decides who makes the sums of the tree. */
async function workersOf(size: number): Promise<Workers> {
  const network = await smallNetwork();
  const workers = openWorkers(0);
  shareNetwork(workers, network);
  workers.share("theta", network.theta0);
  workers.shareImages("data", noise(n));
  open.push(workers);
  return { ...workers, size };
}
const open: Workers[] = [];
afterEach(() => Promise.all(open.splice(0).map((workers) => workers.close())));

const slices: GradientShard[] = shardsOf(n, 1).map((one) => ({ ...one, loss: "cross-entropy" }));
const chosen: GradientShard[] = shardsOf(n, 1).map(({ from }) => ({
  ids: Int32Array.of(from),
  loss: "cross-entropy",
}));

describe.each([
  ["slices", slices],
  ["chosen images", chosen],
])("the mean gradient over %s", (_, shards) => {
  it("is a sum of sums of 16 where gradients are large, to the bit whoever makes them", async () => {
    const told: number[][] = [];
    const gradients = [];
    for (const size of [1, 1000]) {
      const losses: number[] = [];
      const workers = await workersOf(size);
      const call = { n, p, large: 0, losses: (some: Float64Array) => losses.push(...some) };
      gradients.push(await meanGradient(workers, shards, call));
      told.push(losses);
    }
    expect(gradients[1]).toEqual(gradients[0]);
    expect(told[1]).toEqual(told[0]);
    expect(told[0]).toHaveLength(shards === chosen ? n : 0);

    // By the definition: shards one by one, 16 of them a sum, and these in their order.
    const workers = await workersOf(1);
    const one = { n: 1, p };
    const parts = [];
    for (const shard of shards) parts.push(await meanGradient(workers, [shard], one));
    const mean = new Float64Array(p);
    for (let from = 0; from < parts.length; from += 16) {
      const sum = new Float64Array(p);
      for (const { gradient } of parts.slice(from, from + 16)) {
        for (const [i, g] of gradient.entries()) sum[i] += g;
      }
      for (const [i, g] of sum.entries()) mean[i] += g * (1 / n);
    }
    expect(gradients[0].gradient).toEqual(mean);
  });

  it("is added shard by shard where they are small", async () => {
    const workers = await workersOf(1);
    const tree = await meanGradient(workers, shards, { n, p, large: 0 });
    const plain = await meanGradient(workers, shards, { n, p });
    expect(plain.gradient).not.toEqual(tree.gradient);
    for (const [i, g] of plain.gradient.entries()) expect(g).toBeCloseTo(tree.gradient[i], 12);
  });
});
