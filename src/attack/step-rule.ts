// APGD's step size: halved at checkpoints where the loss has not risen as a good step would make it.
//
// Croce & Hein (ICML 2020), section 3.1: at the checkpoints w_j = ceil(p_j N) with p_0 = 0, p_1 = 0.22,
// p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06) the step is halved, and the climb goes on from its
// highest point, if since w_(j-1)
//   Condition 1: fewer than rho = 0.75 of the steps raised the loss, or
//   Condition 2: neither was the step halved at w_(j-1), nor did the highest loss rise.
// A checkpoint is looked at as soon as f(x^(w_j)) is known.

const RHO = 0.75;

/** w_1 < w_2 < ... up to `steps`. */
export function checkpoints(steps: number): number[] {
  const at: number[] = [];
  // In hundredths, so that ceil does not see the rounding of 0.22 + 0.19.
  for (let p = 22, before = 0; p <= 100; [p, before] = [p + Math.max(p - before - 3, 6), p]) {
    const w = Math.ceil((p * steps) / 100);
    if (w !== at.at(-1)) at.push(w);
  }
  return at;
}

/** Where a climb stands after its k-th loss. */
export interface StepState {
  readonly checkpoints: readonly number[];
  readonly k: number;
  /** eta: the length of the next step. */
  readonly length: number;
  readonly loss: number;
  readonly highest: number;
  /** The next step is taken from the highest point, not from the newest. */
  readonly back: boolean;
  /** How often the loss has risen since the last checkpoint w_(j-1). */
  readonly rises: number;
  /** How the climb stood at that checkpoint. */
  readonly since: {
    readonly k: number;
    readonly highest: number;
    readonly halved: boolean;
  };
}

/** Before the first step: f(x^(0)). */
export const firstStep = (
  options: { readonly steps: number; readonly length: number },
  loss: number,
): StepState => ({
  checkpoints: checkpoints(options.steps),
  k: 0,
  length: options.length,
  loss,
  highest: loss,
  back: false,
  rises: 0,
  since: { k: 0, highest: loss, halved: false },
});

/** After a step: its loss decides the next one. */
export function nextStep(state: StepState, loss: number): StepState {
  const k = state.k + 1;
  const highest = Math.max(state.highest, loss);
  const rises = state.rises + (loss > state.loss ? 1 : 0);
  const next = { ...state, k, loss, highest, rises, back: false };
  if (!state.checkpoints.includes(k)) return next;
  const { since } = state;
  const condition1 = rises < RHO * (k - since.k);
  const condition2 = !since.halved && highest === since.highest;
  const halved = condition1 || condition2;
  return {
    ...next,
    length: halved ? state.length / 2 : state.length,
    loss: halved ? highest : loss,
    back: halved,
    rises: 0,
    since: { k, highest, halved },
  };
}
