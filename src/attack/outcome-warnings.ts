// The warnings that need the results of attacks: on their own, with more steps, and beside each other's.
import { attackOf, NONE } from "./attacks.ts";
import { radius } from "./effort.ts";
import { usesGradients } from "./parts.ts";
import { countRight } from "./share.ts";
import { type AttackEvidence, noticeable, type Warning } from "./warning.ts";
import { sameBall } from "./worst.ts";

const isOneStep = (name: string): boolean => {
  const entry = attackOf(name);
  return "run" in entry && entry.oneStep === true;
};

export const nothingTurned: Warning = {
  name: "nothing-turned",
  when: "eps is above 0 and not one of the right images was turned",
  outcome: ({ options, margins }, { cleanMargins }) =>
    options.eps > 0 &&
    cleanMargins.some((m) => m > 0) &&
    !cleanMargins.some((m, i) => m > 0 && !(margins[i] > 0)) &&
    "not one image was turned: gradients may be masked; do not read this as robustness",
};

export const squareWins: Warning = {
  name: "square-wins",
  when: "Square turns images that no attack with gradients turns in the same ball: more than 0.2 % and one",
  outcome: (attack, { cleanMargins, attacks }) => {
    const { attack: name } = attack.options;
    // One step is beaten by anything; that says nothing of the gradients.
    if (isOneStep(name) || !usesGradients(attack.options)) return false;
    const rivals = attacks.filter((other) => sameBall(other.options, attack.options));
    const finders = (i: number): string[] =>
      rivals.filter(({ margins }) => !(margins[i] > 0)).map(({ found }) => found[i]);
    const count = cleanMargins.filter((m, i) => {
      const names = m > 0 ? finders(i) : [];
      return names.length > 0 && names.every((by) => by !== NONE && !attackOf(by).usesGradients);
    }).length;
    return (
      noticeable(count, cleanMargins.length) &&
      `Square turned ${count} images that no gradient led to: gradients mislead, or are used badly`
    );
  },
};

export const moreSteps: Warning = {
  name: "more-steps",
  when: "of up to 50 images that withstood the attack two or more fall to twice the steps, half a point of accuracy",
  outcome: ({ longer, margins }) => {
    if (longer === undefined || longer.turned < 2) return false;
    const { standing, tried, turned } = longer;
    const lost = ((turned / tried) * standing) / margins.length;
    return (
      lost > 0.005 &&
      `${turned} of ${tried} images that withstood it fall to twice the steps, ` +
        `some ${(100 * lost).toFixed(1)} points of accuracy: raise --steps`
    );
  },
};

/** Whether an attack can do all that another can, and more. */
const isStronger = (a: string, b: string): boolean =>
  a !== b && ("parts" in attackOf(a) || (isOneStep(b) && attackOf(a).usesGradients));

/** The first of the rivals that turns noticeably more of the right images, and how many more. */
function beatenBy(
  attack: AttackEvidence,
  rivals: readonly AttackEvidence[],
  cleanMargins: Float32Array,
): { readonly rival: AttackEvidence; readonly by: number } | undefined {
  const standing = ({ margins }: AttackEvidence): number =>
    countRight(margins.filter((_, i) => cleanMargins[i] > 0));
  return rivals
    .map((rival) => ({ rival, by: standing(attack) - standing(rival) }))
    .find(({ by }) => noticeable(by, cleanMargins.length));
}

export const beatenByWeaker: Warning = {
  name: "beaten-by-weaker",
  when: "FGSM, or to auto any attack, turns more right images in the same ball: more than 0.2 % and one",
  outcome: (attack, { attacks, cleanMargins }) => {
    const { options } = attack;
    const weaker = attacks.filter(
      (other) =>
        sameBall(other.options, options) && isStronger(options.attack, other.options.attack),
    );
    const beaten = beatenBy(attack, weaker, cleanMargins);
    return (
      beaten !== undefined &&
      `${beaten.rival.options.attack} turns ${beaten.by} images more: raise --steps or --restarts; or gradients mislead`
    );
  },
};

export const beatenBySmaller: Warning = {
  name: "beaten-by-smaller",
  when: "the same attack turns more right images with a smaller eps: more than 0.2 % and one",
  outcome: (attack, { attacks, cleanMargins }) => {
    const { options } = attack;
    const smaller = attacks.filter(
      (other) =>
        other.options.eps < options.eps &&
        other.options.attack === options.attack &&
        sameBall({ ...other.options, eps: options.eps }, options),
    );
    const beaten = beatenBy(attack, smaller, cleanMargins);
    return (
      beaten !== undefined &&
      `with eps ${radius(beaten.rival.options.eps)} it turns ${beaten.by} images more, all of them in this ball too`
    );
  },
};
