// What a worker's processes run: a task of some command, with what that command shares. The numbers are read and
// written here, so that the process that renews the locks of the queue has no more to do than to pass bytes on.
import { readFileSync } from "node:fs";
import type { ImageSource } from "../data/dataset.ts";
import type { Device } from "../engine/device.ts";
import type { NetworkOptions } from "../engine/network.ts";
import { SCRATCH, writeAt } from "../engine/scratch.ts";
import {
  createTaskState,
  type TaskFunction,
  type TaskName,
  type TaskState,
} from "../engine/task.ts";
import { unpackManifest } from "./manifest.ts";
import { type Answer, argumentsIn, packAnswer } from "./messages.ts";
import { unpack } from "./pack.ts";
import { refusePlaces } from "./registered.ts";

export const module: string = import.meta.url;

/** A shared value: the file that this worker keeps it in, and the one of its pixels where it is a data set. */
export interface SharedFile {
  readonly hash: string;
  readonly file: string;
  readonly pixels?: string | undefined;
}

/** Written by the process that took the job from the queue: its paths are this worker's own. */
export interface ChildJob {
  readonly run: string;
  readonly task: TaskName;
  readonly shared: Readonly<Record<string, SharedFile>>;
  readonly device: Device;
  /** The list of arguments, as `pack` writes it. */
  readonly arg: Uint8Array;
  /** What the answer says beside the result: it is written here as a whole, and passed on as it is. */
  readonly answer: Pick<Answer, "job" | "kind">;
  /** The byte of SCRATCH from which a long answer is written; undefined where there is no such file. */
  readonly at: number | undefined;
}

/** An answer, or how many bytes of it lie in SCRATCH. */
export type ChildAnswer = Uint8Array | number;

/** Bytes of an answer that goes by a message. */
const SHORT = 2 ** 16;

/** Bytes that an answer has in SCRATCH at most. */
export const ROOM = 2 ** 32;

/** Commands whose sessions a process keeps: two may take turns. */
const RUNS = 2;

interface RunState {
  readonly state: TaskState;
  /** The hash of what is shared under each key. */
  readonly hashes: Map<string, string>;
}

/** The one used last comes last. */
const runs = new Map<string, RunState>();

async function stateOf(run: string): Promise<RunState> {
  const known = runs.get(run) ?? { state: createTaskState(), hashes: new Map<string, string>() };
  runs.delete(run);
  runs.set(run, known);
  for (const [oldest, { state }] of runs) {
    if (runs.size <= RUNS) break;
    runs.delete(oldest);
    await state.clear();
  }
  return known;
}

/** Reads a shared value. */
function readShared(key: string, { file, pixels }: SharedFile, device: Device): unknown {
  const bytes = readFileSync(file);
  if (pixels !== undefined) {
    const { shape, count, labels, type } = unpackManifest(bytes);
    return { shape, count, labels, pixels: { file: pixels, at: 0, type } } satisfies ImageSource;
  }
  const value = unpack(bytes);
  refusePlaces(value);
  if (key !== "network") return value;
  // Passes run where this worker runs them.
  const network = value as { readonly options: NetworkOptions };
  const { device: _, ...options } = network.options;
  return { ...network, options: device === "cpu" ? options : { ...options, device } };
}

/** Runs a task on each of its arguments. Its process does nothing else meanwhile, so that what it shares is its own. */
export async function childTask(_: TaskState, job: ChildJob): Promise<ChildAnswer> {
  const { state, hashes } = await stateOf(job.run);
  for (const [key, shared] of Object.entries(job.shared)) {
    if (hashes.get(key) === shared.hash) continue;
    state.set(key, readShared(key, shared, job.device));
    hashes.set(key, shared.hash);
  }
  const args = argumentsIn(job.arg);
  refusePlaces(args);
  const run = (await import(job.task.module))[job.task.name] as TaskFunction<unknown, unknown>;
  const began = performance.now();
  const results: unknown[] = [];
  for (const arg of args) results.push(await run(state, arg));
  const answer = packAnswer({ ...job.answer, results, ran: performance.now() - began });
  const { length } = answer;
  const long = job.at !== undefined && length > SHORT && length <= ROOM;
  return long && writeAt(SCRATCH, answer, job.at) ? length : answer;
}
