// What the reader has chosen: one state that every view reads, and that any of them may change.
import type { Candidate } from "../../correct/candidates.ts";
import { choose } from "../../correct/choice.ts";
import { type Axis, axesOf } from "../axes.ts";
import type { ReportDocument, RunDocument } from "../document.ts";
import { isLeft } from "../known-loss.ts";

/** Which candidates are drawn. */
export interface Shown {
  readonly dominated: boolean;
  readonly bounds: boolean;
  /** Iterations from and to, inclusive. */
  readonly iterations: readonly [number, number];
}

export interface State {
  readonly document: ReportDocument;
  /** The run that is looked at. */
  readonly run: number;
  /** Index in the pool of the candidate that is looked at. */
  readonly candidate: number;
  /** The weight of (19) that chose it; undefined where a hand did. */
  readonly weight: number | undefined;
  readonly shown: Shown;
  /** Ranges that candidates must lie in, by axis: a rectangle in the plane is two of them. */
  readonly ranges: Readonly<Partial<Record<Axis["key"], readonly [number, number]>>>;
}

export interface Store {
  readonly state: () => State;
  set(change: Partial<State>): void;
  /** Calls `look` now, and again whenever one of these parts of the state is another. */
  watch(parts: readonly (keyof State)[], look: (state: State) => void): void;
}

export function createStore(document: ReportDocument): Store {
  let state = atRun(document, 0);
  const watchers: {
    readonly parts: readonly (keyof State)[];
    readonly look: (state: State) => void;
  }[] = [];
  return {
    state: () => state,
    set: (change) => {
      const before = state;
      state = { ...state, ...change };
      for (const { parts, look } of watchers) {
        if (parts.some((part) => before[part] !== state[part])) look(state);
      }
    },
    watch: (parts, look) => {
      watchers.push({ parts, look });
      look(state);
    },
  };
}

/** Everything as it is when a run is first looked at. */
export function atRun(document: ReportDocument, run: number): State {
  const { record } = document.runs[run];
  return {
    document,
    run,
    candidate: record.choice,
    weight: record.options.weight,
    shown: { dominated: true, bounds: true, iterations: [0, Infinity] },
    ranges: {},
  };
}

/** Whether there are candidates to look at: not before the first iteration. */
export const hasBegun = ({ runs }: ReportDocument): boolean => runs[0].record.pool.length > 0;

export const runOf = ({ document, run }: State): RunDocument => document.runs[run];

export const candidateOf = (state: State): Candidate => runOf(state).record.pool[state.candidate];

/** The choice (19) by a weight, by the function that `temper select` calls. */
export function byWeight(state: State, weight: number): Partial<State> {
  const { pool, options } = runOf(state).record;
  return { weight, candidate: choose(pool, { ...options, weight }) };
}

/** Whether the toggles leave a candidate; theta0 always stays. */
export function isShown({ shown }: Pick<State, "shown">, candidate: Candidate): boolean {
  const { iteration, front } = candidate;
  const [from, to] = shown.iterations;
  if (iteration === 0) return true;
  if (iteration < from || iteration > to) return false;
  if (isLeft(candidate)) return shown.bounds;
  return front || shown.dominated;
}

/** The candidates that are shown and lie in every range, by their indices in the pool. */
export function selectedIn(state: State): number[] {
  const run = runOf(state);
  const { record } = run;
  const axes = axesOf(run).flatMap((axis) => {
    const range = state.ranges[axis.key];
    return range === undefined ? [] : [{ axis, range }];
  });
  return record.pool.flatMap((candidate, i) => {
    const inside = axes.every(({ axis, range: [low, high] }) => {
      const value = axis.of(candidate);
      return value !== null && value >= low && value <= high;
    });
    return inside && isShown(state, candidate) ? [i] : [];
  });
}

/** Adds a range, its ends in four digits as they are shown, or takes it away. */
export function withRange(
  { ranges }: State,
  key: Axis["key"],
  range: readonly [number, number] | undefined,
): Pick<State, "ranges"> {
  const { [key]: _, ...others } = ranges;
  if (range === undefined) return { ranges: others };
  const [low, high] = range.map((end) => Number(end.toPrecision(4)));
  return { ranges: { ...others, [key]: [low, high] } };
}
