// The shards that a command has on the queue: added a few at a time, awaited, added again where they were lost or are
// slow, and shown in the order of their arguments, each once.
import { createHash } from "node:crypto";
import type { Job, Queue } from "bullmq";
import { shardsOf } from "../engine/shards.ts";
import type { MapOptions, Visit } from "../engine/task.ts";
import { errorOf, TemperError, throwIfAborted } from "../errors.ts";
import type { Client, Connection } from "./connect.ts";
import { dropContent, readerOf, type Supply } from "./contents.ts";
import type { QueueLog } from "./events.ts";
import {
  type Answer,
  type Argument,
  ATTEMPTS,
  type JobData,
  putArgument,
  type SharedContent,
  takeAnswer,
} from "./messages.ts";
import { keys, ownVersions } from "./names.ts";
import { pack } from "./pack.ts";

/** Jobs on the queue for each process: one that runs, one that is there when it ends, and one on its way. */
const IN_FLIGHT = 3;
const LEAST_IN_FLIGHT = 4;

/**
 * Milliseconds that the shards of one job may take together: a job costs the queue, the worker and the command some
 * five of their own, so that short shards go together.
 */
const TOGETHER = 200;

/** Milliseconds after which a shard that is not heard of is looked for. */
const LOST = 4_000;

/** Milliseconds that a shard takes at least. */
const MOMENT = 0.1;

/** How often a shard must be nowhere before it is added again: its answer may be on its way. */
const NOWHERE = 2;

/** A shard is slow after this many times the longest that another took, and these milliseconds. */
const SLOW_TIMES = 3;
const SLOW_MS = 5_000;

/** How often a shard is on the queue at once. */
const COPIES = 3;

/** Consecutive shards of a map, which are one job. */
interface Flight {
  readonly map: OpenMap;
  readonly from: number;
  readonly to: number;
  readonly data: JobData;
  /** The ids under which it is on the queue. */
  readonly ids: string[];
  readonly added: number;
  /** When it was last looked for, and how often it was nowhere. */
  looked: number;
  nowhere: number;
}

interface OpenMap {
  readonly number: number;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly shared: Readonly<Record<string, SharedContent>>;
  readonly visit: Visit<unknown>;
  readonly onDone: MapOptions["onDone"];
  readonly results: Map<number, unknown>;
  readonly end: (error?: unknown) => void;
  over: boolean;
  /** Added, shown and done so far. */
  next: number;
  shown: number;
  done: number;
  /** Jobs that are on the queue, and the most shards that one of them has had. */
  jobs: number;
  size: number;
  adding: boolean;
  /** Milliseconds that the slowest finished shard took, from the time that it was added. */
  longest: number;
}

/** The maps of a command. */
export interface Maps {
  run(
    call: {
      readonly name: string;
      readonly args: readonly unknown[];
      readonly shared: Readonly<Record<string, SharedContent>>;
      /** Tells the workers which maps are open. */
      readonly say: () => Promise<void>;
    },
    visit: Visit<unknown>,
    options: MapOptions,
  ): Promise<void>;
  /** Takes answers until the client ends. */
  listen(waiting: Client): Promise<void>;
  lookForLost(): Promise<void>;
  /** Ends every map. */
  fail(error: Error): void;
  open(): number[];
  /** Shards that were answered. */
  shards(): number;
  kinds(): readonly string[];
  bytes(): { readonly sent: number; readonly received: number };
  processes(): number;
  setProcesses(processes: number): void;
}

interface State {
  readonly connection: Connection;
  readonly queue: Queue<JobData>;
  /** Gives a worker an argument that is not in the storage any more. */
  readonly supply: Supply;
  readonly run: string;
  readonly onEvent: QueueLog;
  readonly open: Map<number, OpenMap>;
  /** By every id that they have on the queue. */
  readonly flights: Map<string, Flight>;
  readonly kinds: Set<string>;
  /** Milliseconds that a shard of each task took when it was last heard of. */
  readonly took: Map<string, number>;
  processes: number;
  lastMap: number;
  shards: number;
  sent: number;
  received: number;
}

export function createMaps(
  of: Pick<State, "connection" | "queue" | "supply" | "run" | "onEvent">,
): Maps {
  const state: State = {
    ...{ ...of, open: new Map(), flights: new Map(), kinds: new Set(), took: new Map() },
    ...{ processes: 0, lastMap: 0, shards: 0, sent: 0, received: 0 },
  };
  return {
    run: (call, visit, options) => runMap(state, call, visit, options),
    listen: (waiting) => listen(state, waiting),
    lookForLost: () => lookForLost(state),
    fail: (error) => {
      for (const map of state.open.values()) map.end(error);
    },
    open: () => [...state.open.keys()],
    shards: () => state.shards,
    kinds: () => [...state.kinds],
    bytes: () => ({ sent: state.sent, received: state.received }),
    processes: () => Math.max(1, state.processes),
    setProcesses: (processes) => {
      state.processes = processes;
      for (const map of state.open.values()) void fill(state, map);
    },
  };
}

