// The data sets that a worker holds: in files of its own cache folder, filled from its data folder or by the queue.
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { cachedFile, keptFolder } from "../data/cache.ts";
import { type AnyDataset, imageSize } from "../data/dataset.ts";
import { openData } from "../data/open.ts";
import { bytesOf, readPixels, writeBytes } from "../data/pixel-file.ts";
import { TemperError } from "../errors.ts";
import type { Client } from "./connect.ts";
import { fetchPart } from "./contents.ts";
import {
  bytesOfImage,
  imagesOfPiece,
  isPiece,
  type Manifest,
  pieceReader,
  piecesOf,
} from "./manifest.ts";

/** Pixels of a data set that a worker takes as a whole: its processes hold such a one in memory (engine/tasks.ts). */
const WHOLE = 2 ** 26;

/** Pieces that are asked for at once. */
const AT_ONCE = 16;

/** The images that a shard needs: all from one to another, or chosen ones. */
export type Needed = { readonly from: number; readonly to: number } | Int32Array;

/** A data set whose pixels lie, as far as they were needed, in a file of this machine. */
export interface StoredImages {
  readonly file: string;
  /** Whether all of it is there. */
  readonly whole: boolean;
  /** Has the images there. */
  need(images: Needed): Promise<void>;
  /** Removes what the next run cannot use. */
  close(): Promise<void>;
}

export interface PieceSource {
  readonly client: Client;
  readonly run: string;
  /** The hash of the manifest. */
  readonly hash: string;
  /** What the command calls the data: nothing is opened by it but what lies in the worker's own data folder. */
  readonly name: string | undefined;
  readonly dataRoot: string | undefined;
}

/**
 * Opens a data set by its manifest: from the cache, or a file to be filled.
 *
 * @throws TemperError `file-missing` where there is no room for it
 */
export async function openStored(manifest: Manifest, source: PieceSource): Promise<StoredImages> {
  const take = await pieceTaker(manifest, source);
  const pixels = manifest.count * imageSize(manifest.shape);
  return pixels <= WHOLE ? storedWhole(manifest, source, take) : storedInParts(manifest, take);
}

type Take = (piece: number) => Promise<Uint8Array>;

/** Takes pieces from the data folder where it has them, and else from the queue; none is believed unchecked. */
async function pieceTaker(manifest: Manifest, source: PieceSource): Promise<Take> {
  const own = await inDataRoot(manifest, source);
  const read = own && pieceReader(own, manifest.each);
  const { client, run, hash } = source;
  return async (piece) => {
    const mine = read?.(piece);
    if (mine !== undefined && isPiece(manifest, piece, mine)) return mine;
    const most = manifest.each * bytesOfImage(manifest);
    const bytes = await fetchPart(client, { run, id: `${hash}.pixels`, part: piece, most });
    if (isPiece(manifest, piece, bytes)) return bytes;
    throw new TemperError("data-unreadable", "a piece of a data set is not what it was to be");
  };
}

const PUBLISHED = /^(?:mnist|cifar10|digits):(?:train|test)(?:\[\d{1,9}:\d{1,9}\])?$/;

/** The data set of this name in the worker's own folder, where it looks like the one that is wanted. */
async function inDataRoot(
  { shape, count }: Manifest,
  { name, dataRoot }: PieceSource,
): Promise<AnyDataset | undefined> {
  if (name === undefined || (dataRoot === undefined && !name.startsWith("digits:"))) {
    return undefined;
  }
  let wanted: string | undefined = PUBLISHED.test(name) ? name : undefined;
  if (wanted === undefined && dataRoot !== undefined) {
    // A name from the queue is compared with what lies here, and never opened as a path.
    const [, file, slice] = /^(.*?\.npz)((?:\[\d{1,9}:\d{1,9}\])?)$/.exec(basename(name)) ?? [];
    const there = (await readdir(dataRoot).catch(() => [])).find((one) => one === file);
    wanted = there && `${join(dataRoot, there)}${slice}`;
  }
  if (wanted === undefined) return undefined;
  const data = await openData(wanted, { dataDir: dataRoot, stored: true }).catch(() => undefined);
  return data?.count === count && `${data.shape}` === `${shape}` ? data : undefined;
}

