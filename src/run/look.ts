// What is looked at before a correction begins: whether the model knows the data at all, and what must be said.
import { type Look, lookAt } from "../attack/look.ts";
import type { StatedAttack } from "../attack/options.ts";
import { straightThrough } from "../autodiff/ends.ts";
import type { AnyDataset } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import { shareAtTheta0 } from "../engine/tasks.ts";
import type { Workers } from "../engine/workers.ts";
import { TemperError } from "../errors.ts";
import { nodeLabel } from "../onnx/graph.ts";
import type { CommonCall } from "./call.ts";

type LookCall = Pick<CommonCall, "data" | "anyway" | "signal" | "onNote"> & {
  readonly network: Network;
  /** The attack of the recipe, where it has one. */
  readonly attack?: StatedAttack | undefined;
};

/**
 * Looks at some images of the data.
 *
 * @returns what must be said, for the record; `onNote` is told of it, before a refusal too
 * @throws TemperError `data-mismatch` where the answers are no better than chance, unless `anyway`
 */
export async function lookBefore(
  workers: Workers,
  { network, data, attack, anyway = false, signal, onNote }: LookCall,
): Promise<readonly string[]> {
  shareAtTheta0(workers, network);
  workers.shareImages("data", data);
  // The recipes' own attacks need not clip: what is looked at is whether the data are pixels.
  const stated = attack && { ...attack, seed: 0, clip: attack.clip ?? ([0, 1] as const) };
  const seen = await lookAt(workers, { network, data, attack: stated }, signal);
  const notes = [...seen.notes, ...surrogateCuts(network)];
  for (const note of notes) onNote?.(note);
  if (seen.blind && !anyway) throw refusal(data, network.labels, seen);
  return notes;
}

/** A cut whose gradient passes straight through a step says nothing certain of any theta, not even nearby. */
function surrogateCuts({ graph, parameters }: Network): string[] {
  const names = parameters.map(({ name }) => name);
  const [node] = straightThrough(graph, names);
  if (node === undefined) return [];
  return [
    `the gradient in the weights passes straight through ${nodeLabel(node)}: cuts are surrogates and no ` +
      "linearisation; points and losses are judged by the network as it computes [surrogate-cuts]",
  ];
}

function refusal({ name }: AnyDataset, labels: number, { accuracy, images }: Look): TemperError {
  return new TemperError(
    "data-mismatch",
    `${name}: ${(100 * accuracy).toFixed(2)} % of ${images} images are right, no better than chance ` +
      `(${labels} labels) [near-chance]\n` +
      "check --mean and --std, the range of the data, and the order of its labels\n" +
      "--anyway (anyway: true) corrects the model on them as they are",
  );
}
