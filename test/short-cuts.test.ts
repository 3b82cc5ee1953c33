// Cuts whose convolutions are kept in parts are the same rows: what they multiply to, by the rows written out.
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { algorithm1 } from "../src/correct/algorithm.ts";
import type { CutSet } from "../src/correct/oracle.ts";
import { createColumnProducts } from "../src/engine/column-products.ts";
import { loadNetwork, type Network } from "../src/engine/network.ts";
import { createOracle } from "../src/engine/oracle.ts";
import { shortConvolutions } from "../src/engine/slices.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { correct, openModel } from "../src/index.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { rowsFrom } from "../src/qp/rows.ts";
import { randomStream } from "../src/tensor/random.ts";
import { dot, norm, subtract } from "../src/tensor/vector.ts";
import { newFolder } from "./helpers/command.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";
import { noise } from "./helpers/small.ts";

const workers = openWorkers(0);
afterAll(() => workers.close());

/** One convolution of a drawn network, per spatial axis. */
interface Drawn {
  readonly group: number;
  readonly channels: number;
  readonly filters: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

const axes = (most: number, least = 1) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

const drawn: fc.Arbitrary<Drawn> = fc
  .record({
    group: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 3 }),
    filters: fc.integer({ min: 1, max: 3 }),
    kernel: axes(3),
    strides: axes(3),
    dilations: axes(2),
    pads: fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 2 }))),
  })
  .map((one) => ({ ...one, filters: one.filters * one.group }));

const weights = (random: ReturnType<typeof randomStream>, dims: readonly number[]) => {
  const size = dims.reduce((a, c) => a * c, 1);
  return tensor(
    dims,
    Array.from({ length: size }, () => random.normal() / 2),
  );
};

