// Bounds must hold of float32 sums in any order: tried at corners of boxes, in exact arithmetic and in shuffled sums.
import { expect, test } from "vitest";
import { certifiedNetwork, packBoxes } from "../src/bounds/certified.ts";
import { differenceOf, openCrown } from "../src/bounds/crown.ts";
import { openSlopeSearch } from "../src/bounds/slopes.ts";
import { logitsOf } from "../src/engine/batches.ts";
import { loadNetwork } from "../src/engine/network.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { type Random, randomStream } from "../src/tensor/random.ts";
import { tensor } from "./helpers/graph-builder.ts";
import { isLong } from "./helpers/long.ts";
import { relu, type Sketch, sketch } from "./helpers/sketch.ts";

const WIDTHS = [4, 5, 5, 3] as const;
const LABELS = WIDTHS[3];

interface Layer {
  /** [to, from] */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  /** Whether each two neighbours of what it makes, one more than its width, give their maximum behind the Relu. */
  readonly pooled: boolean;
}

/** Weights and pixels are whole multiples of these: sums of their products are exact in whole numbers. */
const [WEIGHT_BITS, PIXEL_BITS] = [20, 22];

const rounded = (v: number, bits: number): number => Math.round(v * 2 ** bits) / 2 ** bits;

function drawLayers(random: Random, pools: boolean): Layer[] {
  const draw = (length: number): Float32Array =>
    Float32Array.from({ length }, () => rounded(random.normal() / 1.5, WEIGHT_BITS));
  return WIDTHS.slice(1).map((width, i) => {
    const pooled = pools && i === 1;
    const to = pooled ? width + 1 : width;
    return { weights: draw(to * WIDTHS[i]), bias: draw(to), pooled };
  });
}

/** The larger of each two neighbours. */
const pool = <T extends number | bigint>(values: readonly T[]): T[] =>
  values.slice(1).map((v, i) => (v > values[i] ? v : values[i]));

const networkOf = (layers: readonly Layer[]) => {
  const dense = (s: Sketch, x: string, { weights, bias }: Layer): string => {
    const dims = [bias.length, weights.length / bias.length];
    const w = s.constant(tensor(dims, weights));
    return s.op("Gemm", [x, w, s.constant(tensor([bias.length], bias))], { transB: 1 });
  };
  const graph = sketch({ shape: [WIDTHS[0]], opset: 18 }, (s, x) =>
    layers.reduce((h, layer, i) => {
      const y = dense(s, h, layer);
      if (i === layers.length - 1) return y;
      if (!layer.pooled) return relu(s, y);
      const row = s.op("Unsqueeze", [relu(s, y), s.ints(1)]);
      return s.op("Squeeze", [s.op("MaxPool", [row], { kernel_shape: [2] }), s.ints(1)]);
    }, x),
  );
  return loadNetwork(writeGraph(graph));
};

/** The logits as whole numbers, all of one scale. */
function exactLogits(layers: readonly Layer[], x: Float32Array): number[] {
  let values = Array.from(x, (v) => BigInt(v * 2 ** PIXEL_BITS));
  let bits = PIXEL_BITS;
  for (const [i, { weights, bias, pooled }] of layers.entries()) {
    const made = Array.from(bias, (b, o) => {
      const terms = values.map(
        (v, j) => v * BigInt(weights[o * values.length + j] * 2 ** WEIGHT_BITS),
      );
      const offset = BigInt(b * 2 ** WEIGHT_BITS) << BigInt(bits);
      const sum = terms.reduce((a, c) => a + c, offset);
      return i < layers.length - 1 && sum < 0n ? 0n : sum;
    });
    values = pooled ? pool(made) : made;
    bits += WEIGHT_BITS;
  }
  const [first, ...others] = values;
  // Differences first: rounding them to float64 keeps their order with every float32.
  return [0, ...others.map((v) => Number(v - first) / 2 ** bits)];
}

