// What is too large for a job: named by the hash of its bytes, cut into parts, in the queue's storage for a while.
//
// The command puts there what every worker will need, and the rest when a worker asks; a worker takes the parts and
// believes them once their hash is the one that it was told.
import { promisify } from "node:util";
import { deflateRaw, deflateRawSync, inflateRaw } from "node:zlib";
import { demandMemory } from "../data/memory.ts";
import { sha256 } from "../data/verify.ts";
import { TemperError } from "../errors.ts";
import type { Client } from "./connect.ts";
import { isHash, keys, STAYS } from "./names.ts";

/** Bytes of a part before it is compressed, at most. */
export const PART = 2 ** 22;

/** Bytes that one command keeps in the storage because a worker asked for them, at most. */
const ASKED_FOR = 2 ** 28;

/** Milliseconds that these stay. */
const ASKED_STAYS = 20_000;

/** Stands for a part that nobody needs any more, for so many milliseconds. */
const GONE = Buffer.of(2);
const GONE_STAYS = 1_000;

/** Bytes that tell whether a part is worth compressing, and what must be left of them. */
const SAMPLE = 2 ** 14;
const WORTH = 0.8;

/** Bytes that a stored part is longer than its content, at most. */
const MORE = 2 ** 10;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Bytes that somebody has, by their hash. */
export interface Content {
  readonly hash: string;
  readonly bytes: number;
}

/** Cuts what is held into parts, the n-th on demand. */
export type PartReader = (part: number) => Uint8Array;

const partsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / PART));

export const readerOf =
  (bytes: Uint8Array): PartReader =>
  (part) =>
    bytes.subarray(part * PART, (part + 1) * PART);

/** Compresses a part where that is worth it; the first byte says which. */
async function stored(part: Uint8Array): Promise<Buffer> {
  const sample = part.subarray(0, SAMPLE);
  const worth = deflateRawSync(sample, { level: 1 }).length < WORTH * sample.length;
  return worth ? marked(1, await deflate(part, { level: 1 })) : marked(0, part);
}

const marked = (mark: 0 | 1, body: Uint8Array): Buffer => Buffer.concat([Buffer.of(mark), body]);

async function read(bytes: Buffer, most: number): Promise<Uint8Array> {
  if (bytes.length > most + MORE) throw damaged();
  const body = bytes.subarray(1);
  if (bytes[0] === GONE[0]) throw notGiven();
  if (bytes[0] === 0) return body;
  return inflate(body, { maxOutputLength: most }).catch(() => {
    throw damaged();
  });
}

const damaged = (): TemperError =>
  new TemperError("data-unreadable", "a part of what came over the queue is not what it was to be");

const notGiven = (): TemperError =>
  new TemperError("queue-unreachable", "the command does not give what a shard needs");

/** Takes a part, without asking for more than a part may hold; undefined where it is not there. */
async function takePart(
  client: Client,
  { id, part, most }: Wanted,
): Promise<Uint8Array | undefined> {
  const bytes = await client.getrangeBuffer(keys.part(id, part), 0, most + MORE);
  return bytes.length === 0 ? undefined : read(bytes, most);
}

/** A part, and how many bytes it may have. */
interface Wanted {
  readonly id: string;
  readonly part: number;
  readonly most: number;
}

/**
 * Puts bytes there as a whole, for whoever knows their hash.
 *
 * @param once whether only one will take them: that is over before they were compressed
 */
export async function putContent(
  client: Client,
  bytes: Uint8Array,
  { once = false } = {},
): Promise<Content> {
  const hash = sha256(bytes);
  const parts = readerOf(bytes);
  for (let part = 0; part < partsOf(bytes.length); part++) {
    const body = once ? marked(0, parts(part)) : await stored(parts(part));
    await client.set(keys.part(hash, part), body, "PX", STAYS);
  }
  return { hash, bytes: bytes.length };
}

/** Removes what `putContent` put there. */
export async function dropContent(client: Client, { hash, bytes }: Content): Promise<void> {
  const names = Array.from({ length: partsOf(bytes) }, (_, part) => keys.part(hash, part));
  await client.unlink(...names);
}

