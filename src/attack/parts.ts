// What each attack is made of: one attack, or AutoAttack's four one after the other; and its runs on an image.
import { TemperError } from "../errors.ts";
import { type Random, randomStream } from "../tensor/random.ts";
import { argmax } from "../tensor/vector.ts";
import { apgd } from "./apgd.ts";
import { fab } from "./fab.ts";
import { crossEntropyLoss, dlrLoss, leastLabels, targetedDlrLoss } from "./losses.ts";
import { type AttackName, type AttackOptions, attackNames } from "./options.ts";
import { pgd } from "./pgd.ts";
import { square } from "./square.ts";
import { type Attack, rivals, type Subject } from "./subject.ts";

export type PartName = Exclude<AttackName, "auto">;

/** One attack by itself, fully stated. */
export interface Part extends AttackOptions {
  readonly attack: PartName;
}

/** Targets of APGD-T and FAB-T, at most. */
export const TARGETS = 9;

const targeted: ReadonlySet<PartName> = new Set(["apgd-t", "fab-t"]);

/** Square's queries to a step of the others in auto: 5,000 to 100. */
const QUERIES_A_STEP = 50;

const least: Partial<Readonly<Record<PartName, number>>> = {
  "apgd-dlr": leastLabels.dlr,
  "apgd-t": leastLabels.targetedDlr,
};

const fits = (attack: PartName, labels: number): boolean => labels >= (least[attack] ?? 2);

/**
 * The attacks that `options` stands for, in order. Auto is AutoAttack's standard: APGD-CE, APGD-T, FAB-T and
 * Square. With fewer than four labels the targeted DLR is not defined: three take APGD-DLR instead, two do
 * without, as their only rival leaves nothing to target.
 *
 * @param labels of the model
 * @throws TemperError `bad-option` where DLR is asked for by name and not defined for so few labels
 */
export function partsOf(options: AttackOptions, labels: number): readonly Part[] {
  const { attack, steps } = options;
  if (attack !== "auto") {
    if (!fits(attack, labels)) {
      throw new TemperError(
        "bad-option",
        `attack ${attack} needs ${least[attack]} labels or more, the model has ${labels}: its loss compares so many\n` +
          `take apgd-ce, or auto, which leaves out what is not defined`,
      );
    }
    return [{ ...options, attack }];
  }
  const dlr = (["apgd-t", "apgd-dlr"] as const).filter((name) => fits(name, labels)).slice(0, 1);
  return (["apgd-ce", ...dlr, "fab-t", "square"] as const).map((part) => ({
    ...options,
    attack: part,
    steps: part === "square" ? QUERIES_A_STEP * steps : steps,
  }));
}

/**
 * How often one image goes through the network, at most.
 *
 * @throws TemperError `bad-option` as `partsOf`
 */
export function mostPasses(options: AttackOptions, labels: number): number {
  const passesOf = ({ attack, steps, restarts }: Part): number => {
    const targets = targeted.has(attack) ? Math.min(TARGETS, labels - 1) : 1;
    // FAB looks at the result of each step. After a run come FAB's final search and the look at the result.
    return restarts * targets * (4 + steps * (attack === "fab-t" ? 2 : 1));
  };
  return partsOf(options, labels).reduce((sum, part) => sum + passesOf(part), 1);
}

/** FGSM and PGD attack every image, wrong ones too, and return where they end: the paper counts these. */
export const attacksAll = ({ attack }: Pick<AttackOptions, "attack">): boolean =>
  attack === "fgsm" || attack === "pgd";

/** Square asks for logits alone; auto asks for gradients too. */
export const usesGradients = ({ attack }: Pick<AttackOptions, "attack">): boolean =>
  attack !== "square";

/** One run: which restart it is, against which rival, and where its random numbers come from. */
interface Run {
  readonly restart: number;
  readonly target: number;
  readonly random: Random;
}

type Runner = (subject: Subject, part: Part, run: Run) => Attack;

/** PGD leads away from the true label, or from the network's own. */
const labelOf = ({ y, logits }: Subject, { labels }: Part): number =>
  labels === "true" ? y : argmax(logits);

const climb = ({ steps, randomStart }: Part, { random }: Run) => ({
  steps,
  start: randomStart ? random : undefined,
});

const runners: Readonly<Record<PartName, Runner>> = {
  fgsm: (subject, part) => pgd(subject, labelOf(subject, part), { steps: 1, length: part.eps }),
  pgd: (subject, part, run) =>
    pgd(subject, labelOf(subject, part), { ...climb(part, run), length: part.stepSize }),
  "apgd-ce": (subject, part, run) =>
    apgd(subject, crossEntropyLoss(subject.labels, subject.y), climb(part, run)),
  "apgd-dlr": (subject, part, run) =>
    apgd(subject, dlrLoss(subject.labels, subject.y), climb(part, run)),
  "apgd-t": (subject, part, run) =>
    apgd(subject, targetedDlrLoss(subject.labels, subject.y, run.target), climb(part, run)),
  // The first run starts at the clean image, as the paper says.
  "fab-t": (subject, { steps }, { restart, target, random }) =>
    fab(subject, target, { steps, start: restart === 0 ? undefined : random }),
  square: (subject, { steps }, { random }) => square(subject, { queries: steps, random }),
};

/**
 * The runs of an attack on one image, target by target, restart by restart; none has begun. Each draws from
 * a stream of its own, so that its result depends neither on the batch nor on what ran before.
 */
export function runsOf(subject: Subject, part: Part, id: number): Attack[] {
  const { attack, seed } = part;
  const targets = targeted.has(attack) ? rivals(subject, TARGETS) : [subject.y];
  // PGD's streams name no attack: the images of a seed stay what they were before there were others.
  const purpose = attack === "pgd" ? [] : [attackNames.indexOf(attack)];
  const restarts = attack === "fgsm" ? 1 : part.restarts;
  return targets.flatMap((target) =>
    Array.from({ length: restarts }, (_, restart) => {
      const path = targeted.has(attack) ? [...purpose, target] : purpose;
      const random = randomStream(seed, id, restart, ...path);
      return runners[attack](subject, part, { restart, target, random });
    }),
  );
}
