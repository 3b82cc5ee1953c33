// Where shards run: in this process or in child processes, one onnxruntime thread each.
import { availableParallelism } from "node:os";
import { throwIfAborted } from "../errors.ts";
import { createChildren } from "./children.ts";
import { createTaskState, type TaskFunction, type TaskName } from "./task.ts";

export interface MapOptions {
  /** Called after each finished task with the number done; the order of finishing is free. */
  readonly onDone?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs named functions of named modules on lists of arguments. Results come in the order of the
 * arguments, so that sums over them do not depend on the number of processes.
 */
export interface Pool {
  /** How many tasks run at once. */
  readonly size: number;
  /** Gives every process a value that tasks read by `key`; sharing a key again replaces it. */
  share(key: string, value: unknown): void;
  map<A, R>(task: TaskName, args: readonly A[], options?: MapOptions): Promise<R[]>;
  close(): Promise<void>;
}

/** A pool of `threads` child processes (default: one a core), or this process alone where it is 0. */
export function openPool(threads: number = availableParallelism()): Pool {
  return threads === 0 ? localPool() : createChildren(threads);
}

/** Tasks one after the other in this process: for few images, where starting processes costs more. */
function localPool(): Pool {
  const state = createTaskState();
  return {
    size: 1,
    share: (key, value) => state.set(key, value),
    map: async <A, R>(task: TaskName, args: readonly A[], options: MapOptions = {}) => {
      const run = (await import(task.module))[task.name] as TaskFunction<A, R>;
      const results: R[] = [];
      for (const arg of args) {
        throwIfAborted(options.signal);
        results.push(await run(state, arg));
        options.onDone?.(results.length);
      }
      return results;
    },
    close: () => state.clear(),
  };
}
