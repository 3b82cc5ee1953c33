// Every warning that may stand beside a number: when it is raised, and why the number is weaker for it.
//
// Some need no attack's result: attack and correct give those before anything long begins (look.ts).
// After the checks that Carlini et al. (arXiv 1902.06705) and Athalye, Carlini & Wagner (ICML 2018) ask of
// an evaluation, and those of AutoAttack (Croce & Hein, ICML 2020).
import type { GradientEnd } from "../autodiff/ends.ts";
import { type Dataset, imageSize } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import { type Node, nodeLabel } from "../onnx/graph.ts";
import { attackOf, NONE } from "./attacks.ts";
import { isChance } from "./chance.ts";
import { radius } from "./effort.ts";
import type { Longer } from "./longer.ts";
import { normalisedTwice } from "./normalised.ts";
import { usesGradients } from "./parts.ts";
import type { Probe } from "./probe.ts";
import { countRight } from "./share.ts";
import { type Outcome, sameBall } from "./worst.ts";

/** One attack and what came of it. */
export interface AttackEvidence extends Outcome {
  readonly longer?: Longer | undefined;
}

/** What is known of one model on one data set before it is attacked. */
export interface Sight {
  readonly data: Dataset;
  readonly network: Network;
  /** How many clean images are right, of those that were asked. */
  readonly right: number;
  readonly of: number;
  readonly probe: Probe;
  readonly ends: readonly GradientEnd[];
  /** The nodes that the gradient in the image passes straight through (autodiff/ends.ts). */
  readonly surrogates: readonly Node[];
}

/** All that is known of it afterwards. */
export interface Evidence extends Sight {
  /** f_y - max rival of each clean image. */
  readonly cleanMargins: Float32Array;
  readonly attacks: readonly AttackEvidence[];
}

/** What an attack may do, and how. */
export type Attempted = Pick<AttackEvidence, "options">;

/** A warning is asked beside the clean accuracy, of an attack before it begins, or of what came of it. */
export interface Warning {
  readonly name: string;
  /** When it is raised, as docs/evaluation.md says it. */
  readonly when: string;
  readonly clean?: (sight: Sight) => string | false;
  readonly attack?: (attack: Attempted, sight: Sight) => string | false;
  readonly outcome?: (attack: AttackEvidence, evidence: Evidence) => string | false;
}

/** A few images in a thousand, and more than one, are no accident of a random start. */
const noticeable = (count: number, of: number): boolean => count >= 2 && count > 0.002 * of;

const isOneStep = (name: string): boolean => {
  const entry = attackOf(name);
  return "run" in entry && entry.oneStep === true;
};

const predictedLabels: Warning = {
  name: "predicted-labels",
  when: "FGSM or PGD take the loss against the network's own answers instead of the true labels",
  // The other attacks leave wrong images alone, and for right ones the labels agree.
  attack: ({ options }) =>
    options.labels === "predicted" &&
    attackOf(options.attack).attacksAll &&
    "labels predicted by the network: weaker than an attack on the true labels",
};

const unclipped: Warning = {
  name: "unclipped",
  when: "pixels are not kept in a range",
  attack: ({ options }) =>
    options.clip === null && "pixels may leave [0, 1]: not all of these are images",
};

/** Whether a pixel, in pixel units, lies outside the range. */
function leaves({ pixels }: Dataset, [low, high]: readonly [number, number]): boolean {
  if (pixels instanceof Float32Array) return pixels.some((v) => v < low || v > high);
  return (low > 0 || high < 1) && pixels.some((byte) => byte < 255 * low || byte > 255 * high);
}

const outsideClip: Warning = {
  name: "outside-clip",
  when: "a clean pixel lies outside the clip range",
  attack: ({ options: { clip } }, { data }) =>
    clip !== null &&
    leaves(data, clip) &&
    `the data leave the clip range [${clip.join(", ")}]: give their range as --clip, or --mean and --std`,
};

const nothingTurned: Warning = {
  name: "nothing-turned",
  when: "eps is above 0 and not one of the right images was turned",
  outcome: ({ options, margins }, { cleanMargins }) =>
    options.eps > 0 &&
    cleanMargins.some((m) => m > 0) &&
    !cleanMargins.some((m, i) => m > 0 && !(margins[i] > 0)) &&
    "not one image was turned: gradients may be masked; do not read this as robustness",
};

const quantisedInput: Warning = {
  name: "quantised-input",
  when: "the model takes bytes or rounds the image before its first layer, and the attack uses gradients",
  attack: (attack, { ends }) => {
    const end = ends.find(({ early }) => early);
    return (
      usesGradients(attack.options) &&
      end !== undefined &&
      `the image is quantised at ${nodeLabel(end.node)}, where its gradient ends: add --attack square`
    );
  },
};

const hardOutput: Warning = {
  name: "hard-output",
  when: "every way from the image to the logits has steps behind the first layer, and the attack uses gradients",
  attack: (attack, { ends }) =>
    usesGradients(attack.options) &&
    ends.length > 0 &&
    !ends.some(({ early }) => early) &&
    `the answer has no gradient, which ends at ${nodeLabel(ends[0].node)}: add --attack square`,
};

const surrogateGradients: Warning = {
  name: "surrogate-gradients",
  when: "on a way from the image to the logits there are signs or quantisers, and the attack uses gradients",
  attack: ({ options }, { surrogates }) =>
    usesGradients(options) &&
    surrogates.length > 0 &&
    `the gradient passes straight through ${nodeLabel(surrogates[0])}, as if it had no steps, and may mislead: ` +
      "add --attack square",
};

