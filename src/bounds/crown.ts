// CROWN: every activation's bounds made linear in their turn, image by image, then those of the differences of logits.
import type { Network } from "../engine/network.ts";
import { type FloatArray, Session } from "../engine/session.ts";
import type { Graph } from "../onnx/graph.ts";
import { withTheta } from "../onnx/theta.ts";
import type { Ends } from "./box.ts";
import {
  endsGraph,
  endsOf,
  LOWER,
  ROWS,
  rowsGraph,
  type Stage,
  sizeOf,
  stagesOf,
  UPPER,
} from "./stages.ts";

/** A weighted sum of logits: labels and their weights, which are float32. */
export type WeightedLabels = readonly (readonly [label: number, weight: number])[];

/** f_l - f_y. */
export const differenceOf = (y: number, l: number): WeightedLabels => [
  [l, 1],
  [y, -1],
];

export interface Crown {
  /** The ends of what each activation is given, a stage each, in the box of one image. */
  refine(box: Ends): Promise<readonly Ends[]>;
  /** Upper bounds of f_l - f_y for the rivals l. */
  differences(
    box: Ends,
    ends: readonly Ends[],
    y: number,
    rivals: readonly number[],
  ): Promise<Float32Array>;
  /** Upper bounds of weighted sums of logits. */
  sums(box: Ends, ends: readonly Ends[], rows: readonly WeightedLabels[]): Promise<Float32Array>;
  readonly stages: readonly Stage[];
  release(): Promise<void>;
}

/** Numbers in the largest value of a run: what lies in the processor's caches. */
const LARGEST = 2 ** 19;

/** @throws TemperError `model-unsupported` naming the operators that have no bound */
export function openCrown(network: Network): Crown {
  const { graph, shapes, inputShape, labels, parameters, theta0 } = network;
  const stages = stagesOf(network);
  const sessions = new Map<string, Promise<Session>>();
  const sessionOf = (name: string, make: () => Graph): Promise<Session> => {
    const { device } = network.options;
    const session =
      sessions.get(name) ?? Session.create(withTheta(make(), parameters, theta0), { device });
    sessions.set(name, session);
    return session;
  };
  const feedsOf = (box: Ends, ends: readonly Ends[]): Record<string, FloatArray> => {
    const pair = (
      [low, high]: readonly [string, string],
      dims: readonly number[],
      { lower, upper }: Ends,
    ): [string, FloatArray][] => [
      [low, { dims: [1, ...dims], data: lower }],
      [high, { dims: [1, ...dims], data: upper }],
    ];
    return Object.fromEntries([
      ...pair([LOWER, UPPER], inputShape, box),
      ...ends.flatMap((own, k) => pair(endsOf(stages[k].value), stages[k].dims, own)),
    ]);
  };
  const largest = Math.max(...stages.map(sizeOf), ...inputShape);
  const chunk = Math.max(8, Math.floor(LARGEST / largest));

  /** Upper bounds of rows of a value, each a list of entries and their weights. */
  const bounded = async (
    target: { readonly value: string; readonly dims: readonly number[]; readonly k: number },
    box: Ends,
    ends: readonly Ends[],
    rows: readonly (readonly (readonly [entry: number, weight: number])[])[],
  ): Promise<Float32Array> => {
    const { value, dims, k } = target;
    const before = stages.slice(0, k);
    const session = await sessionOf(`rows ${k}`, () => rowsGraph({ graph, shapes, value, before }));
    const size = dims.reduce((a, c) => a * c, 1);
    const feeds = feedsOf(box, ends.slice(0, k));
    const all = new Float32Array(rows.length);
    for (let from = 0; from < rows.length; from += chunk) {
      const some = rows.slice(from, from + chunk);
      const data = new Float32Array(some.length * size);
      for (const [r, row] of some.entries()) {
        for (const [entry, weight] of row) data[r * size + entry] += weight;
      }
      const rowsFeed = { dims: [some.length, ...dims], data };
      const [bound] = (await session.run({ ...feeds, [ROWS]: rowsFeed })).values();
      all.set(bound.data, from);
    }
    return all;
  };

  const refineStage = async (k: number, box: Ends, ends: readonly Ends[]): Promise<Ends> => {
    const stage = stages[k];
    const { value, dims, deep, kinked } = stage;
    const before = stages.slice(0, k);
    const session = await sessionOf(`ends ${k}`, () => endsGraph({ graph, shapes, value, before }));
    const [low, high] = (await session.run(feedsOf(box, ends))).values();
    const [lower, upper] = [low.data.slice(), high.data.slice()];
    if (!deep) return { lower, upper };
    const open = Int32Array.from(lower.keys()).filter((i) =>
      kinked ? lower[i] < 0 && upper[i] > 0 : lower[i] < upper[i],
    );
    const signs = [1, -1];
    const rows = signs.flatMap((sign) => Array.from(open, (i) => [[i, sign] as const]));
    const found = await bounded({ value, dims, k }, box, ends, rows);
    for (const [r, i] of open.entries()) {
      upper[i] = Math.min(upper[i], found[r]);
      lower[i] = Math.max(lower[i], -found[open.length + r]);
    }
    return { lower, upper };
  };

  return {
    stages,
    refine: async (box) => {
      const ends: Ends[] = [];
      for (const k of stages.keys()) ends.push(await refineStage(k, box, ends));
      return ends;
    },
    differences: (box, ends, y, rivals) =>
      bounded(
        { value: graph.outputs[0].name, dims: [labels], k: stages.length },
        box,
        ends,
        rivals.map((l) => differenceOf(y, l)),
      ),
    sums: (box, ends, rows) =>
      bounded({ value: graph.outputs[0].name, dims: [labels], k: stages.length }, box, ends, rows),
    release: async () => {
      for (const session of await Promise.allSettled(sessions.values())) {
        if (session.status === "fulfilled") await session.value.release();
      }
      sessions.clear();
    },
  };
}