/** Image -> the drawn convolution -> Relu -> a second one -> means of channels -> 10 logits. */
function fileOf({ group, channels, filters, kernel, ...window }: Drawn): Uint8Array {
  const random = randomStream(8);
  return writeGraph(
    graph({
      inputs: { x: ["n", group * channels, 9, 8] },
      outputs: ["y"],
      initializers: {
        w: weights(random, [filters, channels, ...kernel]),
        b: weights(random, [filters]),
        v: weights(random, [4, filters, 1, 2]),
        fc: weights(random, [4, 10]),
      },
      nodes: [
        node("Conv", ["x", "w", "b"], ["h"], { group, kernel_shape: kernel, ...window }),
        node("Relu", ["h"], ["r"]),
        node("Conv", ["r", "v"], ["c"], { pads: [0, 1, 0, 1] }),
        node("GlobalAveragePool", ["c"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("MatMul", ["f", "fc"], ["y"]),
      ],
    }),
  );
}

const networkOf = (drawn: Drawn): Promise<Network> => loadNetwork(fileOf(drawn));

/** One whose both convolutions are shorter in parts. */
const coarse: Drawn = {
  ...{ group: 1, channels: 3, filters: 3, kernel: [3, 3] },
  ...{ strides: [8, 8], dilations: [1, 1], pads: [0, 0, 0, 0] },
};

async function withSets<R>(
  network: Network,
  use: (parts: CutSet, whole: CutSet) => Promise<R>,
): Promise<R> {
  const points = noise(3, 5, network.inputShape);
  const asked = { network, points, data: points, workers };
  const oracles = [new Set(["w", "v"]), undefined].map((convolved) =>
    createOracle({ ...asked, convolved }),
  );
  const moved = network.theta0.map((t, i) => t + 0.01 * Math.sin(i));
  const pair = (point: number, label: number) => [
    { point, label, weight: 1 },
    { point, label: points.labels[point], weight: -1 },
  ];
  const sets = oracles.map((oracle) => oracle.cutSet());
  try {
    for (const [i, set] of sets.entries()) {
      await set.addLogitSums(network.theta0, [pair(0, 1), pair(0, 2), pair(1, 3)]);
      await set.addRow(Float64Array.from(network.theta0, (_, j) => Math.cos(j)));
      await set.addLogitSums(moved, [pair(1, 4), pair(2, 3), pair(0, 5)]);
      await set.addRow(Float64Array.from(network.theta0, (_, j) => Math.sin(2 * j)));
      expect(set.remade !== undefined).toBe(i === 0);
    }
    return await use(sets[0], sets[1]);
  } finally {
    for (const oracle of oracles) await oracle.close();
  }
}

describe("products with columns", () => {
  it("of two gradients of a weight are those of the gradients written out", async () => {
    const products = createColumnProducts();
    const threaded = createColumnProducts(3);
    const random = randomStream(4);
    const normals = (n: number) => Float32Array.from({ length: n }, () => random.normal());
    await fc.assert(
      fc.asyncProperty(drawn, async ({ pads, ...one }) => {
        const input = [9, 8];
        const begin = pads.slice(0, 2);
        const output = input.map((n, i) => {
          const room = n + pads[i] + pads[i + 2] - one.dilations[i] * (one.kernel[i] - 1) - 1;
          return 1 + Math.floor(room / one.strides[i]);
        });
        fc.pre(output.every((n) => n >= 1));
        const convolution = { ...one, begin, input, output };
        const filters = one.filters / one.group;
        const size = filters * output[0] * output[1];
        const sites = [2, 2, 3].map((rows) => ({
          columns: { convolution, image: normals(one.channels * 72) },
          deltas: new Float64Array(normals(rows * size)),
        }));
        const [a, b, c] = sites;
        const g = Float64Array.of(...a.deltas, ...b.deltas);
        const [made, byThreads] = await Promise.all(
          [products, threaded].map(async (by) =>
            by.gradients(await by.ready([a.columns, b.columns], g), c.columns, c.deltas),
          ),
        );
        expect(byThreads).toEqual(made);
        const [first, second, other] = await Promise.all(
          sites.map(({ columns, deltas }) => products.gradient([columns], deltas)),
        );
        const own = Float64Array.of(...first, ...second);
        const width = first.length / 2;
        for (let r = 0; r < 4; r++) {
          for (let s = 0; s < 3; s++) {
            const [left, right] = [
              own.subarray(r * width, (r + 1) * width),
              other.subarray(s * width, (s + 1) * width),
            ];
            expect(Math.abs(made[3 * r + s] - dot(left, right))).toBeLessThanOrEqual(
              1e-12 * norm(left) * norm(right),
            );
          }
        }
      }),
      { numRuns: 40 },
    );
    await products.release();
    await threaded.release();
  });
});

describe("convolutions kept in parts", () => {
  it("multiply, add up and measure as the rows written out, whatever the windows", async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async (one) => {
        const fits = one.kernel.every((k, i) => one.dilations[i] * (k - 1) < 8 + one.pads[i]);
        fc.pre(fits);
        const network = await networkOf(one);
        await withSets(network, async (parts, whole) => {
          const all = rowsFrom(0, whole.count());
          const m = all.length;
          const exact = whole.gram(all, all);
          const made = parts.gram(all, all);
          for (let r = 0; r < m; r++) {
            for (let s = 0; s < m; s++) {
              const scale = Math.sqrt(exact[r * m + r] * exact[s * m + s]);
              expect(Math.abs(made[r * m + s] - exact[r * m + s])).toBeLessThanOrEqual(
                1e-6 * scale,
              );
              expect(made[r * m + s]).toBe(made[s * m + r]);
            }
          }
          const lambda = Float64Array.from(all, (r) => Math.sin(r + 1));
          const standIn = parts.combine(lambda);
          const sum = whole.combine(lambda);
          const size = norm(sum);
          const expanded = await parts.remade!.expand(standIn);
          expect(norm(subtract(expanded, sum))).toBeLessThan(1e-6 * size);
          expect(parts.distance!(standIn)).toBeCloseTo(size, 5);
          const other = Float64Array.of(1, 0, -1);
          const apart = subtract(sum, whole.combine(Float64Array.from(all, (r) => other[r] ?? 0)));
          expect(parts.distance!(standIn, other)).toBeCloseTo(norm(apart), 5);
          const v = Float64Array.from(network.theta0, (_, i) => Math.sin(3 * i));
          const along = await parts.remade!.product(v, all);
          const [ofSum, ofStandIn] = [whole.times(sum)(all), parts.times(standIn)(all)];
          for (const [r, value] of whole.times(v)(all).entries()) {
            const length = Math.sqrt(exact[r * m + r]);
            expect(Math.abs(along[r] - value)).toBeLessThanOrEqual(1e-6 * length * norm(v));
            expect(Math.abs(ofStandIn[r] - ofSum[r])).toBeLessThanOrEqual(2e-6 * length * size);
            // The parts agree with themselves much better: what the solver prices is what it solves.
            const own = Math.abs(dot(made.subarray(r * m, (r + 1) * m), lambda) - ofStandIn[r]);
            expect(own).toBeLessThanOrEqual(1e-13 * length * size);
          }
        });
      }),
      { numRuns: 12 },
    );
  });

  it("are forgotten one by one, like rows written out: the others multiply as before", async () => {
    const network = await networkOf(coarse);
    await withSets(network, async (parts, whole) => {
      const lambda = Float64Array.of(0, 0, 1, 2, 3, -1, 1, 1);
      for (const set of [parts, whole]) {
        const all = rowsFrom(0, set.count());
        const others = all.subarray(2);
        const before = [set.gram(others, others), set.times(set.combine(lambda))(others)];
        const bytes = set.bytes();
        set.drop!([0, 1]);
        expect(set.bytes()).toBeLessThan(bytes);
        expect([set.gram(others, others), set.times(set.combine(lambda))(others)]).toEqual(before);
        await set.addLogitSums(network.theta0, [
          [
            { point: 2, label: 1, weight: 1 },
            { point: 2, label: 7, weight: -1 },
          ],
        ]);
        expect(set.count()).toBe(all.length + 1);
      }
      const [made, exact] = [parts, whole].map((set) => set.gram(Int32Array.of(8), rowsFrom(2, 9)));
      for (const [s, value] of exact.entries()) expect(made[s]).toBeCloseTo(value, 5);
    });
  });

  it("lead Algorithm 1 where the rows written out lead it", async () => {
    const network = await networkOf({
      ...{ group: 1, channels: 3, filters: 3, kernel: [3, 3] },
      ...{ strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] },
    });
    const points = noise(3, 5, network.inputShape);
    const data = noise(20, 6, network.inputShape);
    const found = [];
    for (const convolved of [new Set(["w", "v"]), undefined]) {
      const oracle = createOracle({ network, points, data, workers, convolved });
      const asked = { iterations: 4, alphas: 2, margin: 0.1, weight: 0, tolerance: 1e-4 };
      found.push(await algorithm1(oracle, { ...asked, lossSlack: 1 }));
      await oracle.close();
    }
    const [parts, whole] = found.map(({ iterations }) => iterations);
    expect(parts.length).toBe(whole.length);
    for (const [k, { status, distance, anchor }] of parts.entries()) {
      expect(status).toBe(whole[k].status);
      expect(distance).toBeCloseTo(whole[k].distance!, 4);
      expect(anchor!.loss).toBeCloseTo(whole[k].anchor!.loss!, 4);
    }
  });

  it("are those whose parts have fewer numbers than the weight", async () => {
    const network = await networkOf(coarse);
    // Of w's 81 weights one pixel of 3 filters comes back, and 216 numbers enter; of v's 24 weights 8 and 3.
    expect(shortConvolutions(network, 9)).toEqual(new Set(["w", "v"]));
    expect(shortConvolutions(network, 2)).toEqual(new Set(["v"]));
  });
});

