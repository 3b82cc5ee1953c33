// Every warning that may stand beside a number: when it is raised, and why the number is weaker for it.
//
// Those of attacks' results are in outcome-warnings.ts. Most of the others attack and correct give before anything
// long begins (look.ts).
// After the checks that Carlini et al. (arXiv 1902.06705) and Athalye, Carlini & Wagner (ICML 2018) ask of
// an evaluation, and those of AutoAttack (Croce & Hein, ICML 2020).
import { type AnyDataset, imageSize, pixelsOf } from "../data/dataset.ts";
import { nodeLabel } from "../onnx/graph.ts";
import { attackOf } from "./attacks.ts";
import { isChance } from "./chance.ts";
import { radius } from "./effort.ts";
import { normalisedTwice } from "./normalised.ts";
import {
  beatenBySmaller,
  beatenByWeaker,
  moreSteps,
  nothingTurned,
  squareWins,
} from "./outcome-warnings.ts";
import { usesGradients } from "./parts.ts";
import { type Attempted, type Evidence, noticeable, type Sight, type Warning } from "./warning.ts";

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
function leaves(data: AnyDataset, [low, high]: readonly [number, number]): boolean {
  const { pixels, shape, count } = data;
  if (pixels instanceof Float32Array) return pixels.some((v) => v < low || v > high);
  if (low <= 0 && high >= 1) return false; // Pixels in a file are bytes.
  const ids = Int32Array.from({ length: count }, (_, i) => i);
  const size = imageSize(shape);
  return ids.some((i) =>
    pixelsOf(data, i * size, (i + 1) * size).some((byte) => byte < 255 * low || byte > 255 * high),
  );
}

const outsideClip: Warning = {
  name: "outside-clip",
  when: "a clean pixel lies outside the clip range",
  attack: ({ options: { clip } }, { data }) =>
    clip !== null &&
    leaves(data, clip) &&
    `the data leave the clip range [${clip.join(", ")}]: give their range as --clip, or --mean and --std`,
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
      "evaluate shows square beside it",
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

const ties: Warning = {
  name: "ties",
  when: "an image's label shares the largest logit with another: more than 0.2 % and one",
  clean: ({ probe: { tied, asked } }) =>
    noticeable(tied, asked) &&
    `at ${tied} of ${asked} images looked at the label shares the largest logit with others: that counts as wrong, ` +
      "where an argmax takes the first of them",
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
function labelCounts({ labels }: AnyDataset, of: number): Float64Array {
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
  ties,
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
