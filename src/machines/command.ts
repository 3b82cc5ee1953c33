// The workers of a command that gives its shards to a queue: what they share, who they are, how they are told apart.
//
//     share          what is shared gets a content hash; workers take it by that, once each
//     each           a map: its shards become jobs, a few for each process at a time (maps.ts)
//     answers        come in any order, each once; the map shows them in the order of its arguments
//     every moment   the command says that it lives, counts its workers, and looks for shards that were lost
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Queue } from "bullmq";
import type { AnyDataset, ImageSource } from "../data/dataset.ts";
import { sha256 } from "../data/verify.ts";
import { isSame, type MapOptions, type TaskName, type Visit } from "../engine/task.ts";
import { openWorkers, type Workers } from "../engine/workers.ts";
import { TemperError } from "../errors.ts";
import { type Connection, connect, openBullQueue } from "./connect.ts";
import {
  type Content,
  createSupply,
  dropContent,
  putContent,
  readerOf,
  type Supply,
} from "./contents.ts";
import type { QueueLog } from "./events.ts";
import { workerWords } from "./look.ts";
import { manifestOf, packManifest, pieceReader } from "./manifest.ts";
import { createMaps, type Maps } from "./maps.ts";
import type { JobData, SharedContent } from "./messages.ts";
import {
  ALIVE,
  counted,
  keys,
  kindOfMachine,
  ownVersions,
  queueName,
  type RunWord,
  sameVersions,
  versionsInWords,
  WORD,
  type WorkerWord,
} from "./names.ts";
import { pack } from "./pack.ts";
import { nameOf, type Registry, registered } from "./registered.ts";

/** How a command uses a queue. */
export interface QueueOptions {
  /** Is told what a person should know, a sentence each. */
  readonly onNote?: ((note: string) => void) | undefined;
  /** Is told everything. */
  readonly onEvent?: QueueLog | undefined;
  /** Seconds that the queue may be out of reach before the call ends with `queue-unreachable`. Default 600. */
  readonly patience?: number | undefined;
  /** @internal The tasks that there are. */
  readonly registry?: Registry | undefined;
}

/** Seconds between two lines of how it goes, and between two that nobody works. */
const TELL = 30;

/** A shared value: as it was given, and what workers take it by, once a map needed it. */
interface Shared {
  readonly value: unknown;
  readonly images: boolean;
  content: SharedContent | undefined;
}

interface Command {
  readonly id: string;
  readonly connection: Connection;
  readonly queue: Queue<JobData>;
  readonly supply: Supply;
  readonly maps: Maps;
  readonly shared: Map<string, Shared>;
  readonly since: number;
  readonly patience: number;
  readonly onNote: (note: string) => void;
  readonly onEvent: QueueLog;
  workers: readonly WorkerWord[];
  /** Bytes of shared values that were put into the storage. */
  put: number;
  told: number;
  toldShards: number;
  strangers: Set<string>;
}

/**
 * Workers on other machines, which take shards from a queue (`temper worker`). No result depends on their number; on
 * machines of several kinds the bits may differ, and the record says so. They work for one call at a time, as those of
 * {@link openWorkers} do.
 *
 * @param url `redis://HOST:6379/0` or `rediss://`; a password comes from TEMPER_QUEUE_PASSWORD or the file that
 *   TEMPER_QUEUE_PASSWORD_FILE names
 * @throws TemperError `bad-option`, `queue-unreachable`
 */
