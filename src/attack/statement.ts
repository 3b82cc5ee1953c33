// An attack's protocol in words: what was allowed, against what, with how much effort.
import type { AttackOptions } from "./options.ts";

const norms = { linf: "l-infinity", l2: "l2" } as const;

/** A length without the noise of binary fractions: 0.1 / 0.3 is 0.3333. */
const short = (value: number): string => String(Number(value.toPrecision(4)));

/** A radius in pixels as the model sees it, channel by channel, where it wants normalised input. */
export function modelEps(
  { eps, epsSpace }: Pick<AttackOptions, "eps" | "epsSpace">,
  std: readonly number[] | undefined,
): number[] | undefined {
  return epsSpace === "pixel" ? std?.map((s) => eps / s) : undefined;
}

/** The effort, in the words of each attack. */
function effort({
  attack,
  eps,
  stepSize,
  steps,
  restarts,
  randomStart,
  seed,
}: AttackOptions): string {
  if (attack === "fgsm") return `one step of ${short(eps)} from the clean image`;
  const start = randomStart ? "random start" : "start at the clean image";
  const starts = restarts === 1 ? `a ${start}` : `${restarts} ${start}s`;
  return `${steps} steps of ${short(stepSize)}, ${starts} (seed ${seed})`;
}

/**
 * The protocol in a line.
 *
 * @param std the network's, where it wants normalised input: eps is then told in its units as well
 */
export function statement(options: AttackOptions, std?: readonly number[]): string {
  const { norm, eps, epsSpace, clip, labels } = options;
  const inModel = modelEps(options, std)?.map(short).join(", ");
  const units = epsSpace === "pixel" ? "pixel units" : "the model's units";
  return [
    `${norms[norm]}, eps ${short(eps)} in ${units}`,
    ...(inModel === undefined ? [] : [`${inModel} in the model's, by channel`]),
    clip === null ? "pixels free to leave their range" : `pixels kept in [${clip.join(", ")}]`,
    labels === "true" ? "against the true labels" : "against the labels the network predicts",
    effort(options),
  ].join("; ");
}
