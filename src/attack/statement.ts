// An attack's protocol in words: what was allowed, against what, with how much effort.
import type { AttackOptions } from "./options.ts";
import { attacksAll, type PartName, partsOf, TARGETS } from "./parts.ts";

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

type Effort = (options: AttackOptions, rivals: number) => string;

const startOf = ({ restarts, randomStart }: AttackOptions): string => {
  const start = randomStart ? "random start" : "start at the clean image";
  return restarts === 1 ? `a ${start}` : `${restarts} ${start}s`;
};

const adapting: Effort = (options) =>
  `${options.steps} steps of adapted length, ${startOf(options)}`;

/** What each attack spends on an image. */
const efforts: Readonly<Record<PartName, Effort>> = {
  fgsm: ({ eps }) => `one step of ${short(eps)} from the clean image`,
  pgd: (options) => `${options.steps} steps of ${short(options.stepSize)}, ${startOf(options)}`,
  "apgd-ce": adapting,
  "apgd-dlr": adapting,
  "apgd-t": (options, rivals) => `towards each of ${rivals} rivals ${adapting(options, rivals)}`,
  "fab-t": ({ steps, restarts }, rivals) =>
    `towards each of ${rivals} rivals ${steps} steps, the first run from the clean image${
      restarts === 1 ? "" : `, ${restarts} runs`
    }`,
  square: ({ steps, restarts }) => `${steps} queries${restarts === 1 ? "" : `, ${restarts} times`}`,
};

/** The effort of an attack, or of each that auto stands for. */
function effortOf(options: AttackOptions, labels: number): string {
  const parts = partsOf(options, labels);
  const words = parts.map((part) => efforts[part.attack](part, Math.min(TARGETS, labels - 1)));
  if (options.attack !== "auto") return words[0];
  return `on the images still right ${parts.map(({ attack }, i) => `${attack}: ${words[i]}`).join("; ")}`;
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
  const own = options.labels === "predicted" && attacksAll(options);
  const chance = options.attack === "fgsm" ? "" : ` (seed ${seed})`;
  return [
    `${norms[norm]}, eps ${short(eps)} in ${units}`,
    ...(inModel === undefined ? [] : [`${inModel} in the model's, by channel`]),
    clip === null ? "pixels free to leave their range" : `pixels kept in [${clip.join(", ")}]`,
    own ? "against the labels the network predicts" : "against the true labels",
    `${effortOf(options, labels)}${chance}`,
  ].join("; ");
}
