// A worker: takes shards from the queue and has its own processes run them.
//
// onnxruntime blocks the process that it runs in, which then could not renew the locks of its shards, and these would
// be begun again elsewhere. So this process only waits, and passes bytes on.
import { randomUUID } from "node:crypto";
import { availableParallelism, hostname } from "node:os";
import type { Job, Worker } from "bullmq";
import { checkDevice, type Device, processesOn } from "../engine/device.ts";
import { demandDevice } from "../engine/session.ts";
import { openWorkers } from "../engine/workers.ts";
import { TemperError } from "../errors.ts";
import { carryOut, Final, type Serving, type Slots } from "./carry-out.ts";
import { type Connection, connect, loadBullmq } from "./connect.ts";
import type { QueueLog } from "./events.ts";
import { runWords } from "./look.ts";
import type { JobData } from "./messages.ts";
import {
  ALIVE,
  counted,
  keys,
  kindOfMachine,
  ownVersions,
  PREFIX,
  queueName,
  sameVersions,
  versionsInWords,
  WORD,
  type WorkerWord,
} from "./names.ts";
import { type Registry, registered } from "./registered.ts";
import { createSharedFiles, type SharedFiles } from "./shared-files.ts";

/**
 * Milliseconds that a shard's lock holds, and between two looks for shards whose lock was not renewed; a shard is run
 * again so many times when that happens. A lock is renewed twice as often as it must be.
 */
const LOCKS = { lockDuration: 15_000, stalledInterval: 5_000, maxStalledCount: 3 };

/** Milliseconds that shards in hand may take when the worker is to end. */
const LEAVE = 20_000;

/** How a machine works for a queue. */
export interface ServeOptions {
  /** Worker processes, 1 or more. Default: one a core, and one on another device than the processor. */
  readonly processes?: number | undefined;
  /** A folder of data sets that need not come over the queue. Default: none. */
  readonly dataRoot?: string | undefined;
  /** Where passes run, whatever the command's own device is. Default `cpu`. */
  readonly device?: Device | undefined;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
  /** Is told what a person should know, a sentence each. */
  readonly onNote?: ((note: string) => void) | undefined;
  /** Is told everything. */
  readonly onEvent?: QueueLog | undefined;
  /** @internal The tasks that there are. */
  readonly registry?: Registry | undefined;
  /** @internal Other times for locks. */
  readonly locks?: Partial<typeof LOCKS> | undefined;
}

/**
 * Works for the commands on a queue until the signal fires.
 *
 * @param url `redis://HOST:6379/0` or `rediss://`; a password comes from TEMPER_QUEUE_PASSWORD or the file that
 *   TEMPER_QUEUE_PASSWORD_FILE names
 * @throws TemperError `bad-option`, `queue-unreachable`, `worker-failed` where all commands there are of other versions
 */
export async function serveQueue(url: string, options: ServeOptions = {}): Promise<void> {
  const { device = "cpu", dataRoot, signal, onNote = () => {}, onEvent = () => {} } = options;
  checkDevice(device);
  await demandDevice(device);
  const processes = options.processes ?? processesOn(device) ?? availableParallelism();
  const connection = await connect(url, (words) => {
    onNote(words);
    onEvent("connection", { words });
  });
  const pool = openWorkers(processes);
  let files: SharedFiles | undefined;
  try {
    await refuseOthers(connection);
    files = await createSharedFiles(connection.client, dataRoot);
    const serving: Serving = {
      ...{ connection, pool, files, device, onEvent, done: 0, spare: [] },
      registry: options.registry ?? registered,
      kind: kindOfMachine(device),
      slots: createSlots(processes),
    };
    await takeShards(serving, processes, { ...LOCKS, ...options.locks }, signal, onNote);
  } finally {
    await pool.close();
    await files?.close();
    connection.end();
  }
}

/** A worker whose version no running command has would wait for nothing, and nobody would know why. */
async function refuseOthers({ client }: Connection): Promise<void> {
  const own = ownVersions();
  const runs = await runWords(client);
  const [other] = runs;
  if (other === undefined || runs.some(({ versions }) => sameVersions(versions, own))) return;
  throw new TemperError(
    "worker-failed",
    `the command on ${other.host} is of ${versionsInWords(other.versions)}, this worker of ${versionsInWords(own)}\n` +
      "their results would differ: install the same versions on both",
  );
}

async function takeShards(
  serving: Serving,
  processes: number,
  locks: typeof LOCKS,
  signal: AbortSignal | undefined,
  onNote: (note: string) => void,
): Promise<void> {
  const { connection, kind, onEvent } = serving;
  const { Worker, UnrecoverableError } = await loadBullmq();
  const versions = ownVersions();
  const process = async (job: Job<JobData>): Promise<void> => {
    try {
      await carryOut(serving, job);
    } catch (error) {
      if (!(error instanceof Final)) throw error;
      throw new UnrecoverableError(error.message);
    }
  };
  const worker = new Worker<JobData>(queueName(versions), process, {
    ...{ connection: connection.another(), prefix: PREFIX, ...locks },
    // One more than there are processes: its argument is there when one of them is free.
    concurrency: processes + 1,
    removeOnComplete: { count: 0 },
    removeOnFail: { age: 3600, count: 100 },
  });
  worker.on("error", ({ message }) => onEvent("queue", { message }));
  worker.on("stalled", (job) => onEvent("stalled", { job }));
  const word: Omit<WorkerWord, "done"> = {
    ...{ id: randomUUID(), host: hostname(), pid: globalThis.process.pid, versions, kind },
    ...{ processes, since: Date.now() },
  };
  const say = (): void => {
    if (connection.away() > 0) return;
    const text = JSON.stringify({ ...word, done: serving.done });
    const { client } = connection;
    void client
      .multi()
      .sadd(keys.workers, word.id)
      .set(keys.worker(word.id), text, "PX", ALIVE)
      .exec()
      .catch(() => {});
  };
  say();
  const words = setInterval(say, WORD);
  onNote(
    `working with ${counted(processes, "process", "es")}, ${versionsInWords(versions)}, ${kind}`,
  );
  onEvent("begins", { ...word });
  try {
    await stopped(signal);
  } finally {
    clearInterval(words);
    await leave(worker);
    if (connection.away() === 0) {
      const { client } = connection;
      await client.multi().srem(keys.workers, word.id).del(keys.worker(word.id)).exec();
    }
    onEvent("ends", { done: serving.done });
  }
}

const stopped = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener("abort", () => resolve(), { once: true });
  });

/** Finishes what is in hand; what takes too long is run elsewhere once its lock has ended. */
async function leave(worker: Worker): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LEAVE);
  });
  await Promise.race([worker.close(), late]);
  clearTimeout(timer);
  await worker.close(true).catch(() => {});
}

function createSlots(count: number): Slots {
  const waiting: ((slot: number) => void)[] = [];
  const free = [...Array(count).keys()];
  return async (call) => {
    const slot = free.pop() ?? (await new Promise<number>((resolve) => waiting.push(resolve)));
    try {
      return await call(slot);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free.push(slot);
      else next(slot);
    }
  };
}
