// What a correction of each part of a network would need: counted, and multiplied by what this machine does a second.
//
// The counts are exact where the work is (operations, bytes of rows); what Node, onnxruntime and the processor's caches
// add was fitted to runs (docs/plan.md). Algorithm 1 is counted as it runs: K loss gradients, the losses of the points
// along K lines, most of which stop early, the cuts one by one, the subproblems, and two passes of the whole network.
import { partsToEnd } from "../autodiff/blocks.ts";
import { sampleSize } from "../correct/loss-sample.ts";
import { bytesOfMore, createFactoredRows } from "../engine/factored-rows.ts";
import { workOfPasses } from "../engine/flops.ts";
import type { Network } from "../engine/network.ts";
import { gradientWork, numbersOf, type Rates } from "../engine/rate.ts";
import {
  bytesOfRun,
  convolutionsInParts,
  movingOf,
  type RunSize,
  roomForCuts,
  rowsOf,
} from "../engine/room.ts";
import { workInParts } from "../engine/short-work.ts";
import { TemperError } from "../errors.ts";
import { layOut, thetaLength, thetaOf } from "../onnx/theta.ts";

/** What is corrected, and how. */
export interface Task extends RunSize {
  readonly alphas: number;
  /** Bytes that all processes may take together; default: most of what is free. */
  readonly memory?: number | undefined;
}

/** What a correction of a part needs. */
export interface Estimate {
  /** What --trainable takes for it; undefined for all weights. */
  readonly trainable: string | undefined;
  /** The tensors that move. */
  readonly names: ReadonlySet<string>;
  readonly weights: number;
  /** Bytes of memory, of all processes together, at the most. */
  readonly bytes: number;
  /** Seconds; undefined where nothing was measured. */
  readonly seconds: number | undefined;
}

/** A network whose theta is a part of its tensors, to be counted: nothing is run, and theta0 is left out. */
function counted(network: Network, names: ReadonlySet<string>): Network {
  const parameters = layOut(
    network.parameters
      .filter(({ name }) => names.has(name))
      .map(({ name, kind }) => ({ name, kind, tensor: network.graph.initializers.get(name)! })),
  );
  return { ...network, parameters, theta0: new Float32Array(0) };
}

/** The same, to be run. */
export function restricted(network: Network, names: ReadonlySet<string>): Network {
  const part = counted(network, names);
  return { ...part, theta0: thetaOf(network.graph, part.parameters) };
}

/** Every part of the network, from the last layer to all of it; what has no gradient is left out. */
export function estimates(network: Network, task: Task, rates?: Rates): Estimate[] {
  const sizes = new Map(network.parameters.map(({ name, size }) => [name, size]));
  return partsToEnd(network.graph, sizes).flatMap(({ pattern, names }) => {
    try {
      return [estimateOf(counted(network, names), task, { trainable: pattern, rates })];
    } catch (error) {
      if (error instanceof TemperError) return [];
      throw error;
    }
  });
}

/** What a correction of the network's own theta needs. */
export function estimateOf(
  network: Network,
  task: Task,
  {
    trainable,
    rates,
  }: { readonly trainable?: string | undefined; readonly rates?: Rates | undefined } = {},
): Estimate {
  return {
    trainable,
    names: new Set(network.parameters.map(({ name }) => name)),
    weights: thetaLength(network.parameters),
    bytes: bytesOfRun(network, task, task.memory),
    seconds: rates && secondsNeeded(network, task, rates),
  };
}

// A point on a line is left as soon as its loss is too high: measured, 23 to 59 % of the passes were needed.
const PART_OF_LINES = 0.5;

/** What is left of that where samples are asked first: 45 and 39 passes of 90, on ResNet8 with 10 and 20 points. */
const PART_OF_SCREENED = 0.45;

/** Seconds that an image takes beside its operations: its loss, and what is copied of it. */
const IMAGE = 1e-6;

// Rows whose product with d is asked for, for each row there is (two solves an iteration, about), and Gram entries.
const PRODUCTS = 1.8;
const ENTRIES = 0.7;

/** The solver's time for each of its products' own. */
const SOLVER = 2.5;

/** Operations of the forward pass in the time of one multiplication of cuts in parts: float64, of one process alone. */
const FORWARD_OF_PARTS = 4;

const FLOAT = 4;

/** Bytes of the state that are written of each anchor, a weight: theta_k and the gradient of the loss, float64. */
const STATE = FLOAT + 8;

/** Such bytes that are summed up and written while a product of rows takes one number. */
const WRITTEN = 0.25;

/** Seconds until all processes are there, and the page is written. */
const START = 1.5;

// Of linear bounds, the time of a gradient by that of the network's own, and of a pass by that of such a gradient:
// measured on CNNLight and CNN.
const BOUND_CUT = 13;
const BOUND_PASS = 0.1;

function secondsNeeded(network: Network, task: Task, rates: Rates): number {
  const weights = thetaLength(network.parameters);
  const moving = movingOf(network, task.bounded);
  const { images, points, iterations, alphas, processes, held, lossSample, bounded } = task;
  const lanes = Math.max(1, processes); // the rates are of one of them while all work
  const whole = workOfPasses(network).forward;
  const pass = (flops: number, rate: number): number => (flops / rate + IMAGE) / lanes;
  const forward = images * pass(workOfPasses(moving).forward, rates.forward);
  const gradient = images * pass(gradientWork(moving), rates.gradient);
  const full = (images + held) * pass(whole, rates.forward);
  const asked = lossSample === undefined ? 1 : PART_OF_SCREENED;
  const evaluated = 2 + asked * PART_OF_LINES * (alphas - 1) * iterations;
  const alone = rates.alone * gradientWork(moving) * (bounded ? BOUND_CUT : 1);
  const cuts = rowsOf(task) * alone;
  const bounds = bounded ? iterations * alphas * points * BOUND_PASS * alone : 0;
  // A new theta is a new session in each process: of the losses, and of the gradient and of the cuts.
  const sessions = (evaluated + 3 * iterations) * rates.open * numbersOf(moving);

  const all = (iterations * (iterations + 1)) / 2;
  const rowProducts = ((rowsOf(task) * (iterations + 1)) / 2) * (PRODUCTS + ENTRIES);
  const store = createFactoredRows(network);
  const width = bounded ? weights : bytesOfMore(store, { rows: 1, sites: 0 }) / FLOAT;
  // W a of every dense layer, for every image at every anchor.
  const layers = bounded ? [] : store.layers;
  const dense = layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
  const shared = PRODUCTS * points * all * dense;
  const inParts = bounded
    ? new Set<string>()
    : convolutionsInParts(network, task, roomForCuts(network, task, task.memory));
  const subproblems =
    inParts.size > 0
      ? workInParts(network, inParts, task) / (rates.forward / FORWARD_OF_PARTS)
      : (SOLVER * (rowProducts * width + shared)) / rates.products;
  const saving = (iterations * weights * STATE) / (WRITTEN * rates.products);
  return (
    START +
    passesOfGradients(task) * gradient +
    evaluated * forward +
    2 * full +
    cuts +
    bounds +
    sessions +
    subproblems +
    saving
  );
}

/** Gradients of the loss over D that a run takes, as a share of D where they are of samples. */
function passesOfGradients({ images, iterations, lossSample }: Task): number {
  if (lossSample === undefined) return iterations;
  const sampled = sampleSize(lossSample, { total: images, iterations });
  return Array.from({ length: iterations }, (_, k) => sampled(k) / images).reduce((a, b) => a + b);
}
