// The engine: the same sums for any number of processes, gradients that add up, files that keep their bytes.
import { afterAll, describe, expect, it } from "vitest";
import { imagesOf } from "../src/data/dataset.ts";
import { batchOf } from "../src/engine/batches.ts";
import { keepsFloats } from "../src/engine/kept.ts";
import { openModel } from "../src/engine/model.ts";
import { loadNetwork, networkBytes } from "../src/engine/network.ts";
import { createOracle, type EngineOracle } from "../src/engine/oracle.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { addScaled, dot, norm, subtract } from "../src/tensor/vector.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";
import { itLong } from "./helpers/long.ts";
import { noise, smallNetwork } from "./helpers/small.ts";

const network = await smallNetwork();
const points = noise(4, 2);
const data = noise(2300, 3);

async function withOracle<R>(
  threads: number,
  use: (oracle: EngineOracle) => Promise<R>,
): Promise<R> {
  const workers = openWorkers(threads);
  const oracle = createOracle({ network, points, data, workers });
  try {
    return await use(oracle);
  } finally {
    await oracle.close();
    await workers.close();
  }
}

describe("loss and gradient over shards", () => {
  itLong("are the same to the bit in this process and in 1, 2 and 3 others", async () => {
    const results = [];
    for (const threads of [0, 1, 2, 3]) {
      results.push(
        await withOracle(threads, async (oracle) => ({
          alone: await oracle.loss(oracle.theta0),
          ...(await oracle.lossGradient(oracle.theta0)),
        })),
      );
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  it("are the mean over the images of the model's own", async () => {
    const model = await openModel(networkBytes(network, network.theta0));
    const whole = await model.lossGradient(imagesOf(data), data.labels);
    const sharded = await withOracle(0, (oracle) => oracle.lossGradient(oracle.theta0));
    expect(sharded.loss).toBeCloseTo(whole.loss, 12);
    expect(norm(subtract(sharded.gradient, whole.gradient))).toBeLessThan(
      1e-6 * norm(whole.gradient),
    );
    expect(sharded.loss).toBeCloseTo(await model.loss(imagesOf(data), data.labels), 7);
    await model.close();
  });
});

it("images have the same losses whether they are kept as floats or read again", async () => {
  for (const [hidden, kept] of [
    [8, true],
    [6000, false],
  ] as const) {
    const values = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(i));
    const file = writeGraph(
      graph({
        inputs: { x: ["batch", 4] },
        initializers: {
          v: tensor([4, hidden], values(4 * hidden)),
          w: tensor([hidden, 3], values(3 * hidden)),
        },
        nodes: [
          node("MatMul", ["x", "v"], ["h"]),
          node("Relu", ["h"], ["r"]),
          node("MatMul", ["r", "w"], ["logits"]),
        ],
        outputs: { logits: ["batch", 3] },
      }),
    );
    const wide = await loadNetwork(file);
    const pixels = Uint8Array.from({ length: 4 * 700 }, (_, i) => (i * i) % 251);
    const labels = Int32Array.from({ length: 700 }, (_, i) => i % 3);
    const images = { name: "drawn", shape: [4], count: 700, labels, pixels };
    expect(keepsFloats(wide, images.count)).toBe(kept);
    const workers = openWorkers(0);
    const oracle = createOracle({ network: wide, points: images, data: images, workers });
    const model = await openModel(file);
    const whole = await model.lossGradient(imagesOf(images), labels);
    expect((await oracle.lossGradient(oracle.theta0)).loss).toBeCloseTo(whole.loss, 9);
    const bounded = (await oracle.boundedLoss(oracle.theta0, Infinity)) as {
      readonly loss: number;
    };
    expect(bounded.loss).toBeCloseTo(whole.loss, 9);
    await model.close();
    await oracle.close();
    await workers.close();
  }
});

it("a batch is as large as its largest tensor allows, whatever the weights' sizes", () => {
  const batchWith = (values: number): number =>
    batchOf({
      ...network,
      shapes: new Map([
        ["w", [2 ** 30]],
        ["x", [-1, 4]],
        ["h", [-4, values / 4]],
      ]),
    });
  expect([2 ** 4, 2 ** 13, 2 ** 14, 2 ** 22].map(batchWith)).toEqual([125, 64, 32, 8]);
});

describe("the cut set", () => {
  // Two anchors, rows of one rival and of two, and a given row among them.
  const oracle = withOracleOpen();
  const p = network.theta0.length;
  const anchor = network.theta0.map((v, i) => v + 0.01 * Math.sin(i));
  const rival = (point: number, shift: number) => [
    { point, label: (points.labels[point] + shift) % network.labels, weight: 1 },
    { point, label: points.labels[point], weight: -1 },
  ];
  const sums = [rival(0, 1), rival(0, 2), rival(1, 3), [...rival(2, 4), ...rival(2, 5)]];
  const given = Float64Array.from({ length: p }, (_, i) => Math.cos(i));

  function withOracleOpen(): EngineOracle {
    const workers = openWorkers(0);
    afterAll(() => workers.close());
    return createOracle({ network, points, data, workers });
  }

  const built = (async () => {
    const set = oracle.cutSet();
    const first = await set.addLogitSums(oracle.theta0, sums);
    await set.addRow(given);
    return { set, values: [...first, ...(await set.addLogitSums(anchor, sums))] };
  })();

  /** Row r as the p-vector it stands for. */
  async function plainRow(r: number): Promise<Float64Array> {
    const { set } = await built;
    const unit = new Float64Array(set.count());
    unit[r] = 1;
    return set.combine(unit);
  }

  it("holds the gradients of the sums of logits, and returns their values", async () => {
    const { values } = await built;
    for (const [a, theta] of [oracle.theta0, anchor].entries()) {
      const model = await openModel(networkBytes(network, theta));
      const logits = await oracle.logits(theta);
      for (const [s, sum] of sums.entries()) {
        const weights = new Float32Array(points.count * network.labels);
        let value = 0;
        for (const { point, label, weight } of sum) {
          weights[point * network.labels + label] += weight;
          value += weight * logits[point * network.labels + label];
        }
        const expected = await model.logitGradient(imagesOf(points), weights);
        const row = await plainRow(a * (sums.length + 1) + s);
        expect(norm(subtract(row, expected))).toBeLessThan(2e-6 * norm(expected));
        expect(values[a * sums.length + s]).toBeCloseTo(value, 5);
      }
      await model.close();
    }
    expect(await plainRow(sums.length)).toEqual(given);
  });

  it("multiplies as its plain rows do, symmetric to the bit, the same alone as in a block", async () => {
    const { set } = await built;
    const all = Int32Array.from({ length: set.count() }, (_, i) => i);
    const rows = await Promise.all([...all].map(plainRow));
    const gram = set.gram(all, all);
    const v = Float64Array.from({ length: p }, (_, i) => Math.sin(3 * i));
    const product = set.times(v)(all);
    const lambda = Float64Array.from(all, (i) => i - 3);
    const combined = new Float64Array(p);
    for (const [r, row] of rows.entries()) addScaled(combined, lambda[r], row);
    expect(norm(subtract(set.combine(lambda), combined))).toBeLessThan(1e-12 * norm(combined));
    for (const r of all) {
      const scale = norm(rows[r]);
      expect(Math.abs(product[r] - dot(rows[r], v))).toBeLessThan(1e-11 * scale * norm(v));
      expect(set.times(v)(Int32Array.of(r))[0]).toBe(product[r]);
      for (const s of all) {
        const entry = gram[r * set.count() + s];
        expect(entry).toBe(gram[s * set.count() + r]);
        expect(set.gram(Int32Array.of(r), Int32Array.of(s))[0]).toBe(entry);
        expect(Math.abs(entry - dot(rows[r], rows[s]))).toBeLessThan(1e-11 * scale * norm(rows[s]));
      }
    }
  });

  it("stops between two rows on request", async () => {
    const workers = openWorkers(0);
    const controller = new AbortController();
    const oracle = createOracle({ network, points, data, workers, signal: controller.signal });
    const set = oracle.cutSet();
    const rows = set.addLogitSums(oracle.theta0, sums);
    controller.abort();
    await expect(rows).rejects.toMatchObject({ code: "aborted" });
    await oracle.close();
    await workers.close();
  });

  it("stores dense layers as factors: far fewer bytes than plain rows", async () => {
    const { set } = await built;
    const plainBytes = set.count() * p * 8;
    const wholeRows = p * 8;
    expect(set.bytes() - wholeRows).toBeLessThan(0.1 * (plainBytes - wholeRows));
  });

  it("refuses a sum over several images, whose gradients leave no factors", async () => {
    const sum = [...rival(2, 4), ...rival(3, 5)];
    await expect(oracle.cutSet().addLogitSums(oracle.theta0, [sum])).rejects.toThrow("one image");
  });
});

describe("what (18) adds to a cut", () => {
  it("is the l1 norm of the weights' difference where the logits are linear in x", async () => {
    const w = Array.from({ length: 784 * 10 }, (_, i) => Math.sin(i));
    const file = writeGraph(
      graph({
        inputs: { x: ["batch", 1, 28, 28] },
        initializers: { w: tensor([784, 10], w) },
        nodes: [node("Flatten", ["x"], ["flat"]), node("Gemm", ["flat", "w"], ["f"])],
        outputs: { f: ["batch", 10] },
      }),
    );
    const linear = await loadNetwork(file, { mean: [0.5], std: [0.25] });
    const workers = openWorkers(0);
    const oracle = createOracle({ network: linear, points, data, workers });
    const pair = (point: number, a: number, b: number) => [
      { point, label: a, weight: 1 },
      { point, label: b, weight: -1 },
    ];
    const norms = await oracle.inputNorms(oracle.theta0, [
      pair(0, 1, 2),
      [...pair(1, 3, 4), ...pair(2, 5, 6)],
    ]);
    // In pixel units: the normalisation divides by std.
    const l1 = (a: number, b: number): number =>
      Array.from({ length: 784 }, (_, i) => Math.abs(w[10 * i + a] - w[10 * i + b]) / 0.25).reduce(
        (x, y) => x + y,
      );
    expect(norms[0]).toBeCloseTo(l1(1, 2), 2);
    expect(norms[1]).toBeCloseTo(l1(3, 4) + l1(5, 6), 2);
    await oracle.close();
    await workers.close();
  });
});
