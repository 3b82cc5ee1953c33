// Workers that are child processes. A process that dies has its shard run again elsewhere.
import { type ChildProcess, fork } from "node:child_process";
import { closeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ErrorCode, TemperError } from "../errors.ts";
import { openScratch } from "./scratch.ts";
import type { TaskName } from "./task.ts";
import type { MapOptions, Until, Workers } from "./workers.ts";

/** How often a shard is started before the workers give up. */
const TRIES = 3;

export type ToChild =
  | { readonly kind: "share"; readonly key: string; readonly value: unknown }
  | { readonly kind: "run"; readonly id: number; readonly task: TaskName; readonly arg: unknown };

export type FromChild =
  | { readonly kind: "done"; readonly id: number; readonly result: unknown }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly message: string;
      readonly code?: ErrorCode;
    };

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
  job: Job | undefined;
}

// From sources (tests) the child needs a loader for TypeScript; built, it is plain JavaScript.
const fromSource = import.meta.url.endsWith(".ts");
const entry = fileURLToPath(new URL(fromSource ? "./child.ts" : "./child.js", import.meta.url));

/** Starts `count` processes at once; they end with this one, or on close. */
export function createChildren(count: number): Workers {
  const shared = new Map<string, unknown>();
  const waiting: Job[] = [];
  const children = new Set<Child>();
  const scratch = openScratch();
  let closing = false;
  /** Why no process could be started, once none could. */
  let unstarted: TemperError | undefined;
  let nextId = 0;

  const send = (child: Child, message: ToChild): void => {
    // A child that died in between is noticed by its exit event, which runs the job again.
    child.process.send(message, () => {});
  };
  const feed = (): void => {
    for (const child of children) {
      if (child.job !== undefined) continue;
      const job = waiting.shift();
      if (job === undefined) return;
      child.job = job;
      job.tries++;
      send(child, { kind: "run", id: job.id, task: job.task, arg: job.arg });
    }
  };
  const onMessage = (child: Child, message: FromChild): void => {
    const job = child.job;
    if (job === undefined || job.id !== message.id) return;
    child.job = undefined;
    if (message.kind === "done") job.finish(message.result);
    else {
      const { code } = message;
      job.fail(
        code === undefined ? new Error(message.message) : new TemperError(code, message.message),
      );
    }
    feed();
  };
  const onExit = (child: Child, why: string): void => {
    if (!children.delete(child) || closing) return;
    const job = child.job;
    if (job !== undefined && job.tries < TRIES) waiting.unshift(job);
    else if (job !== undefined) {
      job.fail(
        new TemperError(
          "worker-failed",
          `a worker process ended ${TRIES} times on the same shard (${why})\n` +
            "it may have run out of memory: try fewer --threads",
        ),
      );
    }
    start();
    feed();
  };
  /** A process that never was: the others do its work, where there are any. */
  const onError = (child: Child, { message }: Error): void => {
    if (child.process.pid !== undefined || !children.delete(child)) return;
    unstarted = new TemperError(
      "worker-failed",
      `a worker process could not be started: ${message}\ntry fewer --threads; 0 needs none`,
    );
    if (child.job !== undefined) waiting.unshift(child.job);
    if (children.size > 0) feed();
    else for (const job of waiting.splice(0)) job.fail(unstarted);
  };
  const start = (): void => {
    const child: Child = {
      process: fork(entry, [], {
        serialization: "advanced",
        execArgv: fromSource ? ["--import", "tsx"] : [],
        stdio: ["ignore", "inherit", "inherit", "ipc", scratch ?? "ignore"], // the fifth is SCRATCH
      }),
      job: undefined,
    };
    children.add(child);
    child.process.on("message", (message) => onMessage(child, message as FromChild));
    child.process.on("exit", (code, signal) => onExit(child, signal ?? `exit code ${code}`));
    child.process.on("error", (error) => onError(child, error));
    for (const [key, value] of shared) send(child, { kind: "share", key, value });
  };
  for (let i = 0; i < count; i++) start();

  const mapUntil: Workers["mapUntil"] = <A, R>(
    task: TaskName,
    args: readonly A[],
    until: Until<R>,
    { onDone, signal }: MapOptions = {},
  ): Promise<R[]> =>
    new Promise((resolve, reject) => {
      const results = new Map<number, R>();
      const own: Job[] = [];
      let done = 0;
      let settled = 0;
      let over = false;
      const leave = (): void => {
        over = true;
        signal?.removeEventListener("abort", stop);
        for (const job of own) {
          const at = waiting.indexOf(job);
          if (at >= 0) waiting.splice(at, 1);
        }
      };
      const fail = (error: Error): void => {
        leave();
        reject(error);
      };
      const stop = (): void => fail(new TemperError("aborted", "stopped on request"));
      /** Looks at the results in the order of the arguments, as far as they have come in. */
      const settle = (): void => {
        let enough = settled === args.length;
        while (!enough && results.has(settled)) {
          enough = until(results.get(settled)!) || settled + 1 === args.length;
          settled++;
        }
        if (!enough) return;
        leave();
        resolve(Array.from({ length: settled }, (_, i) => results.get(i)!));
      };
      if (signal?.aborted) return stop();
      if (unstarted !== undefined && children.size === 0) return fail(unstarted);
      signal?.addEventListener("abort", stop);
      for (const [i, arg] of args.entries()) {
        const finish = (result: unknown): void => {
          if (over) return;
          results.set(i, result as R);
          onDone?.(++done);
          settle();
        };
        own.push({ id: nextId++, task, arg, tries: 0, finish, fail });
      }
      waiting.push(...own);
      settle();
      feed();
    });

  return {
    size: count,
    scratch,
    share: (key, value) => {
      if (shared.get(key) === value) return;
      shared.set(key, value);
      for (const child of children) send(child, { kind: "share", key, value });
    },
    map: (task, args, options) => mapUntil(task, args, () => false, options),
    mapUntil,
    close: async () => {
      const first = !closing;
      closing = true;
      const ends = [...children].map(
        ({ process }) => new Promise<void>((resolve) => process.once("exit", () => resolve())),
      );
      for (const { process } of children) process.kill("SIGKILL");
      await Promise.all(ends);
      if (first && scratch !== undefined) closeSync(scratch);
    },
  };
}
