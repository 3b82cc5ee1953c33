// Passes over many images in batches: the same whatever the number of processes.
import type { GradientProgram } from "../autodiff/programs.ts";
import { isBatch } from "../autodiff/shape.ts";
import { elementCount } from "../onnx/graph.ts";
import type { Network } from "./network.ts";
import { addThetaGradient, type ProgramName, type Programs } from "./programs.ts";
import type { FloatArray } from "./session.ts";

/** The most images a run. */
export const BATCH = 125;

// A batch whose largest tensor has more values than this leaves the processor's caches: 7 % slower on ResNet8.
const LARGEST_TENSOR = 2 ** 19;

// Fewer images leave the products of dense layers without rows.
const FEWEST = 8;

/** Images a run. Sums over a batch are float32 inside onnxruntime: the network alone decides. */
export function batchOf({ shapes }: Network): number {
  let largest = 1;
  for (const shape of shapes.values()) {
    if (shape.some(isBatch)) largest = Math.max(largest, elementCount(shape.map(Math.abs)));
  }
  return Math.min(BATCH, Math.max(FEWEST, Math.floor(LARGEST_TENSOR / largest)));
}

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

/** f(x) of n images [n x labels]. */
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

/** n images x and the covector [n x labels] of a gradient program on them. */
export interface GradientCall<Name extends ProgramName> {
  readonly name: Name;
  readonly x: Float32Array;
  readonly covector: Float32Array;
  readonly n: number;
}

type Visit = (
  program: GradientProgram,
  outputs: Map<string, FloatArray>,
  /** The batch's first image. */
  from: number,
) => void;

async function eachGradient<Name extends ProgramName>(
  network: Network,
  programs: Programs,
  { name, x, covector, n }: GradientCall<Name>,
  visit: Visit,
): Promise<void> {
  const { labels } = network;
  const size = x.length / n;
  await eachBatch(network, 0, n, async (from, to) => {
    const images = x.subarray(from * size, to * size);
    const weights = covector.subarray(from * labels, to * labels);
    const { program, outputs } = await programs.gradient(name, images, weights, to - from);
    visit(program, outputs, from);
  });
}

/** Gradient in x, same shape as x. */
export async function inputGradientOfAll(
  network: Network,
  programs: Programs,
  call: GradientCall<Extract<ProgramName, `input-${string}`>>,
): Promise<Float32Array> {
  const all = new Float32Array(call.x.length);
  const image = network.graph.inputs[0].name;
  await eachGradient(network, programs, call, (program, outputs, from) => {
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
  call: GradientCall<Extract<ProgramName, `theta-${string}`>>,
  row: Float32Array,
): Promise<Float32Array> {
  if (call.n > batchOf(network)) {
    const { gradient, logits } = await thetaGradientOfAll(network, programs, call);
    row.set(gradient);
    return logits;
  }
  // One batch: there is nothing to add up.
  const { program, outputs } = await programs.gradient(call.name, call.x, call.covector, call.n);
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
  call: GradientCall<Extract<ProgramName, `theta-${string}`>>,
): Promise<{ readonly gradient: Float64Array; readonly logits: Float32Array }> {
  const gradient = new Float64Array(network.theta0.length);
  const logits = new Float32Array(call.n * network.labels);
  await eachGradient(network, programs, call, (program, outputs, from) => {
    logits.set(outputs.get(program.logits)!.data, from * network.labels);
    addThetaGradient(network, program, outputs, gradient);
  });
  return { gradient, logits };
}