const vanishingGradients: Warning = {
  name: "vanishing-gradients",
  when: "the gradient of the loss at a right image is 0 at every pixel, and the attack uses gradients",
  attack: (attack, { ends, probe: { vanished, right } }) =>
    usesGradients(attack.options) &&
    ends.length === 0 &&
    vanished > 0 &&
    `no gradient at ${vanished} of ${right} right images looked at: ` +
      "an attack has no direction there; add --attack square",
};

/** What is said of the model itself stands beside every number. */
const besideEvery = (
  says: (sight: Sight) => string | false,
): Required<Pick<Warning, "clean" | "attack">> => ({
  clean: says,
  attack: (_, sight) => says(sight),
});

const randomText = ({ probe: { changed, asked } }: Sight): string | false =>
  changed > 0 &&
  `other logits at a second pass for ${changed} of ${asked} images looked at: ` +
    "the model is random, and one pass an image says little";

const randomOutputs: Warning = {
  name: "random-outputs",
  when: "the same image gets other logits at a second pass",
  ...besideEvery(randomText),
};

const mixedText = ({ probe: { changed, mixed, alone } }: Sight): string | false =>
  changed === 0 &&
  mixed > 0 &&
  `other logits among other images than alone for ${mixed} of ${alone} looked at: ` +
    "the model mixes the images of a batch, and its answer depends on the company";

const mixedImages: Warning = {
  name: "mixed-images",
  when: "an image gets other logits alone than in a batch",
  ...besideEvery(mixedText),
};

const reading: Warning = {
  name: "reading",
  when: "the model is not computed as its file stands",
  clean: ({ network: { notes } }) => notes.length > 0 && notes.join("; "),
};

const softmaxEnding: Warning = {
  name: "softmax-ending",
  when: "the file ends in Softmax, Sigmoid or another step that keeps the labels in their order",
  attack: (_, { network: { ending } }) =>
    ending.cut !== undefined &&
    `read through the logits before ${ending.cut}: elsewhere the model's probabilities may seem harder to attack`,
};

/** How many images of a data set have each label. */
function labelCounts({ labels }: Dataset, of: number): Float64Array {
  const counts = new Float64Array(of);
  for (const label of labels) counts[label]++;
  return counts;
}

/** Whether the answers are no better than chance; a network that is merely weak is not meant. */
export const isBlind = ({ data, network, right, of, probe: { answered } }: Sight): boolean =>
  isChance({ right, of, answered, labelled: labelCounts(data, network.labels) });

const nearChance: Warning = {
  name: "near-chance",
  when: "the clean accuracy is no better than chance at 99 %, or within a tenth of the way from 1 of the labels to 1",
  clean: (sight) => {
    const { labels } = sight.network;
    const low = sight.right / sight.of <= 1 / labels + (1 - 1 / labels) / 10;
    return (
      (low || isBlind(sight)) &&
      `no better than chance, or little (${labels} labels): check --mean and --std, the range of the data, its labels`
    );
  },
};

const wideBall: Warning = {
  name: "wide-ball",
  when: "the ball spans the range of a pixel or more: eps is half of the range, in l2 of every pixel, or above",
  attack: ({ options: { eps, norm, epsSpace, clip } }, { data, network }) => {
    const [low, high] = clip ?? [0, 1];
    const unit = epsSpace === "model" ? Math.min(...(network.options.std ?? [1])) : 1;
    const pixels = norm === "l2" ? Math.sqrt(imageSize(data.shape)) : 1;
    return (
      eps * unit >= ((high - low) / 2) * pixels &&
      `eps ${radius(eps)} covers half of the range [${low}, ${high}] or more: ` +
        "pixels are divided by 255 here, so that 8 of 255 is written --eps 8/255"
    );
  },
};

const twiceNormalised: Warning = {
  name: "twice-normalised",
  when: "--mean or --std is given to a graph that shifts or scales the image itself before its first layer",
  ...besideEvery(({ network }) => normalisedTwice(network) ?? false),
};

const squareWins: Warning = {
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

const moreSteps: Warning = {
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

const beatenByWeaker: Warning = {
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

const beatenBySmaller: Warning = {
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

/** The closed list, in the order in which they are given. */
export const warnings: readonly Warning[] = [
  predictedLabels,
  unclipped,
  outsideClip,
  wideBall,
  nearChance,
  twiceNormalised,
  randomOutputs,
  mixedImages,
  reading,
  quantisedInput,
  hardOutput,
  surrogateGradients,
  vanishingGradients,
  softmaxEnding,
  nothingTurned,
  moreSteps,
  squareWins,
  beatenByWeaker,
  beatenBySmaller,
];

/** The texts of some warnings, each with its name: "... [unclipped]". */
const raised = (says: (warning: Warning) => string | false | undefined): string[] =>
  warnings.flatMap((warning) => {
    const text = says(warning);
    return text ? [`${text} [${warning.name}]`] : [];
  });

/** What must be said beside each number. */
export function warningsOf(evidence: Evidence): {
  readonly clean: readonly string[];
  readonly attacks: readonly (readonly string[])[];
} {
  return {
    clean: raised(({ clean }) => clean?.(evidence)),
    attacks: evidence.attacks.map((one) =>
      raised(({ attack, outcome }) => attack?.(one, evidence) || outcome?.(one, evidence)),
    ),
  };
}

/** What must be said before a model is attacked, or before it is corrected without an attack. */
export const warningsBefore = (sight: Sight, attack?: Attempted): readonly string[] =>
  raised(
    (warning) =>
      warning.clean?.(sight) || (attack !== undefined && warning.attack?.(attack, sight)),
  );
