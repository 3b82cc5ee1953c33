// What goes through the queue for a shard: the job that a command adds, and the answer that a worker gives.
import { type Failure, TemperError } from "../errors.ts";
import type { Client } from "./connect.ts";
import { type Content, dropContent, fetchContent, putContent } from "./contents.ts";
import { keys, STAYS, type Versions } from "./names.ts";
import { pack, unpack } from "./pack.ts";

/** Starts of a shard that fails or whose worker's processes die, over all workers. */
export const ATTEMPTS = 3;

/** Bytes of an argument that a job holds itself. */
const INLINE = 2 ** 14;

/** Bytes of an answer that goes by itself. */
const ANSWER = 2 ** 26;

/** A shared value: its bytes, as `pack` or `packManifest` writes them. */
export interface SharedContent extends Content {
  /** Of a data set: what the command calls it. */
  readonly images?: { readonly name: string | undefined } | undefined;
}

/** An argument, by itself in base64 or by its hash. */
export type Argument = { readonly inline: string } | { readonly content: Content };

/** What BullMQ keeps of some shards; the task is the name of the job, `arg` the list of its arguments. */
export interface JobData {
  readonly run: string;
  readonly map: number;
  readonly versions: Versions;
  readonly shared: Readonly<Record<string, SharedContent>>;
  readonly arg: Argument;
}

/** What a worker answers. */
export interface Answer {
  readonly job: string;
  /** Of machine. */
  readonly kind: string;
  /** Of each shard of the job. */
  readonly results?: readonly unknown[] | undefined;
  /** Milliseconds that a process took for them. */
  readonly ran?: number | undefined;
  readonly failure?: Failure | undefined;
}

export async function putArgument(client: Client, arg: Buffer): Promise<Argument> {
  if (arg.length <= INLINE) return { inline: arg.toString("base64") };
  return { content: await putContent(client, arg, { once: true }) };
}

export async function takeArgument(
  client: Client,
  run: string,
  arg: Argument,
): Promise<Uint8Array> {
  if ("content" in arg) return fetchContent(client, run, arg.content);
  return Buffer.from(String(arg.inline), "base64");
}

/** @throws TemperError `data-unreadable` where there is no list of them */
export function argumentsIn(arg: Uint8Array): readonly unknown[] {
  const list = unpack(arg);
  if (Array.isArray(list)) return list;
  throw new TemperError("data-unreadable", "a job of the queue holds no list of shards");
}

export const packAnswer = (answer: Answer): Buffer => pack(answer);

/** Sends what `packAnswer` gave, or where that is too long its hash. It may be large, and is not copied here. */
export async function putAnswer(
  client: Client,
  run: string,
  { buffer, byteOffset, byteLength }: Uint8Array,
): Promise<void> {
  const answer = Buffer.from(buffer, byteOffset, byteLength);
  const message =
    byteLength > ANSWER ? pack({ far: await putContent(client, answer, { once: true }) }) : answer;
  await Promise.all([
    client.rpush(keys.answers(run), message),
    client.pexpire(keys.answers(run), STAYS),
  ]);
}

/** An answer that was sent, and how many bytes it had. */
export async function takeAnswer(
  client: Client,
  run: string,
  message: Uint8Array,
): Promise<Answer & { readonly bytes: number }> {
  const sent = unpack<Answer | { readonly far: Content }>(message);
  if (!("far" in sent)) return { ...sent, bytes: message.length };
  const { far } = sent;
  const answer = unpack<Answer>(await fetchContent(client, run, far));
  void dropContent(client, far).catch(() => {});
  return { ...answer, bytes: message.length + far.bytes };
}
