// AutoAttack: four attacks of different kinds in turn, each on the images that the ones before it left standing.
//
// Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
// attacks" (ICML 2020), the standard version.
import { apgdCeAttack, apgdDlrAttack, apgdTAttack } from "./apgd.ts";
import type { Ensemble } from "./entry.ts";
import { fabTAttack } from "./fab.ts";
import { squareAttack } from "./square.ts";

/** Square's queries to a step of the others: 5,000 to 100. */
const QUERIES_A_STEP = 50;

export const autoAttack = {
  name: "auto",
  steps: 100,
  usesGradients: true,
  attacksAll: false,
  slow: true,
  // With fewer than four labels the targeted DLR is not defined: three take APGD-DLR instead, two do without, as
  // their only rival leaves nothing to target.
  parts: (labels) => {
    const dlr = [apgdTAttack, apgdDlrAttack].find(({ leastLabels }) => labels >= leastLabels);
    const steps = [apgdCeAttack, ...(dlr === undefined ? [] : [dlr]), fabTAttack];
    return [
      ...steps.map((attack) => ({ attack, stepsEach: 1 })),
      { attack: squareAttack, stepsEach: QUERIES_A_STEP },
    ];
  },
} as const satisfies Ensemble;
