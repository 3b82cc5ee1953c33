// A page's document made by hand: a planted pool of any size, points and flips drawn by a seed.
import type { Candidate } from "../../src/correct/candidates.ts";
import { choose } from "../../src/correct/choice.ts";
import { efficientFront } from "../../src/correct/dominance.ts";
import type { PicturesDocument, ReportDocument, RunDocument } from "../../src/report/document.ts";
import { picturesOf } from "../../src/report/pictures.ts";
import { repeatCall } from "../../src/report/repeat.ts";
import { pointOptions } from "../../src/run/points/options.ts";
import { FORMAT } from "../../src/run/record.ts";
import { randomStream } from "../../src/tensor/random.ts";

export interface Planted {
  readonly name?: string;
  readonly iterations?: number;
  readonly alphas?: number;
  readonly points?: number;
  readonly classes?: readonly string[];
  readonly seed?: number;
  /** Of a point: channels, rows, columns. */
  readonly shape?: readonly number[];
  /** Images of DATA with pictures that were right and are now wrong. */
  readonly flips?: number;
}

/** Candidates on lines: violation falls and loss rises along each, with noise; some losses are bounds. */
export function plantedPool({ iterations = 5, alphas = 10, seed = 1 }: Planted): Candidate[] {
  const random = randomStream(seed);
  const trials = Array.from({ length: iterations * alphas }, (_, i) => {
    const [k, j] = [Math.floor(i / alphas) + 1, (i % alphas) + 1];
    const alpha = j / alphas;
    const loss = 0.05 + 0.1 * alpha ** 2 * (1 + random.uniform() / k);
    const candidate = {
      iteration: k,
      step: j,
      alpha,
      violation: 100 * (1 - alpha) ** 2 * (1 + 0.2 * random.uniform()) + 2 * random.uniform(),
      corrected: Math.floor(10 * alpha * random.uniform()),
      loss: i % 7 === 3 ? null : loss,
      ...(i % 7 === 3 && { lossAtLeast: loss }),
      distance: alpha * (1 + 0.1 * k),
    };
    return candidate;
  });
  const theta0 = {
    iteration: 0,
    step: 0,
    alpha: 0,
    violation: 100,
    corrected: 0,
    loss: 0.05,
    distance: 0,
  };
  const pool = [theta0, ...trials];
  const front = efficientFront(pool);
  return pool.map((one, i) => ({ ...one, front: front[i] }));
}

const SHAPE = [3, 8, 8];
const LABELS = 4;

/** A finished run of the recipe standard. */
export function plantedRun(planted: Planted = {}): RunDocument {
  const { name = "RUN", points = 6, classes, seed = 1, iterations = 5 } = planted;
  const { shape = SHAPE, flips = 1 } = planted;
  const random = randomStream(seed + 1);
  const pool = plantedPool(planted);
  const options = pointOptions(
    { recipe: "standard", iterations },
    { flops: 0, points, labels: LABELS },
  );
  const choice = choose(pool, options);
  const labels = classes ?? ["0", "1", "2", "3"];
  const y = Array.from({ length: points }, (_, i) => i % LABELS);
  const clean = (count: number) => ({
    count,
    before: 0.98,
    after: 0.97,
    negativeFlips: 3,
    labels: y.slice(0, LABELS).map((label) => ({
      ...{ label, count: count / LABELS, before: 0.98, after: 0.96 + label / 100 },
      negativeFlips: label,
    })),
  });
  const hash = "0".repeat(64);
  const inputs = {
    model: { sha256: hash, parameters: 1000 },
    data: { sha256: hash, count: 400, ...(classes && { classes }) },
    points: { sha256: hash, count: points },
  };
  const logits = (): number[][] => y.map(() => labels.map(() => 4 * random.uniform() - 2));
  const { violation, loss } = pool[choice] as { violation: number; loss: number };
  const timings = {
    ...{ stages: { cuts: 1, qp: 2, candidates: 3 }, iterations: [], seconds: 7 },
    ...{ machine: "a machine", processes: 2, date: "2026-01-01T00:00:00.000Z" },
    paths: { model: "model.onnx", data: "train.npz" },
  } as unknown as NonNullable<RunDocument["timings"]>;
  return {
    name,
    record: {
      format: FORMAT,
      versions: { temper: "0", onnxruntime: "0" },
      options,
      network: {},
      inputs,
      files: [],
      end: "iterations",
      contradictions: [],
      iterations: Array.from({ length: iterations }, (_, k) => ({
        ...{
          iteration: k + 1,
          rows: 30 * (k + 1),
          status: "solved" as const,
          steps: 9,
          active: 4 + k,
        },
        residuals: { primal: 0, dual: 0, complementarity: 0 },
        distance: 1 + 0.1 * k,
        anchor: { violation: 10 / (k + 1), corrected: k, loss: 0.1 },
      })),
      pool,
      choice,
      before: { violation: 100, loss: 0.05, corrected: 0, points },
      after: { violation, loss, corrected: points - 1, points },
      distance: 1,
      notes: [],
      clean: { ...clean(400), validation: clean(200) },
      wrong: [points - 1],
      asked: null,
      hashes: {},
    },
    timings,
    changed: [["iterations", String(iterations), "20"]],
    repeat: repeatCall({ name, record: { inputs, options }, timings }),
    labels,
    layers: [
      { name: "conv.weight", shape: [4, 3, 3, 3] },
      { name: "fc.weight", shape: [4, 16] },
    ],
    steps: Array.from({ length: iterations }, (_, k) => ({
      ...{ iteration: k + 1, norms: [0.5, 1 + 0.1 * k], moved: 700, weights: 1000 },
      changes: { from: -4, counts: [10, 100, 300, 200, 90] },
    })),
    points: {
      ...{ count: points, shape, y, source: y.map((_, i) => 7 * i) },
      pictures: noise(points, shape, seed),
      shown: y.map(() => labels.map((_, label) => label)),
      answers: [0, choice].map((candidate) => ({ candidate, logits: logits() })),
    },
    clean: {
      data: {
        confusion: [
          [0, 1, 2, 5],
          [2, 3, 4, 1],
        ],
        flipped: Array.from({ length: flips }, (_, i) => [i + 3, 0, 1] as const),
        pictures: noise(flips, shape, seed + 2),
      },
    },
  };
}

/** Pictures of noise, each a little changed. */
function noise(count: number, shape: readonly number[], seed: number): PicturesDocument {
  const random = randomStream(seed);
  const size = count * shape.reduce((a, b) => a * b);
  const clean = Float32Array.from({ length: size }, () => random.uniform());
  const pixels = clean.map((v) => v + 0.1 * (random.uniform() - 0.5));
  const images = Array.from({ length: count }, (_, i) => i);
  return picturesOf({ shape, pixels, clean }, { images, budget: 1.4e6 })!;
}

export const plantedReport = (...runs: readonly Planted[]): ReportDocument => ({
  temper: "0",
  runs: runs.map(plantedRun),
});
