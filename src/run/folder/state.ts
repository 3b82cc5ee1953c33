// The state of an unfinished run: a file of each anchor, written once, and one that is replaced after each iteration.
//
// An anchor is 12 bytes a weight, and of a large network there are gigabytes of them: they are neither written again in
// every iteration nor put together in memory.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Trial } from "../../correct/candidates.ts";
import type { Contradiction } from "../../correct/elastic.ts";
import type { AlgorithmState, CentreState, FinishingState } from "../../correct/state.ts";
import { arrayOf, arrayOfText, type NpyArray } from "../../data/npy.ts";
import { readNpz, readNpzFile, writeNpz } from "../../data/npz.ts";
import { TemperError } from "../../errors.ts";
import type { Families, Family } from "../record.ts";
import { anchorFile, STATE } from "./files.ts";

type Arrays = ReadonlyMap<string, NpyArray>;

/** The numbers of an array by its name. */
type Values = <T>(name: string) => T;

/** How the state of an algorithm becomes arrays and a text, and back. */
export interface StateFormat<S> {
  /** Of each anchor, what never changes once it is there. */
  anchors(state: S): readonly Arrays[];
  arrays(state: S): Arrays;
  /** What is not numbers; it travels as JSON in the same file, so that one rename replaces all. */
  rest(state: S): unknown;
  join(values: Values, rest: unknown, anchors: readonly Values[]): S;
}

/** The state of Algorithm 1. */
export const algorithmState: StateFormat<AlgorithmState> = {
  anchors: ({ anchors }) =>
    anchors.map(({ theta, loss, gradient }) => {
      const named = { theta: arrayOf(theta), loss: arrayOf(Float64Array.of(loss)) };
      return new Map(Object.entries({ ...named, gradient: arrayOf(gradient) }));
    }),
  arrays: ({ active, finishing }) =>
    new Map<string, NpyArray>([
      ...(finishing?.last === undefined ? [] : [["last", arrayOf(finishing.last)] as const]),
      ["active", arrayOf(active.rows)],
      ["multipliers", arrayOf(active.multipliers)],
    ]),
  rest: ({ anchors: _, active: __, finishing, ...rest }) => ({
    ...rest,
    ...(finishing && {
      finishing: {
        ...{ end: finishing.end, lines: finishing.lines },
        hasLast: finishing.last !== undefined,
      },
    }),
  }),
  join: (values, rest, anchors) => {
    const { finishing, ...records } = rest as Omit<AlgorithmState, "anchors" | "active"> & {
      readonly finishing?: FinishingState & { readonly hasLast: boolean };
    };
    const { hasLast = false, ...ending } = finishing ?? {};
    return {
      ...records,
      ...(finishing && {
        finishing: { ...(ending as FinishingState), last: hasLast ? values("last") : undefined },
      }),
      anchors: anchors.map((of) => ({
        theta: of<Float32Array>("theta"),
        loss: of<Float64Array>("loss")[0],
        gradient: of<Float64Array>("gradient"),
      })),
      active: {
        rows: values<Int32Array>("active"),
        multipliers: values<Float64Array>("multipliers"),
      },
    };
  },
};

/** What a state of the moving centre may have beside its theta, [p] each. */
const CARRIED = ["sizes", "velocity"] as const;

/** The state of the moving centre. */
export const centreState: StateFormat<CentreState> = {
  anchors: ({ anchors }) => anchors.map((theta) => new Map([["theta", arrayOf(theta)]])),
  arrays: (state) =>
    new Map<string, NpyArray>([
      ["present", arrayOf(state.theta)],
      ...CARRIED.flatMap((name) => {
        const values = state[name];
        return values === undefined ? [] : [[name, arrayOf(values)] as const];
      }),
    ]),
  rest: ({ trials, iterations, ...state }) => ({
    ...{ trials, iterations },
    carried: CARRIED.filter((name) => state[name] !== undefined),
  }),
  join: (values, rest, anchors) => {
    const { carried = [], ...records } = rest as Pick<CentreState, "trials" | "iterations"> & {
      readonly carried?: readonly (typeof CARRIED)[number][];
    };
    return {
      ...records,
      ...Object.fromEntries(carried.map((name) => [name, values<Float64Array>(name)])),
      theta: values("present"),
      anchors: anchors.map((of) => of<Float32Array>("theta")),
    };
  },
};

