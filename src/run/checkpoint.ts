// The state of an unfinished run, one file, replaced as a whole after each iteration.
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AlgorithmState } from "../correct/state.ts";
import type { NpyArray } from "../data/npy.ts";
import { readNpz, writeNpz } from "../data/npz.ts";
import { TemperError } from "../errors.ts";

/** Private to the run that wrote it. */
export const STATE = "state/state.npz";

/** The state as an npz; what is not numbers travels as JSON in it, so that one rename replaces all. */
export function writeState({ anchors, active, ...rest }: AlgorithmState): Uint8Array {
  const k = anchors.length;
  const p = anchors[0].theta.length;
  const theta = new Float32Array(k * p);
  const gradient = new Float64Array(k * p);
  for (const [i, anchor] of anchors.entries()) {
    theta.set(anchor.theta, i * p);
    gradient.set(anchor.gradient, i * p);
  }
  const text = new TextEncoder().encode(JSON.stringify(rest));
  return writeNpz(
    new Map<string, NpyArray>([
      ["theta", { type: "float32", shape: [k, p], values: theta }],
      ["loss", { type: "float64", shape: [k], values: Float64Array.from(anchors, (a) => a.loss) }],
      ["gradient", { type: "float64", shape: [k, p], values: gradient }],
      ["active", { type: "int32", shape: [active.rows.length], values: active.rows }],
      ["multipliers", { type: "float64", shape: [active.rows.length], values: active.multipliers }],
      ["records", { type: "uint8", shape: [text.length], values: text }],
    ]),
  );
}

/**
 * The state in a RUN folder, or undefined where its run was stopped before the first was written.
 *
 * @throws TemperError `run-unreadable` where the file is damaged
 */
export async function readState(folder: string): Promise<AlgorithmState | undefined> {
  const path = join(folder, STATE);
  if (
    await access(path).then(
      () => false,
      () => true,
    )
  )
    return undefined;
  const arrays = readNpz(await readFile(path), { where: path });
  const values = <T>(name: string): T => {
    const array = arrays.get(name);
    if (array === undefined) {
      throw new TemperError(
        "run-unreadable",
        `"${path}" holds no ${name}; start the run again with --force`,
      );
    }
    return array.values as T;
  };
  const theta = values<Float32Array>("theta");
  const loss = values<Float64Array>("loss");
  const gradient = values<Float64Array>("gradient");
  const p = theta.length / loss.length;
  const rest = JSON.parse(new TextDecoder().decode(values<Uint8Array>("records")));
  return {
    anchors: Array.from(loss, (value, i) => ({
      theta: theta.slice(i * p, (i + 1) * p),
      loss: value,
      gradient: gradient.slice(i * p, (i + 1) * p),
    })),
    ...rest,
    active: {
      rows: values<Int32Array>("active"),
      multipliers: values<Float64Array>("multipliers"),
    },
  };
}
