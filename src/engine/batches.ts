// Passes over many images in batches of a fixed size: the same batches whatever the number of processes.
import type { Network } from "./network.ts";
import { addThetaGradient, type ProgramName, type Programs } from "./programs.ts";

/** Images a run. Sums over a batch are float32 inside onnxruntime, so the size is part of the result. */
export const BATCH = 125;

/** Calls `visit` for [from, to) cut into batches, in order. */
export async function eachBatch(
  from: number,
  to: number,
  visit: (from: number, to: number) => Promise<void>,
): Promise<void> {
  for (let at = from; at < to; at += BATCH) await visit(at, Math.min(to, at + BATCH));
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
  await eachBatch(0, n, async (from, to) => {
    const images = x.subarray(from * size, to * size);
    all.set(await programs.logits(images, to - from), from * network.labels);
  });
  return all;
}

/** Gradient in x, same shape as x. */
export async function inputGradientOfAll(
  network: Network,
  programs: Programs,
  name: Extract<ProgramName, `input-${string}`>,
  x: Float32Array,
  covector: Float32Array,
  n: number,
): Promise<Float32Array> {
  const size = x.length / n;
  const all = new Float32Array(x.length);
  await eachBatch(0, n, async (from, to) => {
    const { program, outputs } = await programs.gradient(
      name,
      x.subarray(from * size, to * size),
      covector.subarray(from * network.labels, to * network.labels),
      to - from,
    );
    const gradient = program.gradients.get(network.graph.inputs[0].name);
    if (gradient !== undefined) all.set(outputs.get(gradient)!.data, from * size);
  });
  return all;
}

/** Gradient in theta summed over the images, float64 [p], and the logits [n x labels]. */
export async function thetaGradientOfAll(
  network: Network,
  programs: Programs,
  name: Extract<ProgramName, `theta-${string}`>,
  x: Float32Array,
  covector: Float32Array,
  n: number,
): Promise<{ readonly gradient: Float64Array; readonly logits: Float32Array }> {
  const size = x.length / n;
  const gradient = new Float64Array(network.theta0.length);
  const logits = new Float32Array(n * network.labels);
  await eachBatch(0, n, async (from, to) => {
    const { program, outputs } = await programs.gradient(
      name,
      x.subarray(from * size, to * size),
      covector.subarray(from * network.labels, to * network.labels),
      to - from,
    );
    logits.set(outputs.get(program.logits)!.data, from * network.labels);
    addThetaGradient(network, program, outputs, gradient);
  });
  return { gradient, logits };
}
