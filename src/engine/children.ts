// Workers that are child processes. A process that dies has its shard run again elsewhere.
import { type ChildProcess, fork } from "node:child_process";
import { closeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ImageSource } from "../data/dataset.ts";
import { bytesWithin, demandMemory } from "../data/memory.ts";
import { errorOf, type Failure, TemperError, throwIfAborted } from "../errors.ts";
import { type Held, type HeldNumbers, holdImages, holdNumbers, nothingHeld } from "./held.ts";
import { type Answered, takeLong } from "./long-answers.ts";
import { openScratch } from "./scratch.ts";
import { isSame, type MapOptions, type TaskName, type Visit } from "./task.ts";

/** What a process takes before it holds anything: Node and onnxruntime, some 60 MB where it was looked at. */
const PROCESS_BYTES = 60e6;

/** How often a shard is started before the workers give up. */
const TRIES = 3;

export type ToChild =
  | { readonly kind: "share"; readonly key: string; readonly value: unknown }
  | ({ readonly kind: "held"; readonly key: string } & HeldNumbers)
  | { readonly kind: "run"; readonly id: number; readonly task: TaskName; readonly arg: unknown };

export type FromChild =
  | ({ readonly kind: "done"; readonly id: number } & Answered)
  | ({ readonly kind: "failed"; readonly id: number } & Failure);

/** A task on one argument, waiting for a process or with one. */
interface Job {
  readonly id: number;
  readonly task: TaskName;
  readonly arg: unknown;
  readonly finish: (result: unknown) => void;
  readonly fail: (error: Error) => void;
  tries: number;
}

interface Child {
  readonly process: ChildProcess;
  /** The file that it knows as ANSWERS. */
  readonly answers: number | undefined;
  job: Job | undefined;
}

interface Children {
  /** What every process has been given, for those that are started later. */
  readonly shared: Map<string, unknown>;
  readonly waiting: Job[];
  readonly alive: Set<Child>;
  /** The file that the processes know as SCRATCH. */
  readonly scratch: number | undefined;
  readonly held: Held;
  begun: boolean;
  /** Whether it was seen that memory is enough. */
  asked: boolean;
  closing: boolean;
  /** Why no process could be started, once none could. */
  unstarted: TemperError | undefined;
  nextId: number;
}

// From sources (tests) the child needs a loader for TypeScript; built, it is plain JavaScript.
const fromSource = import.meta.url.endsWith(".ts");
const entry = fileURLToPath(new URL(fromSource ? "./child.ts" : "./child.js", import.meta.url));

/** Workers of `count` processes, which start with the first task; they end with this one, or on close. */
export function createChildren(count: number) {
  const children: Children = {
    shared: new Map(),
    waiting: [],
    alive: new Set(),
    scratch: openScratch(),
    held: nothingHeld(openScratch()),
    begun: false,
    asked: false,
    closing: false,
    unstarted: undefined,
    nextId: 0,
  };
  return {
    size: count,
    scratch: children.scratch,
    apart: false,
    notes: (): readonly string[] => [],
    share: (key: string, value: unknown): void => share(children, key, value),
    shareImages: (key: string, images: ImageSource): void => {
      const held = holdImages(children.held, key, images);
      if (held !== undefined) share(children, key, held);
    },
    begin: () => begin(children, count),
    each: async <A, R>(
      task: TaskName,
      args: readonly A[],
      visit: Visit<R>,
      options: MapOptions = {},
    ): Promise<void> => {
      if (!children.asked) demandRoom(children, count);
      begin(children, count);
      await runJobs(children, task, args, visit, options);
    },
    close: (): Promise<void> => close(children),
  };
}

/** Starts the processes, unless they have been. */
function begin(children: Children, count: number): void {
  if (children.begun) return;
  children.begun = true;
  for (let i = 0; i < count; i++) start(children);
}

/** Each process holds what is shared; the images of data sets are held once for all of them. */
function demandRoom(children: Children, count: number): void {
  const held = bytesWithin(children.shared);
  demandMemory(
    count * (PROCESS_BYTES + held) + held + 2 * children.held.end,
    `${count} processes and this one, each with the model, and the data`,
    "give fewer --threads, or fewer images",
  );
  children.asked = true;
}

/** Runs a task on every argument, and shows the results in the order of the arguments until one is enough. */
async function runJobs<A, R>(
  children: Children,
  task: TaskName,
  args: readonly A[],
  visit: Visit<R>,
  { onDone, signal }: MapOptions,
): Promise<void> {
  throwIfAborted(signal);
  if (children.unstarted !== undefined && children.alive.size === 0) throw children.unstarted;
  const runs = args.map((arg) => enqueue<R>(children, task, arg));
  let over = false;
  let done = 0;
  let stop = (): void => {};
  /** Rejects when any job fails or the caller asks to stop, whichever result is waited for. */
  const broken = new Promise<never>((_, reject) => {
    stop = () => reject(new TemperError("aborted", "stopped on request"));
    for (const { result } of runs) result.catch(reject);
  });
  broken.catch(() => {}); // Nobody waits for it once the last result is there.
  for (const { result } of runs) {
    result.then(
      () => {
        if (!over) onDone?.(++done);
      },
      () => {},
    );
  }
  signal?.addEventListener("abort", stop);
  feed(children);
  try {
    for (let next = runs.shift(); next !== undefined; next = runs.shift()) {
      // A result that was shown is held no longer: those of gradients are 8 bytes a weight.
      if (visit(await Promise.race([next.result, broken])) === true) break;
    }
  } finally {
    over = true;
    signal?.removeEventListener("abort", stop);
    for (const { job } of runs) {
      const at = children.waiting.indexOf(job);
      if (at >= 0) children.waiting.splice(at, 1);
    }
  }
}

