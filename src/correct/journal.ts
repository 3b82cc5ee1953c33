// What Algorithm 1 writes down on its way, and the states from which a run is taken up again.
import type { Solved } from "./blocks.ts";
import { finiteOrNull, type Trial } from "./candidates.ts";
import type { Contradiction } from "./elastic.ts";
import type { Asked } from "./oracle.ts";
import type { AnchorRecord, IterationRecord, RunEnd } from "./records.ts";
import type { AlgorithmState, AnchorState } from "./state.ts";

/** Everything that Algorithm 1 has found so far; it only ever grows. */
export interface Journal {
  /** theta0, theta_1, ..., each with the loss and the gradient that its cut (8) is made of. */
  readonly evaluated: AnchorState[];
  /** theta_1, theta_2, ...: one of them more than `evaluated` has when no cuts are made of the last. */
  readonly anchors: Float32Array[];
  readonly trials: Trial[];
  readonly iterations: IterationRecord[];
  readonly contradictions: Contradiction[];
}

/** An empty journal, or the one of the run that left this state. */
export function openJournal(state: AlgorithmState | undefined): Journal {
  const evaluated = [...(state?.anchors ?? [])];
  const last = state?.finishing?.last;
  return {
    evaluated,
    anchors: [
      ...evaluated.slice(1).map(({ theta }) => theta),
      ...(last === undefined ? [] : [last]),
    ],
    trials: [...(state?.trials ?? [])],
    iterations: [...(state?.iterations ?? [])],
    contradictions: [...(state?.contradictions ?? [])],
  };
}

/** Where an iteration led: to theta_k as a candidate, or nowhere. */
export interface Reached {
  readonly trial?: Trial;
  /** The iteration of which theta_k is the anchor already. */
  readonly repeats?: number;
  readonly asked?: Asked | undefined;
  /** How many rows were given up. */
  readonly dropped?: number;
}

/** Writes down an iteration. */
export function noteIteration(
  { iterations }: Journal,
  rows: number,
  { status, iterations: steps, active, residuals, distance, blocks }: Solved,
  { trial, repeats, asked, dropped = 0 }: Reached,
): IterationRecord {
  const record = {
    iteration: iterations.length + 1,
    rows,
    ...(dropped > 0 && { dropped }),
    status,
    steps,
    active: active.rows.length,
    residuals: {
      primal: finiteOrNull(residuals.primal),
      dual: finiteOrNull(residuals.dual),
      complementarity: finiteOrNull(residuals.complementarity),
    },
    distance: finiteOrNull(distance),
    ...(blocks && { blocks }),
    anchor: trial === undefined ? null : anchorOf(trial, repeats),
    ...(asked && { asked }),
  };
  iterations.push(record);
  return record;
}

const anchorOf = (
  { violation, corrected, loss, lossEstimate }: Trial,
  repeats?: number,
): AnchorRecord => ({
  violation,
  corrected,
  loss,
  ...(lossEstimate && { lossEstimate }),
  ...(repeats === undefined ? {} : { repeats }),
});

/** The state after an iteration that has a next one. */
export function stateOf(
  { evaluated, trials, iterations, contradictions }: Journal,
  solver: Pick<AlgorithmState, "active" | "largestMultiplier" | "idle">,
): AlgorithmState {
  return {
    anchors: [...evaluated],
    trials: [...trials],
    iterations: [...iterations],
    active: solver.active,
    largestMultiplier: solver.largestMultiplier,
    contradictions: [...contradictions],
    ...(solver.idle && { idle: solver.idle }),
  };
}

/** Lets go of the gradients: no cut will come of them. */
export function forgetGradients({ evaluated }: Journal): void {
  for (const [j, anchor] of evaluated.entries()) {
    evaluated[j] = { ...anchor, gradient: new Float64Array() };
  }
}

/**
 * The state while the losses of the lines are found. No (13) is left to solve, so it holds nothing that only cuts
 * and a warm start need; the journal's gradients are gone by then.
 */
export function finishingStateOf(
  journal: Journal,
  end: RunEnd,
  lines: readonly Trial[],
): AlgorithmState {
  const none = { rows: new Int32Array(), multipliers: new Float64Array() };
  const { anchors, evaluated } = journal;
  const last = anchors.length < evaluated.length ? undefined : anchors.at(-1);
  return {
    ...stateOf(journal, { active: none, largestMultiplier: 0 }),
    finishing: { end, last, lines },
  };
}