/** The logits in float32, every sum in an order of its own. */
function shuffledLogits(layers: readonly Layer[], x: Float32Array, random: Random): number[] {
  let values: readonly number[] = [...x];
  for (const [i, { weights, bias, pooled }] of layers.entries()) {
    const before = values;
    const made = Array.from(bias, (b, o) => {
      const terms = before.map((v, j) => Math.fround(v * weights[o * before.length + j]));
      const all = [b, ...terms];
      const order = random.permutation(all.length);
      const sum = order.reduce((a, k) => Math.fround(a + all[k]), 0);
      return i < layers.length - 1 ? Math.max(0, sum) : sum;
    });
    values = pooled ? pool(made) : made;
  }
  return values.map((v) => v - values[0]);
}

/** Upper bounds of f_l - f_0 over a box, by every method. */
async function everyBound(layers: readonly Layer[], lower: Float32Array, upper: Float32Array) {
  const network = await networkOf(layers);
  const rows = packBoxes({ lower, upper, labels: Int32Array.of(0) }, LABELS);
  const packed = async (method: "ibp" | "crown-ibp"): Promise<Float32Array> =>
    logitsOf(await certifiedNetwork(network, { method, widen: true }), rows, 1);
  const crown = openCrown(network);
  const box = { lower, upper };
  const ends = await crown.refine(box);
  const closest = await crown.differences(box, ends, 0, [1, 2]);
  await crown.release();
  const search = await openSlopeSearch(network, crown.stages);
  const better = await search.optimise([1, 2].map((l) => ({ box, ends, row: differenceOf(0, l) })));
  await search.release();
  for (const [r, bound] of better.entries()) {
    expect(bound).toBeLessThanOrEqual(closest[r] + 1e-5 * (1 + Math.abs(closest[r])));
  }
  const linear = [closest, better].map((own) => Float32Array.of(0, ...own));
  return [await packed("ibp"), await packed("crown-ibp"), ...linear];
}

const EPS = [0, 1e-6, 0.01, 0.2];
/** Networks of each radius and points of each network; `npm run test:long` tries a hundred thousand points in all. */
const [NETWORKS, POINTS] = isLong ? [10, 2500] : [1, 500];

const trials = [false, true].flatMap((pools) => EPS.map((eps) => ({ eps, pools })));

test.each(trials)(
  "no point of a box of radius $eps breaks a bound, pools: $pools",
  async ({ eps, pools }) => {
    let closest = Number.POSITIVE_INFINITY;
    for (let k = 0; k < NETWORKS; k++) {
      const random = randomStream(7, k, eps * 1e6);
      const layers = drawLayers(random, pools);
      const x = Float32Array.from({ length: WIDTHS[0] }, () =>
        rounded(random.uniform(), PIXEL_BITS),
      );
      const lower = x.map((v) => rounded(v - eps, PIXEL_BITS));
      const upper = x.map((v) => rounded(v + eps, PIXEL_BITS));
      const bounds = await everyBound(layers, lower, upper);
      const least = [1, 2].map((l) => Math.min(...bounds.map((bound) => bound[l])));
      for (let i = 0; i < POINTS; i++) {
        // Corners, points on faces, points inside.
        const share = i % 4;
        const point = x.map((_, p) => {
          const t = random.below(4) >= share ? random.below(2) : random.uniform();
          return rounded(lower[p] + t * (upper[p] - lower[p]), PIXEL_BITS);
        });
        for (const f of [exactLogits(layers, point), shuffledLogits(layers, point, random)]) {
          for (const [r, bound] of least.entries()) closest = Math.min(closest, bound - f[r + 1]);
        }
      }
    }
    expect(closest).toBeGreaterThanOrEqual(0);
    // A box of one point leaves no room but for rounding: bounds that are never near would show nothing.
    if (eps === 0) expect(closest).toBeLessThan(1e-4);
  },
);