export async function openQueue(url: string, options: QueueOptions = {}): Promise<Workers> {
  const { onNote = () => {}, onEvent = () => {}, patience = 600 } = options;
  const registry = options.registry ?? registered;
  const connection = await connect(url, (words) => {
    onNote(words);
    onEvent("connection", { words });
  });
  const id = randomUUID();
  const queue = (await openBullQueue(connection, ownVersions())) as Queue<JobData>;
  const supply = createSupply(connection.client, id);
  const kind = kindOfMachine();
  const maps = createMaps({ connection, queue, supply, run: id, onEvent });
  const command: Command = {
    ...{ id, connection, queue, supply, maps, patience, onNote, onEvent },
    ...{ shared: new Map(), since: Date.now(), workers: [], put: 0 },
    ...{ told: performance.now(), toldShards: 0, strangers: new Set() },
  };
  await sayAlive(command);
  await countWorkers(command);
  if (command.workers.length === 0) onNote("no worker is on the queue yet: waiting for one");
  let busy = false;
  const moments = setInterval(() => {
    // One that hangs on a slow connection is not joined by others.
    if (!busy || connection.away() > 0) {
      busy = true;
      void moment(command).finally(() => {
        busy = false;
      });
    }
  }, WORD);
  moments.unref();
  void supply.serve(connection.another()).catch(() => {});
  void maps.listen(connection.another()).catch(() => {});
  let local: Workers | undefined;
  let closed = false;

  const each = async <A, R>(
    task: TaskName,
    args: readonly A[],
    visit: Visit<R>,
    options: MapOptions = {},
  ): Promise<void> => {
    const name = nameOf(registry, task, args);
    if (name === undefined) {
      // What looks at this machine, or at a file of it, runs here.
      local ??= openWorkers(0);
      for (const [key, { value }] of command.shared) local.share(key, value);
      return local.each(task, args, visit, options);
    }
    const shared = await contentsOf(command);
    const say = (): Promise<void> => sayAlive(command);
    await maps.run({ name, args, shared, say }, visit as Visit<unknown>, options);
  };
  return {
    get size() {
      return maps.processes();
    },
    scratch: undefined,
    apart: true,
    notes: () => notesOf(maps.kinds(), kind),
    share: (key, value) => share(command, key, { value, images: false }),
    shareImages: (key, images) => share(command, key, { value: images, images: true }),
    begin: () => {}, // they have begun, on their own machines
    each,
    map: async <A, R>(task: TaskName, args: readonly A[], options?: MapOptions) => {
      const results: R[] = [];
      await each<A, R>(task, args, (result) => void results.push(result), options);
      return results;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      clearInterval(moments);
      if (maps.shards() > 0) onNote(howItGoes(command, "in all"));
      if (connection.away() === 0) await leave(command).catch(() => {});
      connection.end();
      await local?.close();
    },
  };
}

/** What the record is to say of machines that are not of one kind. */
function notesOf(kinds: readonly string[], own: string): string[] {
  const others = kinds.filter((kind) => kind !== own);
  if (others.length === 0) return [];
  return [
    `machines: shards ran on ${others.join(", ")}, the rest on ${own}: ` +
      "machines of one kind would give the same bits, and these may give others",
  ];
}

function share(command: Command, key: string, given: Pick<Shared, "value" | "images">): void {
  const known = command.shared.get(key);
  if (known !== undefined && isSame(known.value, given.value)) return;
  command.shared.set(key, { ...given, content: undefined });
  if (known?.content !== undefined) void forget(command, known.content).catch(() => {});
}

/** Nobody will want it again; where that is wrong the worker is told so by a shard that nobody waits for. */
async function forget({ supply, connection, shared }: Command, content: Content): Promise<void> {
  if ([...shared.values()].some((one) => one.content?.hash === content.hash)) return;
  supply.release(content.hash);
  supply.release(`${content.hash}.pixels`);
  if (connection.away() === 0) await dropContent(connection.client, content);
}

/** The hashes of all that is shared; what is new is put into the storage, but for pixels, which are asked for. */
async function contentsOf(command: Command): Promise<Record<string, SharedContent>> {
  const contents: Record<string, SharedContent> = {};
  for (const [key, one] of command.shared) {
    one.content ??= one.images
      ? await imagesContent(command, one.value as ImageSource)
      : await valueContent(command, pack(one.value));
    contents[key] = one.content;
  }
  return contents;
}

async function valueContent(command: Command, bytes: Buffer): Promise<SharedContent> {
  // Held first: whoever asks for it before it is there gets it.
  command.supply.hold(sha256(bytes), readerOf(bytes));
  command.put += bytes.length;
  return putContent(command.connection.client, bytes);
}

