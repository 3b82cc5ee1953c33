// Where shards run: in this process or in child processes, one onnxruntime thread each.
import { availableParallelism } from "node:os";
import type { ImageSource } from "../data/dataset.ts";
import { demand, throwIfAborted } from "../errors.ts";
import { createChildren } from "./children.ts";
import {
  createTaskState,
  type MapOptions,
  type TaskFunction,
  type TaskName,
  type Visit,
} from "./task.ts";

/**
 * Processes that work for one call at a time, as {@link openWorkers} gives them. They keep the model and the data
 * that they were sent, so a second call on the same ones begins at once. No result depends on their number.
 *
 * They run named functions of named modules on lists of arguments. Results come in the order of the arguments, so
 * that sums over them do not depend on the number of processes.
 */
export interface Workers {
  /** How many tasks run at once, 1 or more. */
  readonly size: number;
  /** @internal The file that its processes know as SCRATCH (scratch.ts); undefined where there is none. */
  readonly scratch: number | undefined;
  /** @internal Whether its processes may be on other machines, where no file of this one is. */
  readonly apart: boolean;
  /** @internal What a record must say of the machines that its shards ran on, a sentence each. */
  notes(): readonly string[];
  /**
   * Gives every process a value that tasks read by `key`; sharing a key again replaces it. A value that is equal
   * to the one that is shared is not sent again, and what was derived from it is kept. Never write to a shared one.
   *
   * @internal
   */
  share(key: string, value: unknown): void;
  /**
   * Does the same for a data set: its images are written to one file that all processes read.
   *
   * @internal
   */
  shareImages(key: string, images: ImageSource): void;
  /**
   * Starts the processes, which else start with the first task, beside what this one does meanwhile.
   *
   * @internal
   */
  begin(): void;
  /**
   * Runs a task on every argument.
   *
   * @throws what a task throws; TemperError `worker-failed` where processes keep dying, `aborted`
   * @internal
   */
  map<A, R>(task: TaskName, args: readonly A[], options?: MapOptions): Promise<R[]>;
  /**
   * The same without keeping results: each is shown in its turn, and the first at which `visit` returns true is the
   * last; what runs beyond it is dropped.
   *
   * @internal
   */
  each<A, R>(
    task: TaskName,
    args: readonly A[],
    visit: Visit<R>,
    options?: MapOptions,
  ): Promise<void>;
  /** Ends the processes; nothing runs after it. */
  close(): Promise<void>;
}

/** Processes on this machine of workers that were lent; undefined where none were. */
export const processesHere = (workers: Workers | undefined): number | undefined =>
  workers?.apart === true ? 0 : workers?.size;

// More is a slip of the hand: each process holds the model and the data.
const MOST = 256;

/** @throws TemperError `bad-option` unless `threads` is a whole number from 0 to 256 */
export function checkThreads(threads = 0): void {
  const holds = Number.isInteger(threads) && threads >= 0 && threads <= MOST;
  demand(holds, "threads", threads, `a whole number from 0 to ${MOST}`);
}

/**
 * Opens workers to lend to several calls in turn. They end on `close`, and with this process.
 *
 * @param threads child processes, a whole number from 0 to 256, default one a core (of a model on another device than
 *   the processor, give 1); 0 works in this process alone
 * @throws TemperError `bad-option` for any other number
 */
export function openWorkers(threads: number = Math.min(availableParallelism(), MOST)): Workers {
  checkThreads(threads);
  const workers = threads === 0 ? localWorkers() : createChildren(threads);
  return {
    ...workers,
    map: async <A, R>(task: TaskName, args: readonly A[], options?: MapOptions) => {
      const results: R[] = [];
      const keep = (result: R): void => {
        results.push(result);
      };
      await workers.each<A, R>(task, args, keep, options);
      return results;
    },
  };
}

/** Tasks one after the other in this process: for few images, where starting processes costs more. */
function localWorkers(): Omit<Workers, "map"> {
  const state = createTaskState();
  const each: Workers["each"] = async <A, R>(
    task: TaskName,
    args: readonly A[],
    visit: Visit<R>,
    options: MapOptions = {},
  ) => {
    const run = (await import(task.module))[task.name] as TaskFunction<A, R>;
    for (const [i, arg] of args.entries()) {
      throwIfAborted(options.signal);
      const result = await run(state, arg);
      options.onDone?.(i + 1);
      if (visit(result) === true) break;
    }
  };
  return {
    size: 1,
    scratch: undefined,
    apart: false,
    notes: () => [],
    share: (key, value) => state.set(key, value),
    shareImages: (key, images) => state.set(key, images),
    begin: () => {},
    each,
    close: () => state.clear(),
  };
}
