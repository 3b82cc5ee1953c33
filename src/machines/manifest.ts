// A data set as it travels: what it is made of, and its pixels in pieces of a few images, each with its hash.
//
// A worker that lacks them takes the pieces that a shard needs, not all of D.
import { type ImageSource, imageSize, pixelsOf, typeOf } from "../data/dataset.ts";
import { bytesOf } from "../data/pixel-file.ts";
import { sha256 } from "../data/verify.ts";
import { TemperError } from "../errors.ts";
import type { PartReader } from "./contents.ts";
import { pack, unpack } from "./pack.ts";

/** Bytes of a piece, about: small, since random images are each of another one; an image at the least. */
const PIECE = 2 ** 18;

/** Bytes that are hashed before others have their turn in this process. */
const TURN = 2 ** 25;

const HASH = 32;

/** What a data set is made of. */
export interface Manifest {
  readonly shape: readonly number[];
  readonly count: number;
  readonly type: "uint8" | "float32";
  /** Images of a piece; the last one may have fewer. */
  readonly each: number;
  /** The SHA-256 of every piece, one after the other. */
  readonly hashes: Uint8Array;
  readonly labels: Int32Array;
}

/** Bytes of an image. */
export const bytesOfImage = ({ shape, type }: Pick<Manifest, "shape" | "type">): number =>
  imageSize(shape) * (type === "uint8" ? 1 : 4);

export const piecesOf = ({ count, each }: Pick<Manifest, "count" | "each">): number =>
  Math.ceil(count / each);

/** The images of a piece. */
export const imagesOfPiece = (
  { count, each }: Pick<Manifest, "count" | "each">,
  piece: number,
): { readonly from: number; readonly to: number } => ({
  from: Math.min(count, piece * each),
  to: Math.min(count, (piece + 1) * each),
});

/** Reads the pieces of a data set. */
export function pieceReader(images: ImageSource, each: number): PartReader {
  const size = imageSize(images.shape);
  return (piece) => {
    const { from, to } = imagesOfPiece({ count: images.count, each }, piece);
    return bytesOf(pixelsOf(images, from * size, to * size));
  };
}

/** Describes a data set, which is read once for it. */
export async function manifestOf(images: ImageSource): Promise<Manifest> {
  const { shape, count, labels, pixels } = images;
  const type = typeOf(pixels);
  const each = Math.max(1, Math.floor(PIECE / bytesOfImage({ shape, type })));
  const pieces = piecesOf({ count, each });
  const hashes = new Uint8Array(HASH * pieces);
  const read = pieceReader(images, each);
  let turn = 0;
  for (let piece = 0; piece < pieces; piece++) {
    const bytes = read(piece);
    hashes.set(Buffer.from(sha256(bytes), "hex"), piece * HASH);
    turn += bytes.length;
    if (turn < TURN) continue;
    turn = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { shape, count, type, each, hashes, labels };
}

/** Whether bytes are the piece that a manifest names. */
export function isPiece(manifest: Manifest, piece: number, bytes: Uint8Array): boolean {
  const hash = manifest.hashes.subarray(piece * HASH, (piece + 1) * HASH);
  return Buffer.from(hash).toString("hex") === sha256(bytes);
}

export const packManifest = (manifest: Manifest): Buffer => pack({ ...manifest });

/**
 * Reads a manifest and checks that its numbers agree, before anything is made by them.
 *
 * @throws TemperError `data-unreadable`
 */
export function unpackManifest(bytes: Uint8Array): Manifest {
  const manifest = unpack<Manifest>(bytes);
  const { shape, count, type, each, hashes, labels } = manifest ?? {};
  const whole = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 1;
  const holds =
    Array.isArray(shape) &&
    shape.every(whole) &&
    (type === "uint8" || type === "float32") &&
    [count, each, 4 * count * imageSize(shape)].every(whole) &&
    hashes instanceof Uint8Array &&
    hashes.length === HASH * piecesOf({ count, each }) &&
    labels instanceof Int32Array &&
    labels.length === count;
  if (!holds)
    throw new TemperError("data-unreadable", "a data set from the queue contradicts itself");
  return manifest;
}
