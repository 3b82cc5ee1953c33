// Passes over many images in batches: the same whatever the number of processes.
import type { GradientProgram } from "../autodiff/programs.ts";
import { isBatch } from "../autodiff/shape.ts";
import { elementCount } from "../onnx/graph.ts";
import type { Objective } from "./loss.ts";
import type { Network } from "./network.ts";
import { addThetaGradient, openPrograms, type Programs } from "./programs.ts";
import type { Derivative } from "./runs.ts";
import type { FloatArray } from "./session.ts";

/** The most images of a run. */
export const BATCH = 125;

// A batch whose largest tensor has more values than this leaves the processor's caches, which made ResNet8 7 % slower.
const LARGEST_TENSOR = 2 ** 19;

// With fewer images the matrix products of dense layers have too few rows to be fast.
const FEWEST = 8;

/**
 * How many images go into a run. onnxruntime adds over a batch in float32, so that the size of a batch shows in the
 * bits of a sum: it follows from the network alone.
 */
export function batchOf({ shapes, theta0 }: Network): number {
  const sizes = sizesOf(shapes);
  const fit = Math.floor(LARGEST_TENSOR / Math.max(...sizes));
  // Each batch adds a gradient as long as theta, which must not take longer than to make it: as many images as have no
  // more values in all than theta has weights take no more memory either.
  const pay = Math.floor(theta0.length / sizes.reduce((sum, size) => sum + size, 0));
  return Math.min(BATCH, Math.max(FEWEST, fit, pay));
}

/** Numbers of the largest value of one image. */
export const largestOf = (shapes: Network["shapes"]): number => Math.max(...sizesOf(shapes));

/** Numbers of each value of one image. */
const sizesOf = (shapes: Network["shapes"]): number[] => {
  const ofImages = [...shapes.values()].filter((shape) => shape.some(isBatch));
  return [1, ...ofImages.map((shape) => elementCount(shape.map(Math.abs)))];
};

/** Calls `visit` for [from, to) cut into the network's batches, in order. */
export async function eachBatch(
  network: Network,
  from: number,
  to: number,
  visit: (from: number, to: number) => Promise<void>,
): Promise<void> {
  const batch = batchOf(network);
  for (let at = from; at < to; at += batch) await visit(at, Math.min(to, at + batch));
}

/** f(x) of n images, row-major [n x labels]. */
export async function logitsOfAll(
  network: Network,
  programs: Programs,
  x: Float32Array,
  n: number,
): Promise<Float32Array> {
  const size = x.length / n;
  const all = new Float32Array(n * network.labels);
  await eachBatch(network, 0, n, async (from, to) => {
    const images = x.subarray(from * size, to * size);
    all.set(await programs.logits(images, to - from), from * network.labels);
  });
  return all;
}

/** f(x) of n images at theta0, by programs that are opened for them alone. */
export async function logitsOf(
  network: Network,
  x: Float32Array,
  n: number,
): Promise<Float32Array> {
  const programs = openPrograms(network, network.theta0);
  return logitsOfAll(network, programs, x, n).finally(programs.release);
}

/** The gradient of an objective summed over n images. */
export interface GradientCall {
  readonly of: Objective;
  /** Row-major [n, ...inputShape], in pixel units. */
  readonly x: Float32Array;
  /** [n x labels]; it holds what the objective says. */
  readonly covector: Float32Array;
  readonly n: number;
}

type Visit = (
  program: GradientProgram,
  outputs: Map<string, FloatArray>,
  /** Index of the batch's first image. */
  from: number,
) => void;

async function eachGradient(
  network: Network,
  programs: Programs,
  { of, in: wrt, x, covector, n }: GradientCall & Pick<Derivative, "in">,
  visit: Visit,
): Promise<void> {
  const { labels } = network;
  const size = x.length / n;
  await eachBatch(network, 0, n, async (from, to) => {
    const images = x.subarray(from * size, to * size);
    const weights = covector.subarray(from * labels, to * labels);
    const derivative = { of, in: wrt };
    const run = await programs.gradient(derivative, images, weights, to - from);
    visit(run.program, run.outputs, from);
  });
}

/** The gradient in x, in the shape of x; it is 0 where no path leads from the image to the logits. */
export async function inputGradientOfAll(
  network: Network,
  programs: Programs,
  call: GradientCall,
): Promise<Float32Array> {
  const all = new Float32Array(call.x.length);
  const image = network.graph.inputs[0].name;
  await eachGradient(network, programs, { ...call, in: "image" }, (program, outputs, from) => {
    const gradient = program.gradients.get(image);
    if (gradient !== undefined) {
      all.set(outputs.get(gradient)!.data, (from * call.x.length) / call.n);
    }
  });
  return all;
}

/** Gradient in theta summed over the images, rounded to float32 into `row` [p]; returns the logits [n x labels]. */
export async function thetaRowOfAll(
  network: Network,
  programs: Programs,
  call: GradientCall,
  row: Float32Array,
): Promise<Float32Array> {
  if (call.n > batchOf(network)) {
    const { gradient, logits } = await thetaGradientOfAll(network, programs, call);
    row.set(gradient);
    return logits;
  }
  // One batch: there is nothing to add up.
  const { of, x, covector, n } = call;
  const { program, outputs } = await programs.gradient({ of, in: "theta" }, x, covector, n);
  for (const { name, offset, size } of network.parameters) {
    const gradient = program.gradients.get(name);
    if (gradient === undefined) row.fill(0, offset, offset + size);
    else row.set(outputs.get(gradient)!.data, offset);
  }
  return outputs.get(program.logits)!.data;
}

/** Gradient in theta summed over the images, float64 [p], and the logits [n x labels]. */
export async function thetaGradientOfAll(
  network: Network,
  programs: Programs,
  call: GradientCall,
): Promise<{ readonly gradient: Float64Array; readonly logits: Float32Array }> {
  const gradient = new Float64Array(network.theta0.length);
  const logits = new Float32Array(call.n * network.labels);
  await eachGradient(network, programs, { ...call, in: "theta" }, (program, outputs, from) => {
    logits.set(outputs.get(program.logits)!.data, from * network.labels);
    addThetaGradient(network, program, outputs, gradient);
  });
  return { gradient, logits };
}
