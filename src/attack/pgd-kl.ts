// PGD on the divergence of the answers: what TRADES trains under.
//
// Zhang et al. (ICML 2019), equation (5) and Algorithm 1: it climbs KL(p(x) || p(x')) in x', with p the softmax of the
// logits. As p(x) does not move, the gradient in the logits of x' is p(x') - p(x): that of the cross-entropy with p(x)
// in the place of the one-hot label, so that its gradient graph serves. This is no attack to judge by, and stands in no
// table: a start that makes the network surer of a right answer is climbed to still more certainty. At x itself the
// gradient is 0, so that it starts at random.
import { softmaxOf } from "../engine/logits.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import type { SingleAttack } from "./entry.ts";
import { climb, pgdAttack } from "./pgd.ts";

export const pgdKl = {
  ...pgdAttack,
  name: "pgd-kl",
  run: (subject, settings, { random }) => {
    const row = Float32Array.from(softmaxOf(subject.logits, subject.labels, 0));
    const path = { steps: settings.steps, length: settings.stepSize, start: random };
    return climb(subject, { loss: crossEntropy, row }, path);
  },
} as const satisfies SingleAttack;
