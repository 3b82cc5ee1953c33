// Whether a network can be corrected at all: what it lacks, and whether its last layer alone would do.
import { lastLayer } from "../autodiff/selection.ts";
import { TemperError } from "../errors.ts";
import { layOut, thetaOf } from "../onnx/theta.ts";
import { thetaGradientOfAll } from "./batches.ts";
import { logitSum } from "./loss.ts";
import type { Network } from "./network.ts";
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
    if (!(error instanceof TemperError) || !lastWouldDo(network)) throw error;
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

/** The network with its last layer alone as theta; it is read, opened and measured once for both. */
function withLastLayer(network: Network): Network {
  const { graph } = network;
  const layer = lastLayer(graph.nodes, new Set(network.parameters.map(({ name }) => name)));
  const parameters = layOut(
    network.parameters
      .filter(({ name }) => layer.has(name))
      .map(({ name, kind }) => ({ name, kind, tensor: graph.initializers.get(name)! })),
  );
  return { ...network, parameters, theta0: thetaOf(graph, parameters) };
}

/** Whether the network could be corrected with its last layer alone. */
function lastWouldDo(network: Network): boolean {
  const last = withLastLayer(network);
  if (last.parameters.length === network.parameters.length) return false;
  try {
    demandTheta(last);
    programOf(last, { of: logitSum, in: "theta in factors" });
    return true;
  } catch (error) {
    if (error instanceof TemperError) return false;
    throw error;
  }
}

/**
 * Whether logits differ between labels on some image, or a weight could make them differ. The whole gradient, several
 * times the weights in memory, is asked for where the last layer says neither.
 */
async function tellsApart(network: Network, x: Float32Array, n: number): Promise<boolean> {
  const { labels } = network;
  const covector = Float32Array.from({ length: n * labels }, (_, i) => [1, -1][i % labels] ?? 0);
  for (const asked of [withLastLayer(network), network]) {
    const programs = openPrograms(asked, asked.theta0);
    const call = { of: logitSum, x, covector, n };
    try {
      const { logits, gradient } = await thetaGradientOfAll(asked, programs, call);
      if (logits.some((f, i) => f !== logits[i - (i % labels)])) return true;
      if (gradient.some((g) => g !== 0)) return true;
    } finally {
      await programs.release();
    }
  }
  return false;
}