function enqueue<R>(
  children: Children,
  task: TaskName,
  arg: unknown,
): { readonly job: Job; readonly result: Promise<R> } {
  let job: Job | undefined;
  const result = new Promise<R>((resolve, reject) => {
    const finish = (value: unknown): void => resolve(value as R);
    job = { id: children.nextId++, task, arg, finish, fail: reject, tries: 0 };
  });
  children.waiting.push(job!);
  return { job: job!, result };
}

/** Gives every idle process the next job that waits. */
function feed({ alive, waiting }: Children): void {
  for (const child of alive) {
    if (child.job !== undefined) continue;
    const job = waiting.shift();
    if (job === undefined) return;
    child.job = job;
    job.tries++;
    send(child, { kind: "run", id: job.id, task: job.task, arg: job.arg });
  }
}

function send(child: Child, message: ToChild): void {
  // A child that died in between is noticed by its exit event, which runs the job again.
  child.process.send(message, () => {});
}

function share({ shared, alive, held }: Children, key: string, value: unknown): void {
  if (isSame(shared.get(key), value)) return;
  shared.set(key, value);
  if (alive.size === 0) return;
  const message = sharing(held, key, value);
  for (const child of alive) send(child, message);
}

function sharing(held: Held, key: string, value: unknown): ToChild {
  const numbers = holdNumbers(held, key, value);
  return numbers === undefined ? { kind: "share", key, value } : { kind: "held", key, ...numbers };
}

function start(children: Children): void {
  const { shared, alive, scratch, held } = children;
  const answers = openScratch();
  const child: Child = {
    answers,
    process: fork(entry, [], {
      serialization: "advanced",
      execArgv: fromSource ? ["--import", "tsx"] : [],
      // The fifth is SCRATCH, the sixth HELD and the seventh ANSWERS.
      stdio: [
        ...(["ignore", "inherit", "inherit", "ipc"] as const),
        ...[scratch, held.file, answers].map((file) => file ?? ("ignore" as const)),
      ],
    }),
    job: undefined,
  };
  alive.add(child);
  child.process.on("message", (message) => onMessage(children, child, message as FromChild));
  child.process.on("exit", (code, signal) => {
    onExit(children, child, signal ?? `exit code ${code}`);
  });
  child.process.on("error", (error) => onError(children, child, error));
  for (const [key, value] of shared) send(child, sharing(held, key, value));
}

function onMessage(children: Children, child: Child, message: FromChild): void {
  const { job } = child;
  if (job === undefined || job.id !== message.id) return;
  child.job = undefined;
  if (message.kind === "failed") job.fail(errorOf(message));
  else {
    // What was left in the file is read before the child has another job.
    job.finish(child.answers === undefined ? message.result : takeLong(child.answers, message));
  }
  feed(children);
}

/** A process has ended: another one takes its place, and its job is run again unless it was tried often enough. */
function onExit(children: Children, child: Child, why: string): void {
  if (!children.alive.delete(child)) return;
  if (child.answers !== undefined) closeSync(child.answers);
  if (children.closing) return;
  // A word of it that comes late finds no job: its file is closed, and the job is run again.
  const { job } = child;
  child.job = undefined;
  if (job !== undefined && job.tries < TRIES) children.waiting.unshift(job);
  else {
    job?.fail(
      new TemperError(
        "worker-failed",
        `a worker process ended ${TRIES} times on the same shard (${why})\n` +
          "it may have run out of memory: try fewer --threads",
      ),
    );
  }
  start(children);
  feed(children);
}

/** A process that never was: the others do its work, where there are any. */
function onError(children: Children, child: Child, { message }: Error): void {
  const { alive, waiting } = children;
  if (child.process.pid !== undefined || !alive.delete(child)) return;
  if (child.answers !== undefined) closeSync(child.answers);
  const unstarted = new TemperError(
    "worker-failed",
    `a worker process could not be started: ${message}\ntry fewer --threads; 0 needs none`,
  );
  children.unstarted = unstarted;
  if (child.job !== undefined) waiting.unshift(child.job);
  if (alive.size > 0) feed(children);
  else for (const job of waiting.splice(0)) job.fail(unstarted);
}

async function close(children: Children): Promise<void> {
  const { alive, scratch, held, closing } = children;
  children.closing = true;
  const ends = [...alive].map(
    ({ process }) => new Promise<void>((resolve) => process.once("exit", () => resolve())),
  );
  for (const { process } of alive) process.kill("SIGKILL");
  await Promise.all(ends);
  if (closing) return;
  for (const file of [scratch, held.file]) if (file !== undefined) closeSync(file);
}
