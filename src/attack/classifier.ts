// What an attack needs of a network: its logits, and gradients in x of a function of them.
import { batchOf } from "../engine/batches.ts";
import type { Network } from "../engine/network.ts";
import type { InputSeed, Programs } from "../engine/programs.ts";
import { unitOfPixels } from "./units.ts";

/** A classifier that can be attacked; images are row-major [n, ...]. */
export interface Classifier {
  readonly labels: number;
  /** Images a pass, at most, where the network has a size that suits it; no result depends on it. */
  readonly batch?: number | undefined;
  /** f_l(x_i), [n x labels]. */
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  /**
   * The logits, and the gradient in x of a loss summed over the images, in one pass.
   *
   * @param rows [n x labels]: what the loss takes, as autodiff/seeds.ts says
   */
  gradient(
    loss: InputSeed,
    x: Float32Array,
    rows: Float32Array,
  ): Promise<{ readonly logits: Float32Array; readonly gradient: Float32Array }>;
  /** The model's unit in pixels, one a pixel of an image, where it has one: the std it normalises with. */
  readonly unit?: Float32Array | undefined;
}

export function classifierOf(network: Network, programs: Programs): Classifier {
  const { labels } = network;
  const image = network.graph.inputs[0].name;
  const { std } = network.options;
  return {
    labels,
    batch: batchOf(network),
    unit: std && unitOfPixels(std, network.inputShape),
    logits: (x, n) => programs.logits(x, n),
    gradient: async (loss, x, rows) => {
      const n = rows.length / labels;
      const { program, outputs } = await programs.gradient(`input-of-${loss}`, x, rows, n);
      const gradient = program.gradients.get(image);
      return {
        logits: outputs.get(program.logits)!.data,
        // No path from the image to the logits: nothing moves them.
        gradient: gradient === undefined ? new Float32Array(x.length) : outputs.get(gradient)!.data,
      };
    },
  };
}
