// One shard of a queue on this machine: what it needs is fetched, a process runs it, and its result is sent.
import { readFile } from "node:fs/promises";
import type { Job } from "bullmq";
import type { Device } from "../engine/device.ts";
import { readAt } from "../engine/scratch.ts";
import type { Workers } from "../engine/workers.ts";
import { type Failure, failureOf, TemperError } from "../errors.ts";
import {
  type ChildAnswer,
  type ChildJob,
  childTask,
  module,
  ROOM,
  type SharedFile,
} from "./child-task.ts";
import type { Connection } from "./connect.ts";
import type { QueueLog } from "./events.ts";
import {
  ATTEMPTS,
  argumentsIn,
  type JobData,
  packAnswer,
  putAnswer,
  takeArgument,
} from "./messages.ts";
import { keys, ownVersions, type RunWord, sameVersions, versionsInWords } from "./names.ts";
import { unpack } from "./pack.ts";
import { type Registered, type Registry, taskNamed } from "./registered.ts";
import type { ImagesOf, SharedFiles } from "./shared-files.ts";

/**
 * Runs as many calls at once as there are processes, each with a number below theirs that no other has meanwhile; the
 * others wait in their order.
 */
export type Slots = <R>(call: (slot: number) => Promise<R>) => Promise<R>;

/** A machine that works for a queue. */
export interface Serving {
  readonly connection: Connection;
  readonly pool: Workers;
  readonly slots: Slots;
  readonly files: SharedFiles;
  readonly registry: Registry;
  readonly device: Device;
  /** Of machine. */
  readonly kind: string;
  readonly onEvent: QueueLog;
  /** Memory for long answers on their way: what is new each time the collector has to clear away. */
  readonly spare: Buffer[];
  /** Shards that it has finished. */
  done: number;
}

/** Bytes of an answer whose memory is kept for the next one. */
const SPARE = 2 ** 24;

/** A failure that another try would not change. */
export class Final extends Error {}

/**
 * Runs a shard and sends its result, or why there is none.
 *
 * @throws Final where every other try would fail as well; any other error is worth one
 */
export async function carryOut(serving: Serving, job: Job<JobData>): Promise<void> {
  const { kind, onEvent } = serving;
  const { client } = serving.connection;
  const id = String(job.id);
  const { run } = job.data;
  const began = performance.now();
  const facts = { job: id, run, task: job.name };
  try {
    const result = await resultOf(serving, job);
    if (result === undefined) return onEvent("unwanted", facts);
    await putAnswer(client, run, result.answer);
    if (result.lent !== undefined && result.lent.length <= SPARE) serving.spare.push(result.lent);
    serving.done++;
    // In all, and in the process that ran it.
    const [ms, ran] = [performance.now() - began, result.ran].map(Math.round);
    onEvent("done", { ...facts, ms, ran, bytes: result.answer.length });
  } catch (error) {
    const failure = failureOf(error as Error);
    onEvent("failed", { ...facts, ...failure });
    // A command that cannot be reached adds its shard again, when it is there.
    if (failure.code === "queue-unreachable") return;
    if (mayPass(failure) && job.attemptsMade + 1 < ATTEMPTS) throw error;
    await putAnswer(client, run, packAnswer({ job: id, kind, failure }));
    throw new Final(failure.message);
  }
}

/** Whether a failure is of this machine, and not of the shard. */
const mayPass = ({ code }: Failure): boolean =>
  code === "worker-failed" || code === "out-of-memory" || code === "file-missing";

/** The answer to a shard, and the milliseconds that a process had it. */
interface Ran {
  readonly answer: Uint8Array;
  /** The memory that it lies in, where that is one of the spare ones. */
  readonly lent?: Buffer | undefined;
  readonly ran: number;
}

/** The answer to a shard; undefined where nobody waits for it any more. */
async function resultOf(serving: Serving, job: Job<JobData>): Promise<Ran | undefined> {
  const { connection, registry, device } = serving;
  const { run, map, shared, versions } = job.data;
  if (!(await isWanted(connection, run, map))) return undefined;
  if (!sameVersions(versions, ownVersions())) {
    throw new TemperError(
      "model-unsupported",
      `a shard of ${versionsInWords(versions)} came to a worker of ${versionsInWords(ownVersions())}`,
    );
  }
  const { images: imagesOf, ...task } = taskNamed(registry, job.name);
  const arg = await takeArgument(connection.client, run, job.data.arg);
  return serving.files.using(run, shared, async (own, images) => {
    await haveImages(imagesOf, arg, own, images);
    return serving.slots(async (slot) => {
      // Many a map ends early: what it added beyond its end is not begun.
      if (!(await isWanted(connection, run, map))) return undefined;
      const { scratch } = serving.pool;
      const place = slot * ROOM;
      const child: ChildJob = {
        ...{ run, device, arg, shared: own, task },
        answer: { job: String(job.id), kind: serving.kind },
        at: scratch === undefined ? undefined : place,
      };
      const of = { module, name: childTask.name };
      const began = performance.now();
      const [given] = await serving.pool.map<ChildJob, ChildAnswer>(of, [child]);
      const ran = performance.now() - began;
      if (typeof given !== "number") return { answer: given, ran };
      const lent = roomFor(serving, given);
      const answer = lent.subarray(0, given);
      readAt(scratch!, answer, place);
      return { answer, lent, ran };
    });
  });
}

/** Memory for so many bytes: the spare one that was used last where it is enough, else new. */
function roomFor({ spare }: Serving, bytes: number): Buffer {
  const last = spare.pop();
  return last !== undefined && last.length >= bytes ? last : Buffer.allocUnsafe(bytes);
}

/** Whether the command is there and still waits for the shards of this map. */
async function isWanted({ client }: Connection, run: string, map: number): Promise<boolean> {
  const text = await client.get(keys.run(String(run)));
  return text !== null && (JSON.parse(text) as RunWord).maps.includes(map);
}

/** Has the images of a shard on this machine, where the data set is too large to be there as a whole. */
async function haveImages(
  imagesOf: Registered["images"],
  arg: Uint8Array,
  own: Readonly<Record<string, SharedFile>>,
  images: ImagesOf,
): Promise<void> {
  if (Object.keys(own).every((key) => images(key)?.whole !== false)) return;
  for (const one of argumentsIn(arg)) {
    const needed = imagesOf(one as never);
    const stored = needed && images(needed.of);
    if (needed === undefined || stored === undefined || stored.whole) continue;
    if ("images" in needed) await stored.need(needed.images);
    else {
      const order = unpack<Int32Array>(await readFile(own.order.file));
      const { from, to } = needed.sorted;
      await stored.need(order.subarray(from, to));
    }
  }
}
