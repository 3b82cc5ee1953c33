// Whether a network can be corrected at all: what it lacks, and whether its last layer alone would do.
import { TemperError } from "../errors.ts";
import { logitsOfAll, thetaGradientOfAll } from "./batches.ts";
import { logitSum } from "./loss.ts";
import { loadNetwork, type Network } from "./network.ts";
import { demandTheta, openPrograms, programOf } from "./programs.ts";

/**
 * Refuses a network that cannot be corrected: one without weights that may move, with an operator on their way that
 * has no gradient, or whose weights tell no labels apart. Where its last layer alone could be, it says so.
 *
 * @param x pixels [n, ...inputShape] of a few images
 * @throws TemperError `model-unsupported`
 */
export async function demandCorrectable(
  network: Network,
  x: Float32Array,
  n: number,
): Promise<void> {
  try {
    demandTheta(network);
    programOf(network, { of: logitSum, in: "theta in factors" });
  } catch (error) {
    if (!(error instanceof TemperError) || !(await lastWouldDo(network))) throw error;
    const advice = "--trainable last would work: the last layer needs none of that";
    throw new TemperError(error.code, `${error.message.split("\n")[0]}\n${advice}`, {
      cause: error,
    });
  }
  if (await tellsApart(network, x, n)) return;
  throw new TemperError(
    "model-unsupported",
    "the model gives every label the same logits whatever the image, and no weight that may move tells labels apart\n" +
      (network.images === undefined
        ? "export it with its trained weights in the file"
        : `${network.notes.join("; ")}: export it without what mixes them, as a Softmax over the wrong axis`),
  );
}

/** Whether the network could be corrected with its last layer alone. */
async function lastWouldDo({ file, options, externalData, parameters }: Network): Promise<boolean> {
  if (options.trainable === "last" || parameters.length === 0) return false;
  try {
    const last = await loadNetwork(file, { ...options, trainable: "last" }, externalData);
    demandTheta(last);
    programOf(last, { of: logitSum, in: "theta in factors" });
    return true;
  } catch (error) {
    if (error instanceof TemperError) return false;
    throw error;
  }
}

/** Whether logits differ between labels on some image, or a weight could make them differ. */
async function tellsApart(network: Network, x: Float32Array, n: number): Promise<boolean> {
  const { labels, theta0 } = network;
  const programs = openPrograms(network, theta0);
  try {
    const logits = await logitsOfAll(network, programs, x, n);
    if (logits.some((f, i) => f !== logits[i - (i % labels)])) return true;
    const covector = new Float32Array(labels);
    covector.set([1, -1]);
    const call = { of: logitSum, x: x.subarray(0, x.length / n), covector, n: 1 };
    const { gradient } = await thetaGradientOfAll(network, programs, call);
    return gradient.some((g) => g !== 0);
  } finally {
    await programs.release();
  }
}
