// The attacks that options stand for, one by itself or an ensemble's in turn, and their attempts on an image.
import { TemperError } from "../errors.ts";
import { randomStream } from "../tensor/random.ts";
import { attackOf } from "./attacks.ts";
import type { SingleAttack } from "./entry.ts";
import type { AttackOptions } from "./options.ts";
import type { AttackSettings } from "./settings.ts";
import { type AttackRun, rivals, type Subject } from "./subject.ts";

/** One attack by itself, fully stated. */
export interface Part extends AttackSettings {
  readonly attack: SingleAttack;
}

/** How many rivals a targeted attack is led towards, at most. */
const TARGETS = 9;

/** How many rivals a targeted attack is led towards, of a model with so many labels. */
export const targetsOf = (labels: number): number => Math.min(TARGETS, labels - 1);

/**
 * The attacks that `options` stands for, in order.
 *
 * @param labels of the model
 * @throws TemperError `bad-option` where an attack is asked for by name and not defined for so few labels
 */
export function partsOf(options: AttackOptions, labels: number): readonly Part[] {
  const entry = attackOf(options.attack);
  if ("parts" in entry) {
    return entry.parts(labels).map(({ attack, stepsEach }) => ({
      ...options,
      attack,
      steps: stepsEach * options.steps,
    }));
  }
  if (labels < entry.leastLabels) {
    throw new TemperError(
      "bad-option",
      `attack ${entry.name} needs ${entry.leastLabels} labels or more, the model has ${labels}: ` +
        "its loss compares so many\n" +
        `take apgd-ce, or auto, which leaves out what is not defined`,
    );
  }
  return [{ ...options, attack: entry }];
}

/**
 * How often one image goes through the network, at most.
 *
 * @throws TemperError `bad-option` as `partsOf`
 */
export function mostPasses(options: AttackOptions, labels: number): number {
  const passesOf = ({ attack, steps, restarts }: Part): number => {
    const targets = attack.targeted ? targetsOf(labels) : 1;
    // After a run come FAB's final search and the look at the result.
    return restarts * targets * (4 + steps * attack.passesAStep);
  };
  return partsOf(options, labels).reduce((sum, part) => sum + passesOf(part), 1);
}

/** Whether gradients are asked for; an ensemble asks where one of its attacks does. */
export const usesGradients = ({ attack }: Pick<AttackOptions, "attack">): boolean =>
  attackOf(attack).usesGradients;

/**
 * The attempts of an attack on an image, target by target, restart by restart; none has begun. Each draws from
 * a stream of its own, so that its result depends neither on the batch nor on what ran before.
 */
export function attemptsOf(subject: Subject, part: Part, id: number): AttackRun[] {
  const { attack, seed } = part;
  const { stream, targeted, oneStep = false } = attack;
  const targets = targeted ? rivals(subject, TARGETS) : [subject.y];
  const restarts = oneStep ? 1 : part.restarts;
  return targets.flatMap((target) =>
    Array.from({ length: restarts }, (_, restart) => {
      const path = [...(stream === undefined ? [] : [stream]), ...(targeted ? [target] : [])];
      const random = randomStream(seed, id, restart, ...path);
      return attack.run(subject, part, { restart, target, random });
    }),
  );
}