async function imagesContent(command: Command, images: ImageSource): Promise<SharedContent> {
  const manifest = await manifestOf(images);
  const content = await valueContent(command, packManifest(manifest));
  command.supply.hold(`${content.hash}.pixels`, pieceReader(images, manifest.each));
  // A data set may have a name, by which a worker finds its own copy.
  const { name } = images as Partial<AnyDataset>;
  return { ...content, images: { name } };
}

/** Says that the command lives, and for which maps. */
async function sayAlive({ id, connection, since, maps }: Command): Promise<void> {
  const word: RunWord = {
    ...{ id, host: hostname(), pid: process.pid, versions: ownVersions(), since },
    maps: maps.open(),
  };
  await connection.client
    .multi()
    .sadd(keys.queues, queueName(ownVersions()))
    .sadd(keys.runs, id)
    .set(keys.run(id), JSON.stringify(word), "PX", ALIVE)
    .exec();
}

async function countWorkers(command: Command): Promise<void> {
  const { connection, maps, onNote, strangers } = command;
  const own = ownVersions();
  const all = await workerWords(connection.client);
  const ours = all.filter(({ versions }) => sameVersions(versions, own));
  for (const { id, host, pid, versions } of all) {
    if (sameVersions(versions, own) || strangers.has(id)) continue;
    strangers.add(id);
    onNote(
      `the worker on ${host} (process ${pid}) is of ${versionsInWords(versions)} and gets no shard: ` +
        `this is ${versionsInWords(own)}`,
    );
  }
  if (ours.length !== command.workers.length) {
    const processes = ours.reduce((sum, one) => sum + one.processes, 0);
    onNote(`${counted(ours.length, "worker")} with ${counted(processes, "process", "es")}`);
    command.onEvent("workers", { workers: ours.length, processes });
    maps.setProcesses(processes);
  }
  command.workers = ours;
}

/** What is done every other second. */
async function moment(command: Command): Promise<void> {
  const { connection, maps, patience, onNote } = command;
  const away = connection.away();
  if (away > 1000 * patience) {
    maps.fail(
      new TemperError(
        "queue-unreachable",
        `the queue was out of reach for ${patience} s\nwhat is done is kept where the command keeps it`,
      ),
    );
  }
  if (away > 0) return;
  try {
    await sayAlive(command);
    await countWorkers(command);
    await maps.lookForLost();
  } catch {
    return; // The connection was lost meanwhile, which it tells itself.
  }
  if (maps.open().length === 0 || performance.now() - command.told < 1000 * TELL) return;
  onNote(howItGoes(command));
  command.toldShards = maps.shards();
  command.told = performance.now();
}

/** In words: workers, shards a second, bytes. */
function howItGoes(command: Command, span?: string): string {
  const { maps, workers, supply, put, told, toldShards, since } = command;
  if (workers.length === 0 && span === undefined)
    return "no worker is on the queue: waiting for one";
  const seconds =
    span === undefined ? (performance.now() - told) / 1000 : (Date.now() - since) / 1000;
  const shards = maps.shards() - (span === undefined ? toldShards : 0);
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toPrecision(3)} MB`;
  const { sent, received } = maps.bytes();
  return (
    `${counted(workers.length, "worker")}, ${counted(shards, "shard")}${span === undefined ? "" : ` ${span}`}, ` +
    `${(shards / seconds).toPrecision(3)} a second; ${megabytes(sent + put + supply.sent())} sent, ` +
    `${megabytes(received)} received`
  );
}

/** Takes back what the command left in the storage. */
async function leave({ id, connection, queue, shared }: Command): Promise<void> {
  const { client } = connection;
  for (const { content } of shared.values()) {
    if (content !== undefined) await dropContent(client, content);
  }
  await client
    .multi()
    .srem(keys.runs, id)
    .del(keys.run(id), keys.answers(id), keys.wanted(id))
    .exec();
  await queue.close();
}
