// An attack's protocol in words: what was allowed, against what, with how much effort.

import { attackOf } from "./attacks.ts";
import { radius, short } from "./effort.ts";
import type { AttackOptions } from "./options.ts";
import { partsOf, targetsOf } from "./parts.ts";

const norms = { linf: "l-infinity", l2: "l2" } as const;

/** A radius in pixels as the model sees it, channel by channel, where it wants normalised input. */
export function modelEps(
  { eps, epsSpace }: Pick<AttackOptions, "eps" | "epsSpace">,
  std: readonly number[] | undefined,
): number[] | undefined {
  return epsSpace === "pixel" ? std?.map((s) => eps / s) : undefined;
}

/** What an attack spends on an image, or each of an ensemble. */
function effortOf(options: AttackOptions, labels: number): string {
  const parts = partsOf(options, labels);
  const words = parts.map((part) => part.attack.effort(part, targetsOf(labels)));
  if ("run" in attackOf(options.attack)) return words[0];
  const named = parts.map(({ attack }, i) => `${attack.name}: ${words[i]}`);
  return `on the images still right ${named.join("; ")}`;
}

/**
 * The protocol in a line.
 *
 * @param model its number of labels, and the std of its channels where it wants normalised input: eps is
 *   then told in its units as well
 */
export function statement(
  options: AttackOptions,
  { labels, std }: { readonly labels: number; readonly std?: readonly number[] | undefined },
): string {
  const { norm, eps, epsSpace, clip, seed } = options;
  const inModel = modelEps(options, std)?.map(short).join(", ");
  const units = epsSpace === "pixel" ? "pixel units" : "the model's units";
  const attack = attackOf(options.attack);
  const own = options.labels === "predicted" && attack.attacksAll;
  const chance = "run" in attack && attack.oneStep ? "" : ` (seed ${seed})`;
  return [
    `${norms[norm]}, eps ${radius(eps)} in ${units}`,
    ...(inModel === undefined ? [] : [`${inModel} in the model's, by channel`]),
    clip === null ? "pixels free to leave their range" : `pixels kept in [${clip.join(", ")}]`,
    own ? "against the labels the network predicts" : "against the true labels",
    `${effortOf(options, labels)}${chance}`,
  ].join("; ");
}