/** What the file says beside its numbers. */
interface Text {
  /** Anchors that belong to the state. */
  readonly anchors: number;
  readonly rest: unknown;
}

/**
 * The files of a state, by their names and in the order in which they must be written, each made when its turn comes.
 *
 * @param kept anchors that are written already
 */
export function* stateFiles<S>(
  state: S,
  { anchors, arrays, rest }: StateFormat<S>,
  kept: number,
): Generator<readonly [string, Uint8Array]> {
  const all = anchors(state);
  for (const [k, anchor] of all.entries()) {
    if (k >= kept) yield [anchorFile(k), writeNpz(anchor)];
  }
  const text: Text = { anchors: all.length, rest: rest(state) };
  yield [
    STATE,
    writeNpz(new Map([...arrays(state), ["records", arrayOfText(JSON.stringify(text))]])),
  ];
}

const valuesOf =
  (arrays: Arrays): Values =>
  <T>(name: string): T => {
    const array = arrays.get(name);
    if (array === undefined) throw new Error(`it holds no ${name}`);
    return array.values as T;
  };

const textIn = (values: Values): Text =>
  JSON.parse(new TextDecoder().decode(values<Uint8Array>("records")));

/**
 * The state in a RUN folder, or undefined where its run was stopped before the first was written.
 *
 * @throws TemperError `run-unreadable` where a file of it is damaged
 */
export async function readState<S>(
  folder: string,
  { join: joinState }: StateFormat<S>,
): Promise<{ readonly state: S; readonly anchors: number } | undefined> {
  let path = join(folder, STATE);
  if (!existsSync(path)) return undefined;
  const read = async (): Promise<Values> =>
    valuesOf(readNpz(await readFile(path), { where: path }));
  try {
    const values = await read();
    const { anchors: count, rest } = textIn(values);
    const anchors: Values[] = [];
    for (let k = 0; k < count; k++) {
      path = join(folder, anchorFile(k));
      anchors.push(await read());
    }
    return { state: joinState(values, rest, anchors), anchors: count };
  } catch (cause) {
    throw new TemperError(
      "run-unreadable",
      `the run cannot go on from "${path}": ${(cause as Error).message.split("\n")[0]}\n` +
        "start it again with --force",
      { cause },
    );
  }
}

/** What the state of an unfinished run says of it, whichever its recipe: enough to look at it, too little to go on. */
export interface StateSoFar {
  /** Every candidate so far; those along the lines with the losses that have been found. */
  readonly trials: readonly Trial[];
  readonly iterations: readonly Families[Family]["iteration"][];
  readonly contradictions?: readonly Contradiction[];
  /** The thetas that candidates are rebuilt from, each [p]. */
  readonly anchors: readonly Float32Array[];
}

/**
 * Looks at the state in a RUN folder while its run goes on; undefined where there is none.
 *
 * @throws TemperError `data-unreadable`, or the system's error where the file is gone meanwhile
 */
export async function lookAtState(folder: string): Promise<StateSoFar | undefined> {
  const path = join(folder, STATE);
  if (!existsSync(path)) return undefined;
  const arrays = readNpz(await readFile(path), { where: path });
  const { anchors: count, rest: all } = textIn(valuesOf(arrays));
  const { finishing, ...rest } = all as Omit<StateSoFar, "anchors"> & {
    readonly finishing?: Pick<FinishingState, "lines">;
  };
  const thetas: Float32Array[] = [];
  for (let k = 0; k < count; k++) {
    const { arrays: ofAnchor } = await readNpzFile(join(folder, anchorFile(k)), {
      only: ["theta"], // the gradients are most of the file
    });
    thetas.push(valuesOf(ofAnchor)<Float32Array>("theta"));
  }
  // Algorithm 1 keeps theta0 before its anchors, and the last one beside them.
  const last = arrays.get("last")?.values as Float32Array | undefined;
  const anchors = arrays.has("present") ? thetas : [...thetas.slice(1), ...(last ? [last] : [])];
  const found = new Map(finishing?.lines.map((trial) => [placeOf(trial), trial]));
  return {
    ...rest,
    trials: rest.trials.map((trial) => found.get(placeOf(trial)) ?? trial),
    anchors,
  };
}

const placeOf = ({ iteration, step }: Trial): string => `${iteration}:${step}`;
