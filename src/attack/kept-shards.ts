// Attacks that go on after a stop: every finished shard is appended to a file, and none that is there is made again.
//
// A shard is found by the hash of all that decides it, so that a file can do no more harm than to hold nothing of use.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, open, readFile, rm, truncate } from "node:fs/promises";
import { deserialize, serialize } from "node:v8";
import { type AnyDataset, hashDataset } from "../data/dataset.ts";
import { type Model, networkOf } from "../engine/model.ts";
import type { MapOptions, TaskName } from "../engine/task.ts";
import { engineVersion } from "../engine/version.ts";
import type { Workers } from "../engine/workers.ts";
import { TemperError } from "../errors.ts";
import { type Beginning, differing } from "../options/beginning.ts";

/** A file of finished shards. */
export interface ShardKeeper {
  /** How many processes shards are cut for: those of the call that began. */
  readonly processes: (now: number) => number;
  /** The shard kept under a key; undefined where there is none. */
  get(key: string): unknown;
  /** Appends a shard; the work goes on once it is written. */
  put(key: string, shard: unknown): Promise<void>;
  /** Closes the file and keeps it. */
  close(): Promise<void>;
  /** Removes the file: the call is finished. */
  finish(): Promise<void>;
}

interface Head {
  readonly beginning: Beginning;
  readonly processes: number;
}

const FORMAT = "temper shards 1";

/** Bytes before each entry: its length, and the beginning of its hash, which a torn entry does not have. */
const LENGTH = 4;
const CHECK = 8;

const sha256 = (bytes: Uint8Array | string): Buffer => createHash("sha256").update(bytes).digest();

/**
 * Begins a file of shards, or takes up the one that a stopped call left.
 *
 * @throws TemperError `file-exists` where one is there and neither `resume` nor `force` is given; `run-unreadable`
 *   where it is of another beginning, or no file of shards; `file-missing` where it cannot be written
 */
export async function keepShards(
  file: string,
  beginning: Beginning,
  { resume = false, force = false }: { readonly resume?: boolean; readonly force?: boolean } = {},
): Promise<ShardKeeper> {
  const there = existsSync(file);
  if (there && !resume && !force) {
    throw new TemperError(
      "file-exists",
      `"${file}" keeps what an unfinished command has done\n` +
        "give --resume to continue it, or --force to start again",
    );
  }
  const old = there && resume ? await readShards(file, beginning) : undefined;
  if (there && old === undefined) await rm(file);
  const shards = old?.shards ?? new Map<string, unknown>();
  let processes = old?.head.processes;
  let handle: FileHandle | undefined;
  let last: Promise<void> = Promise.resolve();
  const append = async (entry: unknown): Promise<void> => {
    try {
      if (handle === undefined) {
        handle = await open(file, "a");
        const head: Head = { beginning, processes: processes! };
        if (old === undefined) await handle.appendFile(entryOf([FORMAT, head]));
      }
      await handle.appendFile(entryOf(entry));
    } catch (cause) {
      throw new TemperError(
        "file-missing",
        `${file}: cannot be written: ${(cause as Error).message}\n` +
          "check that the folder exists, may be written and has space; --resume then goes on from here",
        { cause },
      );
    }
  };
  const close = async (): Promise<void> => {
    await last.catch(() => undefined); // whoever appended it was told
    await handle?.close();
    handle = undefined;
  };
  return {
    processes: (now) => {
      processes ??= now;
      return processes;
    },
    get: (key) => shards.get(key),
    put: (key, shard) => {
      last = last.then(() => append([key, shard]));
      return last;
    },
    close,
    finish: async () => {
      await close();
      await rm(file, { force: true });
    },
  };
}

function entryOf(value: unknown): Buffer {
  const bytes = serialize(value);
  const before = Buffer.alloc(LENGTH);
  before.writeUInt32LE(bytes.length);
  return Buffer.concat([before, sha256(bytes).subarray(0, CHECK), bytes]);
}

/** The shards of a file; an entry that was torn by a kill is cut off. */
async function readShards(
  file: string,
  beginning: Beginning,
): Promise<{ readonly head: Head; readonly shards: Map<string, unknown> } | undefined> {
  const bytes = await readFile(file);
  const entries: [string, unknown][] = [];
  let at = 0;
  while (at + LENGTH + CHECK <= bytes.length) {
    const from = at + LENGTH + CHECK;
    const to = from + bytes.readUInt32LE(at);
    const entry = bytes.subarray(from, to);
    const check = sha256(entry).subarray(0, CHECK);
    if (to > bytes.length || !check.equals(bytes.subarray(at + LENGTH, from))) break;
    entries.push(deserialize(entry));
    at = to;
  }
  const refuse = (what: string): TemperError =>
    new TemperError("run-unreadable", `"${file}" ${what}, or --force to start again`);
  const [first, ...rest] = entries;
  if (first === undefined && bytes.length < LENGTH + CHECK) return undefined; // killed before it had begun
  if (first?.[0] !== FORMAT) throw refuse("is no file of shards, or damaged\ngive another");
  const head = first[1] as Head;
  const different = differing(head.beginning, beginning);
  if (different.length > 0) {
    const what = `is of a command with ${different.slice(0, 3).join("; ")}`;
    throw refuse(`${what}\ngive the same options to continue it`);
  }
  if (at < bytes.length) await truncate(file, at);
  return { head, shards: new Map(rest) };
}

/** What decides a shard beside its argument. */
const subjectOf = (model: Model, data: AnyDataset): string => {
  const { file, options } = networkOf(model);
  const parts = [sha256(file), sha256(new Uint8Array(model.theta().buffer))];
  return [
    engineVersion(),
    JSON.stringify(options),
    ...parts.map((hash) => hash.toString("hex")),
    hashDataset(data),
  ].join();
};

/** Workers that make no shard of an attack twice. */
export function withKeptShards(
  workers: Workers,
  { model, data, keeper }: { model: Model; data: AnyDataset; keeper: ShardKeeper },
): Workers {
  const subject = subjectOf(model, data);
  const map = async <A, R>(
    task: TaskName,
    args: readonly A[],
    options: MapOptions = {},
  ): Promise<R[]> => {
    if (task.name !== "attackShard") return workers.map<A, R>(task, args, options);
    const results = new Array<R>(args.length);
    const left = args.map((arg, i) => ({ arg, i, key: keyOf(subject, arg) }));
    let done = 0;
    let failed = false;
    // As many lanes as processes: each waits for its shard and has it written before it takes the next.
    const lane = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined && !failed; next = left.shift()) {
        const { arg, i, key } = next;
        const kept = keeper.get(key) as R | undefined;
        results[i] = kept ?? (await workers.map<A, R>(task, [arg], { signal: options.signal }))[0];
        if (kept === undefined) await keeper.put(key, results[i]);
        options.onDone?.(++done);
      }
    };
    const lanes = Array.from({ length: workers.size }, () =>
      lane().catch((error) => {
        failed = true;
        throw error;
      }),
    );
    await Promise.all(lanes);
    return results;
  };
  return { ...workers, size: keeper.processes(workers.size), map };
}

const keyOf = (subject: string, arg: unknown): string =>
  sha256(
    subject +
      JSON.stringify(arg, (_, value) =>
        ArrayBuffer.isView(value) ? [...(value as Int32Array)] : value,
      ),
  ).toString("hex");
