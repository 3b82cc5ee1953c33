// What commands and workers call things in the queue's storage, and how long they stay there.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import type { Device } from "../engine/device.ts";
import { versions } from "../run/versions.ts";

/** All keys begin so, BullMQ's too: a user of the storage needs no others. */
export const PREFIX = "temper";

/** The form of jobs and answers. One is added when either changes. */
const PROTOCOL = 1;

/** Milliseconds that a command or a worker is believed to live without a word from it. */
export const ALIVE = 60_000;

/** Milliseconds between two words. */
export const WORD = 2_000;

/** Milliseconds that a part, an answer or an argument stays without being used. */
export const STAYS = 600_000;

/** The versions that must agree, since other code gives other bits. */
export type Versions = ReturnType<typeof versions>;

export const ownVersions: () => Versions = versions;

export const versionsInWords = ({ temper, onnxruntime }: Versions): string =>
  `Temper ${temper} with onnxruntime ${onnxruntime}`;

export const sameVersions = (a: Versions, b: Versions): boolean =>
  a.temper === b.temper && a.onnxruntime === b.onnxruntime;

/** Shards of one version are a queue of their own: no worker of another one takes them. */
export const queueName = ({ temper, onnxruntime }: Versions): string =>
  `shards-${PROTOCOL}-${temper}-${onnxruntime}`;

export const keys = {
  /** Lists of what there is, by id. */
  workers: `${PREFIX}:workers`,
  runs: `${PREFIX}:runs`,
  queues: `${PREFIX}:queues`,
  worker: (id: string): string => `${PREFIX}:worker:${id}`,
  run: (id: string): string => `${PREFIX}:run:${id}`,
  /** Answers to the command, in the order in which they come. */
  answers: (run: string): string => `${PREFIX}:answers:${run}`,
  /** Parts that workers ask the command for. */
  wanted: (run: string): string => `${PREFIX}:wanted:${run}`,
  part: (id: string, part: number): string => `${PREFIX}:part:${id}:${part}`,
};

/** What a worker says of itself. */
export interface WorkerWord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly versions: Versions;
  readonly kind: string;
  readonly processes: number;
  /** Shards that it has finished. */
  readonly done: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** What a command says of itself. */
export interface RunWord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly versions: Versions;
  readonly since: number;
  /** The maps whose shards are wanted. */
  readonly maps: readonly number[];
}

/** Whether text from the queue is a hash: nothing else may be part of a name on this machine. */
export const isHash = (text: unknown): text is string =>
  typeof text === "string" && /^[0-9a-f]{64}$/.test(text);

/** The widest instructions of a processor that matrix products may use, as Linux lists them. */
const LEVELS = ["amx_int8", "avx512f", "avx2", "avx", "sve", "asimd"] as const;

/**
 * The kind of this machine: on two of one kind the same pass gives the same bits, as far as is known.
 *
 * @param device where the passes run
 */
export function kindOfMachine(device: Device = "cpu"): string {
  const { platform, arch } = process;
  let flags: readonly string[] = [];
  try {
    const text = readFileSync("/proc/cpuinfo", "latin1");
    flags = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1].split(" ") ?? [];
  } catch {
    // Not Linux: the processor's name has to do.
  }
  const level = LEVELS.find((name) => flags.includes(name)) ?? cpus()[0]?.model.trim() ?? "";
  return [platform, arch, level, ...(device === "cpu" ? [] : [device])].join(" ");
}

/** "1 worker", "2 workers" */
export const counted = (n: number, word: string, more = "s"): string =>
  `${n} ${word}${n === 1 ? "" : more}`;