/** What a command has for the workers that ask. */
export interface Supply {
  hold(id: string, reader: PartReader): void;
  release(id: string): void;
  /** Bytes that went into the storage. */
  sent(): number;
  /** Answers what is asked for, until the client ends. */
  serve(waiting: Client): Promise<void>;
}

/** What a command has, for the workers that ask for it. */
export function createSupply(client: Client, run: string): Supply {
  const held = new Map<string, PartReader>();
  /** What lies in the storage, and until when. */
  const given: { readonly until: number; readonly bytes: number; readonly name: string }[] = [];
  let sent = 0;
  const give = async (asked: string): Promise<void> => {
    const [id, part] = asked.split(":");
    if (!/^\d{1,9}$/.test(part ?? "")) return;
    const reader = held.get(id);
    if (reader === undefined) {
      // Whoever waits for it is told, unless another command has just put it there.
      await client.set(keys.part(id, Number(part)), GONE, "PX", GONE_STAYS, "NX");
      return;
    }
    const now = performance.now();
    while (given.length > 0 && given[0].until < now) given.shift();
    // What was just given is on its way.
    if (given.some(({ name, until }) => name === asked && until - now > ASKED_STAYS - 1000)) return;
    const there = given.reduce((sum, { bytes }) => sum + bytes, 0);
    if (there > ASKED_FOR) return; // Whoever needs it asks again.
    const bytes = await stored(reader(Number(part)));
    if (bytes.length === 1) return;
    await client.set(keys.part(id, Number(part)), bytes, "PX", ASKED_STAYS);
    given.push({ until: now + ASKED_STAYS, bytes: bytes.length, name: asked });
    sent += bytes.length;
  };
  return {
    hold: (id, reader) => void held.set(id, reader),
    release: (id) => void held.delete(id),
    sent: () => sent,
    serve: async (waiting) => {
      for (;;) {
        const found = await waiting.blpop(keys.wanted(run), 5);
        if (found !== null) await give(found[1]);
      }
    },
  };
}

/** Milliseconds between two looks for a part that was asked for: few at first, and this many at most. */
const LOOK = 200;
/** Milliseconds after which it is asked for again, and after which it is given up. */
const ASK_AGAIN = 3_000;
const GIVE_UP = 20_000;

/**
 * Takes a part, and asks the command for it where it is not there.
 *
 * @throws TemperError `queue-unreachable` where the command does not give it
 */
export async function fetchPart(
  client: Client,
  { run, ...wanted }: Wanted & { readonly run: string },
): Promise<Uint8Array> {
  const began = performance.now();
  let asked = Number.NEGATIVE_INFINITY;
  for (let wait = 1; ; wait = Math.min(LOOK, 2 * wait)) {
    const found = await takePart(client, wanted);
    if (found !== undefined) return found;
    const now = performance.now();
    if (now - began > GIVE_UP) throw notGiven();
    if (now - asked > ASK_AGAIN) {
      asked = now;
      await client
        .multi()
        .rpush(keys.wanted(run), `${wanted.id}:${wanted.part}`)
        .pexpire(keys.wanted(run), ASKED_STAYS)
        .exec();
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/**
 * Takes bytes by their hash, which they are checked against.
 *
 * @throws TemperError `data-unreadable` where they have another; `out-of-memory` where they cannot be held
 */
export async function fetchContent(
  client: Client,
  run: string,
  { hash, bytes }: Content,
): Promise<Buffer> {
  checkContent({ hash, bytes });
  const whole = Buffer.allocUnsafe(bytes);
  for (let part = 0; part < partsOf(bytes); part++) {
    const found = await fetchPart(client, { run, id: hash, part, most: PART });
    if (found.length !== Math.min(PART, bytes - part * PART)) throw damaged();
    whole.set(found, part * PART);
  }
  if (sha256(whole) !== hash) throw damaged();
  return whole;
}

/** Refuses what is no content, or more than this machine holds, before memory is asked for it. */
export function checkContent({ hash, bytes }: Content): void {
  if (!isHash(hash) || !Number.isSafeInteger(bytes) || bytes < 0) throw damaged();
  demandMemory(2 * bytes, "a model or its data, twice,", "give the worker a larger machine");
}
