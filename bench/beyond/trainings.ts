// The names of adversarial trainings: `pgd-2/rate=5e-3/triangular/mean=0.3` says what one is made of.
import type { AdversarialOptions, Schedule } from "../../src/index.ts";

/** An adversarial training by its parts. */
export interface Training {
  readonly name: string;
  /** What it is, for whoever reads the table. */
  readonly words: string;
  /** The attack's steps, and the length of one in eps. */
  readonly steps: number;
  readonly length: number;
  readonly options: Pick<
    AdversarialOptions,
    "method" | "weight" | "learningRate" | "schedule" | "average" | "heldOut"
  >;
}

/** How such a name is written, for help and refusals. */
export const trainingForm =
  "fgsm, pgd-K or trades-K, and behind it any of /rate=R, /triangular, /weight=W, /mean=SHARE, /held=IMAGES";

/** The weights of a front: the share of the attacked images in the loss, or beta. */
const WEIGHTS = { pgd: [0.25, 0.5, 0.75, 1], trades: [1, 2, 4, 8] } as const;

/** One step goes beyond the ball, as Wong, Rice & Kolter (ICLR 2020) found best; several are half of it. */
const lengthOf = (steps: number): number => (steps === 1 ? 1.25 : 0.5);

type Part = (value: number) => { readonly option: Training["options"]; readonly words: string };

const parts: Readonly<Record<string, Part>> = {
  rate: (learningRate) => ({ option: { learningRate }, words: `rate ${learningRate}` }),
  weight: (weight) => ({ option: { weight }, words: `weight ${weight}` }),
  mean: (average) => ({ option: { average }, words: `mean of the last ${100 * average} %` }),
  held: (heldOut) => ({ option: { heldOut }, words: `stopped by ${heldOut} held-out images` }),
};

/** The training of a name; undefined where it is none. */
export function trainingNamed(name: string): Training | undefined {
  const [first, ...rest] = name.split("/");
  const kind = /^(?:fgsm|(pgd|trades)-([1-9]\d*))$/.exec(first);
  if (kind === null) return undefined;
  const method = (kind[1] ?? "pgd") as "pgd" | "trades";
  const steps = Number(kind[2] ?? 1);
  let options: Training["options"] = { method };
  const words = [first === "fgsm" ? "FGSM from a random start" : first.toUpperCase()];
  for (const piece of rest) {
    const [word, value] = piece.split("=");
    if (piece === "triangular") {
      options = { ...options, schedule: piece satisfies Schedule };
      words.push(piece);
    } else if (Object.hasOwn(parts, word) && value !== undefined && Number(value) > 0) {
      const { option, words: said } = parts[word](Number(value));
      options = { ...options, ...option };
      words.push(said);
    } else return undefined;
  }
  return { name, words: words.join(", "), steps, length: lengthOf(steps), options };
}

/** The name without its weight: what the trainings of a front share. */
export const withoutWeight = (name: string): string =>
  name
    .split("/")
    .filter((piece) => !piece.startsWith("weight="))
    .join("/");

/** The names of a training with each weight of a front, lightest first. */
export function weightsOf({ name, options }: Training): string[] {
  return WEIGHTS[options.method ?? "pgd"].map(
    (weight) => `${withoutWeight(name)}/weight=${weight}`,
  );
}
