// Runs a network whose graph is made for a fixed number of images on each image alone: a batch is made of single runs.
import type { GradientProgram } from "../autodiff/programs.ts";
import { repeated } from "../tensor/vector.ts";
import type { Network } from "./network.ts";
import type { Runs } from "./runs.ts";
import type { FloatArray } from "./session.ts";

/** Joins the first of `copies` equal parts of each run. */
function joined(parts: readonly FloatArray[], copies: number): FloatArray {
  const [{ dims, data }] = parts;
  const width = data.length / copies;
  const all = new Float32Array(parts.length * width);
  for (const [i, part] of parts.entries()) all.set(part.data.subarray(0, width), i * width);
  return { dims: [(parts.length * dims[0]) / copies, ...dims.slice(1)], data: all };
}

/** Adds up the runs, each of which is a sum over `copies` equal images. */
function summed(parts: readonly FloatArray[], copies: number): FloatArray {
  const [{ dims, data }] = parts;
  const sum = new Float64Array(data.length);
  for (const part of parts) for (let i = 0; i < sum.length; i++) sum[i] += part.data[i];
  return { dims, data: Float32Array.from(sum, (v) => v / copies) };
}

/**
 * Makes programs for any number of images. Each run has as many copies of one image as the graph asks for.
 *
 * @param runs take that many images, no more and no fewer
 */
export function oneByOne(network: Network, copies: number, runs: Runs): Runs {
  const parameters = new Set(network.parameters.map(({ name }) => name));
  const part = (values: Float32Array, n: number, i: number): Float32Array => {
    const width = values.length / n;
    return repeated(values.subarray(i * width, (i + 1) * width), copies);
  };
  return {
    logits: async (x, n) => {
      const rows = new Float32Array(n * network.labels);
      for (let i = 0; i < n; i++) {
        const answers = await runs.logits(part(x, n, i), copies);
        rows.set(answers.subarray(0, network.labels), i * network.labels);
      }
      return rows;
    },
    gradient: async (derivative, x, covector, n) => {
      const all: Map<string, FloatArray>[] = [];
      let program: GradientProgram | undefined;
      for (let i = 0; i < n; i++) {
        const run = await runs.gradient(derivative, part(x, n, i), part(covector, n, i), copies);
        program = run.program;
        all.push(run.outputs);
      }
      const sums = new Set(
        [...program!.gradients].filter(([of]) => parameters.has(of)).map(([, output]) => output),
      );
      const outputs = [...all[0].keys()].map((output) => {
        const parts = all.map((one) => one.get(output)!);
        return [output, (sums.has(output) ? summed : joined)(parts, copies)] as const;
      });
      return { program: program!, outputs: new Map(outputs) };
    },
  };
}