describe("a run whose cuts do not fit into its memory", () => {
  it("keeps them in parts, says so, and goes on as it began with whatever memory there is then", async () => {
    const model = await openModel(fileOf({ ...coarse, strides: [4, 4] }));
    const points = noise(2, 5, model.inputShape);
    const data = noise(20, 6, model.inputShape);
    const asked = {
      data,
      points,
      iterations: 5,
      alphas: 2,
      lossSlack: 3,
      margin: 4,
      threads: 0,
      anyway: true,
    };
    const whole = await correct(model, asked);
    expect(whole.record.options).not.toHaveProperty("remake");
    const parts = await correct(model, { ...asked, memory: 1 });
    expect(parts.record.options.remake).toBe(true);
    expect(parts.record.iterations.some(({ dropped = 0 }) => dropped > 0)).toBe(true);
    // Cuts that were given up may change the way, but not by much where it leads.
    expect(parts.after).toMatchObject({ corrected: 2, points: 2 });
    expect(Math.abs(parts.record.distance / whole.record.distance - 1)).toBeLessThan(0.02);

    const folder = join(newFolder(), "RUN");
    const stop = new AbortController();
    const stopped = correct(model, {
      ...{ ...asked, folder, memory: 1, signal: stop.signal },
      onIteration: ({ iteration }) => iteration === 4 && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    const resumed = await correct(model, { ...asked, folder, resume: true });
    expect(JSON.stringify(resumed.record)).toBe(JSON.stringify(parts.record));
    expect(resumed.bytes(resumed.choice)).toEqual(parts.bytes(parts.choice));
    const blocks = await correct(model, { ...asked, memory: 1, solver: "blocks" });
    expect(blocks.record.options).not.toHaveProperty("remake");
    await model.close();
  });
});
