// One file over HTTP: resumed where an earlier transfer stopped, checked, from the next mirror if need be.
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { TemperError, throwIfAborted } from "../errors.ts";
import type { KnownFile } from "./published.ts";
import { isRight, sizeOf } from "./verify.ts";

export interface TransferOptions {
  /** Stops the transfer; what has arrived stays for the next call. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes that have arrived, those of an earlier call included. */
  readonly onProgress?: ((file: string, done: number, of: number) => void) | undefined;
}

export interface DownloadOptions extends TransferOptions {
  /** Base addresses ending in a slash, tried in turn. */
  readonly mirrors: readonly string[];
  /** Holds NAME.part while NAME is under way. */
  readonly folder: string;
}

/** The disk's failures, unlike the network's, are not cured by another mirror. */
export function unwritable(path: string): (cause: Error) => never {
  return (cause) => {
    throw new TemperError(
      "file-missing",
      `${path}: cannot be written: ${cause.message}\nmake room or rights there, or give another folder with --data-dir`,
      { cause },
    );
  };
}

/** `fetch` only says "fetch failed"; its cause holds the reason. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const { message: inner, code } = (cause ?? {}) as NodeJS.ErrnoException;
  return inner || code || message;
}

const contentStart = (response: Response): number =>
  Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1]);

/**
 * Asks for the bytes after the first `have`. Before any byte is written, an answer is refused that is no
 * success or is said to have another length, as the login page of a network is.
 */
async function request(
  url: string,
  have: number,
  { bytes }: KnownFile,
  signal: AbortSignal | undefined,
): Promise<{ readonly body: AsyncIterable<Uint8Array>; readonly from: number }> {
  const range = have > 0 ? { range: `bytes=${have}-` } : undefined;
  // Without "identity" a server might pack the file once more, and ranges would count other bytes.
  const headers = { "accept-encoding": "identity", ...range };
  const response = await fetch(url, { headers, signal: signal ?? null });
  const from = response.status === 206 ? contentStart(response) : 0;
  const length = Number(response.headers.get("content-length") ?? bytes - from);
  const wrong = !response.ok
    ? `HTTP status ${response.status}`
    : from !== 0 && from !== have
      ? "the server sent another part than was asked for"
      : from + length !== bytes
        ? `the server has ${from + length} bytes, the published file ${bytes}`
        : undefined;
  if (wrong === undefined && response.body !== null) return { body: response.body, from };
  await response.body?.cancel();
  throw new Error(wrong ?? "the server sent nothing");
}

/** Adds to `part` what is missing of it; returns whether it had a beginning that was used. */
async function receive(
  url: string,
  part: string,
  known: KnownFile,
  { signal, onProgress }: TransferOptions,
): Promise<boolean> {
  const have = await sizeOf(part);
  if (have >= known.bytes) return true;
  const { body, from } = await request(url, have, known, signal);
  const handle = await open(part, from > 0 ? "a" : "w").catch(unwritable(part));
  try {
    let done = from;
    for await (const chunk of body) {
      await handle.appendFile(chunk).catch(unwritable(part));
      done += chunk.length;
      if (done > known.bytes) break;
      onProgress?.(known.name, done, known.bytes);
    }
    await handle.sync().catch(unwritable(part));
  } finally {
    await handle.close();
  }
  return from > 0;
}

/** Leaves the right bytes in `part`, or throws; a beginning that led to wrong bytes is tried without once. */
async function completeFrom(
  url: string,
  part: string,
  known: KnownFile,
  options: TransferOptions,
): Promise<void> {
  const resumed = await receive(url, part, known, options);
  if (await isRight(part, known)) return;
  await rm(part, { force: true });
  if (!resumed) throw new Error("the checksum is wrong");
  await completeFrom(url, part, known, options);
}

/**
 * Fetches `known.name` unless `folder` has it, and returns the path of the checked bytes: the file
 * itself where it was there, else NAME.part, which the caller renames or removes.
 *
 * @throws TemperError download-failed (every mirror and its reason), file-missing (the folder cannot
 * be written), aborted
 */
export async function download(known: KnownFile, options: DownloadOptions): Promise<string> {
  const { folder, mirrors, signal } = options;
  const target = join(folder, known.name);
  if (await isRight(target, known)) return target;
  const part = `${target}.part`;
  const reasons: string[] = [];
  for (const mirror of mirrors) {
    throwIfAborted(signal);
    try {
      await completeFrom(mirror + known.name, part, known, options);
      return part;
    } catch (error) {
      throwIfAborted(signal);
      if (error instanceof TemperError) throw error;
      reasons.push(`${mirror} (${reasonOf(error)})`);
    }
  }
  const kept = (await sizeOf(part)) > 0 ? "run it again to continue, or" : "try again later, or";
  throw new TemperError(
    "download-failed",
    `${known.name} could not be fetched from ${reasons.join(", ")}\n` +
      `${kept} download it by hand into ${folder}, or set --data-dir to a folder that has the data`,
  );
}
