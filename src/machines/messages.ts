// What goes through the queue for a shard: the job that a command adds, and the answer that a worker gives.
import type { Failure } from "../errors.ts";
import type { Client } from "./connect.ts";
import { type Content, fetchContent, putContent } from "./contents.ts";
import { keys, STAYS, type Versions } from "./names.ts";
import { pack, unpack } from "./pack.ts";

/** Starts of a shard that fails or whose worker's processes die, over all workers. */
export const ATTEMPTS = 3;

/** Bytes of an argument that a job holds itself. */
const INLINE = 2 ** 18;

/** Bytes of a result that an answer holds itself. */
const ANSWER = 2 ** 26;

/** A shared value: its bytes, as `pack` or `packManifest` writes them. */
export interface SharedContent extends Content {
  /** Of a data set: what the command calls it. */
  readonly images?: { readonly name: string | undefined } | undefined;
}

/** An argument, by itself in base64 or by its hash. */
export type Argument = { readonly inline: string } | { readonly content: Content };

/** What BullMQ keeps of a shard; the task is the name of the job. */
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
  readonly result?: Uint8Array | Content | undefined;
  readonly failure?: Failure | undefined;
}

export async function putArgument(client: Client, arg: Buffer): Promise<Argument> {
  if (arg.length <= INLINE) return { inline: arg.toString("base64") };
  return { content: await putContent(client, arg) };
}

export async function takeArgument(
  client: Client,
  run: string,
  arg: Argument,
): Promise<Uint8Array> {
  if ("content" in arg) return fetchContent(client, run, arg.content);
  return Buffer.from(String(arg.inline), "base64");
}

export async function putAnswer(client: Client, run: string, answer: Answer): Promise<number> {
  const { result } = answer;
  const far = result instanceof Uint8Array && result.length > ANSWER;
  const bytes = pack(far ? { ...answer, result: await putContent(client, result) } : answer);
  await client.multi().rpush(keys.answers(run), bytes).pexpire(keys.answers(run), STAYS).exec();
  return far ? result.length : bytes.length;
}

export const readAnswer = (bytes: Uint8Array): Answer => unpack<Answer>(bytes);
