// Reads a Parquet file in a process of its own: a broken file can claim counts that keep the reader busy for hours, or
// fill the memory. That process is ended then; this one goes on.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type ErrorCode, TemperError } from "../errors.ts";
import type { Shard } from "./parquet-shard.ts";
import type { Keys } from "./reading.ts";

export interface Question {
  readonly path: string;
  readonly keys: Keys;
}

export type Answer =
  | { readonly shard: Shard }
  | { readonly code: ErrorCode; readonly message: string };

/** Seconds that a file may take, and more for each megabyte: a hundredfold of what was seen. */
const SECONDS = 5;
const SECONDS_A_MEGABYTE = 1;

/** Of the process's heap; the bytes of the images lie outside it. */
const MAX_HEAP_MB = 2048;

// From sources (tests) the process needs a loader for TypeScript; built, it is plain JavaScript.
const fromSource = import.meta.url.endsWith(".ts");
const entry = fileURLToPath(
  new URL(fromSource ? "./parquet-child.ts" : "./parquet-child.js", import.meta.url),
);

/** The process of the last file, taken up by the next. */
let idle: ChildProcess | undefined;

async function takeProcess(): Promise<ChildProcess> {
  const child = idle;
  idle = undefined;
  if (child?.connected) {
    child.ref();
    child.channel?.ref();
    return child;
  }
  const fresh = fork(entry, [], {
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${MAX_HEAP_MB}`, ...(fromSource ? ["--import", "tsx"] : [])],
    // What V8 prints when the heap is full would tell a user nothing.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  await once(fresh, "message");
  return fresh;
}

/** The answer; undefined where the process ended or took too long. */
function ask(child: ChildProcess, question: Question, ms: number): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const end = (answer?: Answer): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(answer);
    };
    const timer = setTimeout(end, ms);
    child.once("message", (answer) => end(answer as Answer));
    child.once("exit", () => end());
    child.send(question);
  });
}

/**
 * Reads one Parquet file.
 * @throws TemperError file-missing, data-unreadable: as readShard, and a file that takes too long or too much memory
 */
export async function readShardAside(path: string, keys: Keys): Promise<Shard> {
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  const seconds = SECONDS + (SECONDS_A_MEGABYTE * bytes) / 1e6;
  const child = await takeProcess();
  const answer = await ask(child, { path, keys }, 1000 * seconds);
  if (answer === undefined) {
    child.kill("SIGKILL");
    throw new TemperError(
      "data-unreadable",
      `${path}: is not a readable Parquet file: it claims more than its ${bytes} bytes hold\nfetch it again`,
    );
  }
  child.unref();
  child.channel?.unref();
  idle = child;
  if ("shard" in answer) return answer.shard;
  throw new TemperError(answer.code, answer.message);
}