async function runMap(
  state: State,
  { name, args, shared, say }: Parameters<Maps["run"]>[0],
  visit: Visit<unknown>,
  { onDone, signal }: MapOptions,
): Promise<void> {
  throwIfAborted(signal);
  if (args.length === 0) return;
  let map: OpenMap | undefined;
  const stop = (): void => map?.end(new TemperError("aborted", "stopped on request"));
  try {
    await new Promise<void>((resolve, reject) => {
      map = {
        ...{ number: ++state.lastMap, name, args, shared, visit, onDone, results: new Map() },
        ...{ over: false, next: 0, shown: 0, done: 0, jobs: 0, size: 0, adding: false, longest: 0 },
        end: (error) => {
          map!.over = true;
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      state.open.set(map.number, map);
      signal?.addEventListener("abort", stop);
      // A worker asks whether a map is open before it begins a shard of it; one connection keeps the order.
      say().catch(map.end);
      void fill(state, map);
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    state.open.delete(map!.number);
    const left = new Set([...state.flights.values()].filter((flight) => flight.map === map));
    for (const flight of left) land(state, flight);
    if (state.connection.away() === 0) await say().catch(() => {});
  }
}

/** Adds shards as far as there are processes for them. */
async function fill(state: State, map: OpenMap): Promise<void> {
  if (map.adding) return;
  map.adding = true;
  try {
    while (!map.over) {
      const room = Math.max(LEAST_IN_FLIGHT, IN_FLIGHT * state.processes);
      const size = together(state, map);
      map.size = Math.max(map.size, size);
      // Answers that wait for an earlier one are held here, and no more of them than twice what is under way.
      const most = Math.min(map.args.length, map.shown + 2 * room * map.size);
      const until = Math.min(most, map.next + size * (room - map.jobs));
      if (map.next >= until) return;
      const jobs = shardsOf(until - map.next, size);
      const first = map.next;
      map.next = until;
      map.jobs += jobs.length;
      const flights: Flight[] = [];
      for (const { from, to } of jobs)
        flights.push(await begin(state, map, first + from, first + to));
      await add(state, flights);
    }
  } catch (error) {
    map.end(error);
  } finally {
    map.adding = false;
  }
}

/** How many shards go into a job: no more than leave each process two jobs of those that are left. */
function together({ took, processes }: State, { name, args, next }: OpenMap): number {
  const fit = Math.floor(TOGETHER / (took.get(name) ?? TOGETHER));
  const fair = Math.floor((args.length - next) / (2 * Math.max(1, processes)));
  return Math.max(1, Math.min(fit, fair));
}

/** Shards as a job, which is named by its run and the hash of its content. */
async function begin(state: State, map: OpenMap, from: number, to: number): Promise<Flight> {
  const { run, connection, supply } = state;
  const packed = (): Buffer => pack(map.args.slice(from, to));
  const bytes = packed();
  const arg = await putArgument(connection.client, bytes);
  if ("content" in arg) supply.hold(arg.content.hash, (part) => readerOf(packed())(part));
  const data = { run, map: map.number, versions: ownVersions(), shared: map.shared, arg };
  const hash = createHash("sha256").update(map.name).update(bytes);
  for (const [key, { hash: of }] of Object.entries(map.shared)) hash.update(`${key} ${of} `);
  const now = performance.now();
  // Equal shards of one map are told apart by their places.
  const id = `${run}-${hash.digest("hex").slice(0, 32)}-${map.number}-${from}`;
  return { map, from, to, data, ids: [id], added: now, looked: now, nowhere: 0 };
}

/** Puts shards on the queue under their last ids; one that is there already stays as it is. */
async function add(state: State, flights: readonly Flight[]): Promise<void> {
  for (const flight of flights) state.flights.set(flight.ids.at(-1)!, flight);
  await state.queue.addBulk(
    flights.map(({ map, data, ids }) => {
      state.sent += sizeOf(data.arg);
      return {
        name: map.name,
        data,
        opts: {
          jobId: ids.at(-1)!,
          attempts: ATTEMPTS,
          // A shard for the second time holds up those behind it.
          lifo: ids.length > 1,
          removeOnComplete: true,
          removeOnFail: { age: 3600, count: 100 },
        },
      };
    }),
  );
}

const sizeOf = (arg: Argument): number => ("inline" in arg ? arg.inline.length : arg.content.bytes);

async function listen(state: State, waiting: Client): Promise<void> {
  for (;;) {
    const found = await waiting.blpopBuffer(keys.answers(state.run), 5);
    if (found === null) continue;
    try {
      const answer = await takeAnswer(state.connection.client, state.run, found[1]);
      state.received += answer.bytes;
      take(state, answer);
    } catch (error) {
      // Nobody's answer: the shard that it was of is looked for.
      state.onEvent("damaged", { message: (error as Error).message });
    }
  }
}

/** Takes an answer, unless its shard was answered before or is not wanted any more. */
function take(state: State, answer: Answer): void {
  const { job, kind, results, ran, failure } = answer;
  const flight = state.flights.get(job);
  if (flight === undefined) {
    state.onEvent("dropped", { job });
    return;
  }
  const { map, from, to } = flight;
  if (failure !== undefined) {
    map.end(errorOf(failure));
    return;
  }
  if (results?.length !== to - from) throw new Error(`not the results of ${to - from} shards`);
  land(state, flight, job);
  state.kinds.add(kind);
  state.shards += results.length;
  state.took.set(map.name, Math.max(MOMENT, Number(ran) / results.length) || TOGETHER);
  map.longest = Math.max(map.longest, performance.now() - flight.added);
  for (const [i, result] of results.entries()) {
    map.results.set(from + i, result);
    map.onDone?.(++map.done);
  }
  try {
    while (!map.over && map.results.has(map.shown)) {
      const next = map.results.get(map.shown);
      map.results.delete(map.shown++);
      if (map.visit(next) === true || map.shown === map.args.length) map.end();
    }
  } catch (error) {
    map.end(error);
  }
  void fill(state, map);
}

/** A job is done with: what of it still waits is taken from the queue. */
function land(state: State, { map, ids, data }: Flight, answered?: string): void {
  const { flights, queue, connection, supply } = state;
  map.jobs--;
  for (const id of ids) {
    flights.delete(id);
    // One that a worker has cannot be removed; its answer is nobody's.
    if (id !== answered && connection.away() === 0) void queue.remove(id).catch(() => {});
  }
  if (!("content" in data.arg)) return;
  const { content } = data.arg;
  const same = ({ data: { arg } }: Flight): boolean =>
    "content" in arg && arg.content.hash === content.hash;
  if ([...flights.values()].some(same)) return;
  supply.release(content.hash);
  if (connection.away() === 0) void dropContent(connection.client, content).catch(() => {});
}

/** Looks for shards that are nowhere, were given up, or take far longer than others. */
async function lookForLost(state: State): Promise<void> {
  const now = performance.now();
  const all = [...new Set(state.flights.values())];
  const due = all.filter(({ looked }) => now - looked > LOST);
  await Promise.all(due.map((flight) => lookFor(state, flight, now)));
  for (const map of state.open.values()) {
    const own = all.filter((flight) => flight.map === map);
    const slow = own.filter((flight) => flight.ids.length < COPIES && isSlow(flight, now));
    // Only those that others wait for, and where processes would else have nothing to do.
    const idle = own.length < state.processes;
    for (const flight of idle ? slow : slow.filter(({ from }) => from === map.shown)) {
      await addAgain(state, flight, "slow");
    }
  }
}

const isSlow = ({ map, added, ids }: Flight, now: number): boolean =>
  map.longest > 0 && now - added > ids.length * (SLOW_MS + SLOW_TIMES * map.longest);

async function lookFor(state: State, flight: Flight, now: number): Promise<void> {
  flight.looked = now;
  const states = await Promise.all(flight.ids.map((id) => state.queue.getJobState(id)));
  const failed = flight.ids[states.indexOf("failed")];
  if (failed !== undefined) return giveUp(state, flight, failed);
  if (states.some((one) => one !== "unknown")) {
    flight.nowhere = 0;
    return;
  }
  if (++flight.nowhere < NOWHERE || !state.flights.has(flight.ids[0])) return;
  flight.nowhere = 0;
  await addAgain(state, flight, "lost");
}

/** A shard whose workers died or were stalled too often, with nobody left to say so. */
async function giveUp(state: State, { map, from, to }: Flight, id: string): Promise<void> {
  const job: Job | undefined = await state.queue.getJob(id);
  if (map.over || job === undefined) return;
  map.end(
    new TemperError(
      "worker-failed",
      `${to - from === 1 ? `shard ${from}` : `shards ${from} to ${to - 1}`} (${map.name}) given up: ` +
        `${job.failedReason}\n` +
        "look at the workers that had it (temper queue), and at their memory",
    ),
  );
}

async function addAgain(state: State, flight: Flight, why: string): Promise<void> {
  const [first] = flight.ids;
  flight.ids.push(`${first}-${flight.ids.length + 1}`);
  state.onEvent("again", { job: first, why });
  await add(state, [flight]);
}
