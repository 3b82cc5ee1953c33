// The state of an unfinished run, one file, replaced as a whole after each iteration.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Trial } from "../../correct/candidates.ts";
import type { Contradiction } from "../../correct/elastic.ts";
import type { AlgorithmState, CentreState, FinishingState } from "../../correct/state.ts";
import { arrayOf, arrayOfText, type NpyArray, stackFloats, unstackFloats } from "../../data/npy.ts";
import { readNpz, writeNpz } from "../../data/npz.ts";
import { TemperError } from "../../errors.ts";
import type { Families, Family } from "../record.ts";
import { STATE } from "./files.ts";

type Arrays = ReadonlyMap<string, NpyArray>;

/** How the state of an algorithm becomes arrays and a text, and back. */
export interface StateFormat<S> {
  arrays(state: S): Arrays;
  /** What is not numbers; it travels as JSON in the same file, so that one rename replaces all. */
  rest(state: S): unknown;
  join(values: <T>(name: string) => T, rest: unknown): S;
}

const matrix = (rows: readonly Float32Array[]): NpyArray => stackFloats(rows, rows[0]?.length ?? 0);

/** The state of Algorithm 1. */
export const algorithmState: StateFormat<AlgorithmState> = {
  arrays: ({ anchors, active, finishing }) => {
    const k = anchors.length;
    const width = anchors[0].gradient.length;
    const gradient = new Float64Array(k * width);
    for (const [i, anchor] of anchors.entries()) gradient.set(anchor.gradient, i * width);
    return new Map<string, NpyArray>([
      ["theta", matrix(anchors.map(({ theta }) => theta))],
      ["last", matrix(finishing?.last === undefined ? [] : [finishing.last])],
      ["loss", arrayOf(Float64Array.from(anchors, ({ loss }) => loss))],
      ["gradient", arrayOf(gradient, [k, width])],
      ["active", arrayOf(active.rows)],
      ["multipliers", arrayOf(active.multipliers)],
    ]);
  },
  rest: ({ anchors: _, active: __, finishing, ...rest }) => ({
    ...rest,
    ...(finishing && { finishing: { end: finishing.end, lines: finishing.lines } }),
  }),
  join: (values, rest) => {
    const theta = values<Float32Array>("theta");
    const loss = values<Float64Array>("loss");
    const gradient = values<Float64Array>("gradient");
    const thetas = unstackFloats(theta, theta.length / loss.length);
    const width = gradient.length / loss.length;
    const last = values<Float32Array>("last");
    const { finishing, ...records } = rest as Omit<AlgorithmState, "anchors" | "active">;
    return {
      ...records,
      ...(finishing && { finishing: { ...finishing, last: last.length === 0 ? undefined : last } }),
      anchors: Array.from(loss, (value, i) => ({
        theta: thetas[i],
        loss: value,
        gradient: gradient.slice(i * width, (i + 1) * width),
      })),
      active: {
        rows: values<Int32Array>("active"),
        multipliers: values<Float64Array>("multipliers"),
      },
    };
  },
};

/** The state of the moving centre. */
export const centreState: StateFormat<CentreState> = {
  arrays: ({ theta, anchors }) =>
    new Map([
      ["present", matrix([theta])],
      ["theta", matrix(anchors)],
    ]),
  rest: ({ trials, iterations }) => ({ trials, iterations }),
  join: (values, rest) => {
    const records = rest as Omit<CentreState, "theta" | "anchors">;
    const theta = values<Float32Array>("theta");
    const present = values<Float32Array>("present");
    return { ...records, theta: present, anchors: unstackFloats(theta, present.length) };
  },
};

export const writeState = <S>(state: S, { arrays, rest }: StateFormat<S>): Uint8Array =>
  writeNpz(new Map([...arrays(state), ["records", arrayOfText(JSON.stringify(rest(state)))]]));

/**
 * The state in a RUN folder, or undefined where its run was stopped before the first was written.
 *
 * @throws TemperError `run-unreadable` where the file is damaged
 */
export async function readState<S>(
  folder: string,
  { join: joinState }: StateFormat<S>,
): Promise<S | undefined> {
  const path = join(folder, STATE);
  if (!existsSync(path)) return undefined;
  try {
    const arrays = readNpz(await readFile(path), { where: path });
    const values = <T>(name: string): T => {
      const array = arrays.get(name);
      if (array === undefined) throw new Error(`it holds no ${name}`);
      return array.values as T;
    };
    const rest = JSON.parse(new TextDecoder().decode(values<Uint8Array>("records")));
    return joinState(values, rest);
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
  const only = ["theta", "last", "present", "records"]; // the gradients are most of the file
  const arrays = readNpz(await readFile(path), { where: path, only });
  const rows = (name: string): Float32Array[] => {
    const array = arrays.get(name);
    return array === undefined || array.values.length === 0
      ? []
      : unstackFloats(array.values as Float32Array, array.shape[1]);
  };
  const records = arrays.get("records")?.values as Uint8Array;
  const { finishing, ...rest } = JSON.parse(new TextDecoder().decode(records)) as Omit<
    StateSoFar,
    "anchors"
  > & { readonly finishing?: Pick<FinishingState, "lines"> };
  // Algorithm 1 keeps theta0 before its anchors, and the last one beside them.
  const thetas = rows("theta");
  const anchors = arrays.has("present") ? thetas : [...thetas.slice(1), ...rows("last")];
  const found = new Map(finishing?.lines.map((trial) => [placeOf(trial), trial]));
  return {
    ...rest,
    trials: rest.trials.map((trial) => found.get(placeOf(trial)) ?? trial),
    anchors,
  };
}

const placeOf = ({ iteration, step }: Trial): string => `${iteration}:${step}`;
