// What an attack needs of a network: its logits, and gradients in x of a function of them.
import { channelOfEach } from "../data/frame.ts";
import { batchOf } from "../engine/batches.ts";
import type { Objective } from "../engine/loss.ts";
import type { Network } from "../engine/network.ts";
import type { Programs } from "../engine/programs.ts";

/** A classifier that can be attacked; images are row-major [n, ...]. */
export interface Classifier {
  readonly labels: number;
  /** The most images of a pass, where a number suits the network; no result depends on it. */
  readonly batch?: number | undefined;
  /** f_l(x_i), [n x labels]. */
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  /**
   * The logits, and the gradient in x of an objective summed over the images, in one pass.
   *
   * @param rows [n x labels]: the covector, which holds what the objective says
   */
  gradient(
    of: Objective,
    x: Float32Array,
    rows: Float32Array,
  ): Promise<{ readonly logits: Float32Array; readonly gradient: Float32Array }>;
  /** The model's unit at each pixel of an image, where it has one: the std of the channel. */
  readonly unit?: Float32Array | undefined;
}

/** The std of each pixel's channel; one number stands for all. */
export const unitOfPixels = (std: readonly number[], shape: readonly number[]): Float32Array =>
  Float32Array.from(channelOfEach(shape), (channel) => std[channel] ?? std[0]);

/** A network at the theta of its programs, as attacks see it. */
export function classifierOf(network: Network, programs: Programs): Classifier {
  const { labels } = network;
  const image = network.graph.inputs[0].name;
  const { std } = network.options;
  return {
    labels,
    batch: batchOf(network),
    unit: std && unitOfPixels(std, network.inputShape),
    logits: (x, n) => programs.logits(x, n),
    gradient: async (of, x, rows) => {
      const n = rows.length / labels;
      const { program, outputs } = await programs.gradient({ of, in: "image" }, x, rows, n);
      const gradient = program.gradients.get(image);
      return {
        logits: outputs.get(program.logits)!.data,
        // No path from the image to the logits: nothing moves them.
        gradient: gradient === undefined ? new Float32Array(x.length) : outputs.get(gradient)!.data,
      };
    },
  };
}