/** Writes pieces into a file. */
async function fill(
  manifest: Manifest,
  { file, pieces, take }: { file: number; pieces: readonly number[]; take: Take },
): Promise<void> {
  const left = pieces.values();
  const lane = async (): Promise<void> => {
    for (const piece of left) {
      const bytes = await take(piece);
      writeBytes(file, bytes, piece * manifest.each * bytesOfImage(manifest));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

const allOf = (manifest: Manifest): number[] => [...Array(piecesOf(manifest)).keys()];

/** A data set that is taken as a whole, and kept for the next run. */
async function storedWhole(
  manifest: Manifest,
  { hash }: PieceSource,
  take: Take,
): Promise<StoredImages> {
  const bytes = manifest.count * bytesOfImage(manifest);
  for (let attempt = 0; ; attempt++) {
    let made = false;
    const file = await cachedFile(`${hash}.pixels`, bytes, async (path) => {
      made = true;
      const descriptor = openSync(path, "r+");
      try {
        await fill(manifest, { file: descriptor, pieces: allOf(manifest), take });
      } finally {
        closeSync(descriptor);
      }
    });
    if (file === undefined) throw noRoom(bytes);
    if (made || (await isWhole(manifest, file))) {
      return { file, whole: true, need: async () => {}, close: async () => {} };
    }
    await rm(file, { force: true });
    if (attempt > 0) throw new TemperError("data-unreadable", `${file}: damaged`);
  }
}

const noRoom = (bytes: number): TemperError =>
  new TemperError(
    "file-missing",
    `there is no room for ${Math.ceil(bytes / 1e6)} MB of images in "${keptFolder()}"\n` +
      "TEMPER_CACHE names another folder, TEMPER_CACHE_LIMIT its size in GB",
  );

/** Whether a file of an earlier run is still what it was. */
async function isWhole(manifest: Manifest, file: string): Promise<boolean> {
  const size = bytesOfImage(manifest);
  for (const piece of allOf(manifest)) {
    const { from, to } = imagesOfPiece(manifest, piece);
    const bytes = readPixels({ file, at: 0, type: "uint8" }, from * size, to * size);
    if (!isPiece(manifest, piece, bytesOf(bytes))) return false;
    if (piece % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return true;
}

/** A data set too large for that: a file with holes, which are filled as shards need them. */
async function storedInParts(manifest: Manifest, take: Take): Promise<StoredImages> {
  const folder = keptFolder();
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${randomUUID()}.part`);
  const handle = await open(file, "wx+", 0o600);
  await handle.truncate(manifest.count * bytesOfImage(manifest));
  const there = new Map<number, Promise<void>>();
  const needPiece = (piece: number): Promise<void> => {
    const known = there.get(piece) ?? fill(manifest, { file: handle.fd, pieces: [piece], take });
    there.set(piece, known);
    known.catch(() => there.delete(piece));
    return known;
  };
  return {
    file,
    whole: false,
    need: async (images) => {
      const left = piecesFor(manifest, images).values();
      const lane = async (): Promise<void> => {
        for (const piece of left) await needPiece(piece);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
    },
    close: async () => {
      await handle.close();
      await rm(file, { force: true });
    },
  };
}

/** The pieces in which images lie; images that the data set has not are none of its own. */
function piecesFor(manifest: Manifest, images: Needed): Set<number> {
  const { each, count } = manifest;
  const pieces = new Set<number>();
  if (images instanceof Int32Array) {
    for (const id of images) if (id >= 0 && id < count) pieces.add(Math.floor(id / each));
    return pieces;
  }
  const last = Math.min(images.to, count);
  for (let id = Math.max(0, images.from - (images.from % each)); id < last; id += each) {
    pieces.add(Math.floor(id / each));
  }
  return pieces;
}
