// The shards of the moving centre: gradients of sums of logits over given images, and of the loss on a sample of D.
import { gather, type ImageSource } from "../data/dataset.ts";
import { dot } from "../tensor/vector.ts";
import { logitsOfAll, thetaGradientOfAll, thetaRowOfAll } from "./batches.ts";
import { type GivenImages, imagesIn } from "./given-images.ts";
import { oneHot } from "./logits.ts";
import { logitSum } from "./loss.ts";
import { type LossName, lossOf } from "./losses.ts";
import { SCRATCH, writeAt } from "./scratch.ts";
import type { TaskState } from "./task.ts";
import { type LossGradient, movingPrograms, passingPrograms, sharedPrograms } from "./tasks.ts";

export const module: string = import.meta.url;

/** Which network a task asks, at the shared theta. */
export interface AskedNetwork {
  /** The key that it is shared under; default the one that is corrected. */
  readonly of?: string | undefined;
  /** How long theta stays: for a few passes, or a few images. Default so long that sessions of it pay. */
  readonly stays?: "passes" | "images" | undefined;
}

const programsWhere = { passes: passingPrograms, images: movingPrograms } as const;

const askedPrograms = (
  state: TaskState,
  { of, stays }: AskedNetwork,
): ReturnType<typeof sharedPrograms> =>
  (stays === undefined ? sharedPrograms : programsWhere[stays])(state, of);

/** The key of what the columns of rows are scaled by. */
export const SCALE = "scale";

/** Some sums of logits: the s-th takes the next counts[s] images of x, with as many rows of the covector. */
export interface SumShard extends AskedNetwork {
  readonly x: GivenImages;
  readonly covector: Float32Array;
  readonly counts: readonly number[];
  /** Whether the rows' columns are scaled by what is shared as {@link SCALE}, float32 [p]. */
  readonly scaled?: boolean | undefined;
  /** Where the first row goes in the scratch file, counted in rows; absent where there is no such file. */
  readonly at?: number | undefined;
}

/** The value of a sum and its gradient in theta [p], unless that lies in the scratch file. */
export interface SumRow {
  readonly value: number;
  readonly gradient?: Float32Array;
}

/** The value and the gradient in theta of each sum, at the shared theta. */
export async function sumShard(
  state: TaskState,
  { x: given, covector, counts, scaled = false, at: place, ...asked }: SumShard,
): Promise<SumRow[]> {
  const { network, programs } = await askedPrograms(state, asked);
  const x = await imagesIn(state, given);
  const { labels } = network;
  const size = (x.length * labels) / covector.length;
  const scale = scaled ? state.get<Float32Array>(SCALE) : undefined;
  const rows: SumRow[] = [];
  let row = new Float32Array(network.theta0.length);
  let at = 0;
  for (const n of counts) {
    const weights = covector.subarray(at * labels, (at + n) * labels);
    const images = x.subarray(at * size, (at + n) * size);
    const call = { of: logitSum, x: images, covector: weights, n };
    const value = dot(await thetaRowOfAll(network, programs, call, row), weights);
    if (scale !== undefined) for (let j = 0; j < row.length; j++) row[j] *= scale[j];
    at += n;
    if (place !== undefined && writeAt(SCRATCH, row, 4 * (place + rows.length) * row.length)) {
      rows.push({ value });
      continue;
    }
    rows.push({ value, gradient: row });
    row = new Float32Array(row.length);
  }
  return rows;
}

/** Images of the shared data set by their indices. */
export interface SampleShard extends Pick<AskedNetwork, "stays"> {
  readonly ids: Int32Array;
  readonly loss: LossName;
}

/** The summed loss of some images with its gradient, and the loss of each. */
export interface SampleSums extends LossGradient {
  readonly losses: Float64Array;
}

/** The summed loss of some images and its gradient in theta, float64 [p]. */
export async function sampleShard(
  state: TaskState,
  { ids, loss: name, ...asked }: SampleShard,
): Promise<SampleSums> {
  const { network, programs } = await askedPrograms(state, asked);
  const data = state.get<ImageSource>("data");
  const y = ids.map((id) => data.labels[id]);
  const loss = lossOf(name);
  const [x, covector] = [gather(data, ids), oneHot(y, network.labels)];
  const call = { of: loss, x, covector, n: ids.length };
  const { gradient, logits } = await thetaGradientOfAll(network, programs, call);
  const losses = Float64Array.from(y, (label, i) => loss.value(logits, network.labels, i, label));
  return { loss: losses.reduce((sum, value) => sum + value, 0), gradient, losses };
}

/** The loss of each of some images. */
export async function sampleLossesShard(
  state: TaskState,
  { ids, loss: name }: SampleShard,
): Promise<Float64Array> {
  const { network, programs } = await sharedPrograms(state);
  const data = state.get<ImageSource>("data");
  const { value } = lossOf(name);
  const logits = await logitsOfAll(network, programs, gather(data, ids), ids.length);
  return Float64Array.from(ids, (id, i) => value(logits, network.labels, i, data.labels[id]));
}

/** n images, row-major, in pixel units. */
export interface LogitsShard extends AskedNetwork {
  readonly x: GivenImages;
  readonly n: number;
}

/** f(x) [n x labels] at the shared theta. */
export async function logitsShard(
  state: TaskState,
  { x, n, ...asked }: LogitsShard,
): Promise<Float32Array> {
  const { network, programs } = await askedPrograms(state, asked);
  return logitsOfAll(network, programs, await imagesIn(state, x), n);
}
