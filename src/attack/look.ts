// A look at a model and its data before anything long begins: what evaluate would warn of, on a sample.
import { gradientEnds, straightThrough } from "../autodiff/ends.ts";
import type { AnyDataset } from "../data/dataset.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import type { Network } from "../engine/network.ts";
import { programOf } from "../engine/programs.ts";
import type { Workers } from "../engine/workers.ts";
import { TemperError } from "../errors.ts";
import { type AttackOptions, attackOptions } from "./options.ts";
import { usesGradients } from "./parts.ts";
import { type Probe, type ProbeSize, probe } from "./probe.ts";
import type { Sight } from "./warning.ts";
import { isBlind, warningsBefore } from "./warnings.ts";

/** Images that are looked at: in some seconds. */
const IMAGES: ProbeSize = { least: 64, most: 250, work: 2e11 };

export interface Look {
  /** Whether the answers are no better than chance. */
  readonly blind: boolean;
  /** Share in [0, 1] of the images looked at that are right. */
  readonly accuracy: number;
  /** How many images were looked at. */
  readonly images: number;
  /** What must be said, a sentence each with its name: "... [near-chance]". */
  readonly notes: readonly string[];
}

/**
 * What was seen last of a network: `attack` and `correct` after one another look at the same images, and are told the
 * same. Data sets are never written to.
 */
const seen = new WeakMap<Network, { data: AnyDataset; gradients: boolean; probed: Probe }>();

/**
 * Looks at a seeded sample of the data that the workers share (keys network, theta, data); at the same data again only
 * where gradients are asked for and were not, or the other way round.
 *
 * @param attack what the data are to be attacked with; without, what would weaken any attack is looked for
 */
export async function lookAt(
  workers: Workers,
  {
    network,
    data,
    attack,
  }: { network: Network; data: AnyDataset; attack?: AttackOptions | undefined },
  signal: AbortSignal | undefined,
): Promise<Look> {
  const ends = attack === undefined ? [] : gradientEnds(network.graph);
  const gradients = usesGradients(attack ?? ANY) && hasGradient(network);
  const last = seen.get(network);
  const known = last?.data === data && last.gradients === gradients ? last.probed : undefined;
  const probed =
    known ??
    (await probe(workers, { network, count: data.count, gradients, images: IMAGES }, signal));
  seen.set(network, { data, gradients, probed });
  const { right, asked: of } = probed;
  const surrogates =
    attack === undefined ? [] : straightThrough(network.graph, [network.graph.inputs[0].name]);
  const sight: Sight = { data, network, right, of, probe: probed, ends, surrogates };
  return {
    blind: isBlind(sight),
    accuracy: right / of,
    images: of,
    notes: warningsBefore(sight, { options: attack ?? ANY }),
  };
}

/** Stands for any attack there might be: pixels in [0, 1], and gradients. */
const ANY = attackOptions({ eps: 0 });

/**
 * An image that is quantised has no gradient, which only an attack must be told. An operator without a rule is
 * refused where its gradient is needed, and not by a look.
 */
function hasGradient(network: Network): boolean {
  if (gradientEnds(network.graph).length > 0) return false;
  try {
    programOf(network, { of: crossEntropy, in: "image" });
    return true;
  } catch (error) {
    if (error instanceof TemperError) return false;
    throw error;
  }
}
