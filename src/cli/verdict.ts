// What temper inspect ends with: what can be done with a model, or why not.
import { normalisedTwice } from "../attack/normalised.ts";
import { gradientEnds } from "../autodiff/ends.ts";
import { imageSize } from "../data/dataset.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import type { Network } from "../engine/network.ts";
import { programOf } from "../engine/programs.ts";
import { demandCorrectable } from "../engine/telling.ts";
import { TemperError } from "../errors.ts";
import { nodeLabel } from "../onnx/graph.ts";
import { randomStream } from "../tensor/random.ts";

/** Each is "yes", or why not. */
export interface Verdict {
  readonly evaluate: string;
  readonly attack: string;
  readonly correct: string;
  /** What is to be known of how the model is read and run. */
  readonly notes: readonly string[];
}

/** Two images of noise: they tell whether the network tells labels apart. */
const IMAGES = 2;

export async function verdictOf(network: Network): Promise<Verdict> {
  const random = randomStream(0);
  const size = IMAGES * imageSize(network.inputShape);
  const x = Float32Array.from({ length: size }, random.uniform);
  const twice = normalisedTwice(network);
  const [end] = gradientEnds(network.graph);
  const attack =
    end === undefined
      ? await orWhyNot(() => programOf(network, { of: crossEntropy, in: "image" }))
      : `without a gradient, which ends at ${nodeLabel(end.node)}: with the attack square`;
  return {
    evaluate: "yes",
    attack,
    correct: await orWhyNot(() => demandCorrectable(network, x, IMAGES)),
    notes: [...network.notes, ...(twice === undefined ? [] : [twice])],
  };
}

async function orWhyNot(work: () => unknown): Promise<string> {
  try {
    await work();
    return "yes";
  } catch (error) {
    if (!(error instanceof TemperError)) throw error;
    return `no: ${error.message.replaceAll("\n", "; ")}`;
  }
}
