// The members of a ZIP file, read from the disk by ranges: archives of any size, by the 64-bit extension too.
//
// The directory at the end says where each member lies; a member is read into an array of its own size, stored or
// deflated, and checked by its CRC. Nothing that the directory claims is believed beyond the size of the file.
import type { FileHandle } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { TemperError } from "../errors.ts";
import { demandMemory } from "./memory.ts";
import { ONE_CALL } from "./pixel-file.ts";

/** A member as the directory has it. */
export interface ZipMember {
  readonly name: string;
  readonly deflated: boolean;
  readonly crc: number;
  /** Bytes in the archive. */
  readonly size: number;
  /** Bytes when it is unpacked. */
  readonly originalSize: number;
  /** Where its own header begins. */
  readonly at: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const END64 = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR = 0x07064b50;
const LOCATOR_BYTES = 20;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
/** The id of the extra field with what does not fit into 32 bits. */
const EXTRA64 = 1;
const FULL = 0xffffffff;

/** The comment behind the directory's end has no more bytes than this. */
const MAX_COMMENT = 65535;
/** A directory of a data set names a few arrays. */
const MAX_DIRECTORY = 2 ** 26;
/** Deflate cannot pack tighter; a member that claims more lies, and is refused before allocation. */
export const MAX_DEFLATE_RATIO = 1032;
/** Bytes of a packed member that are read at once. */
const PIECE = 2 ** 24;

const refuse = (what: string): never => {
  throw new Error(what);
};

async function bytesAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  // Of the array's own, and not cut from a pool: what was read may be kept.
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const next = Math.min(length - done, ONE_CALL);
    const { bytesRead } = await file.read(bytes, done, next, at + done);
    if (bytesRead === 0) refuse("it is cut short");
    done += bytesRead;
  }
  return bytes;
}

/** A number of 64 bits, which must be one that a file can have. */
function wide(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  return value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : refuse("it claims no real size");
}

/** Where the directory lies. */
async function directoryOf(
  file: FileHandle,
  bytes: number,
): Promise<{ readonly at: number; readonly length: number }> {
  const from = Math.max(0, bytes - END_BYTES - MAX_COMMENT);
  const tail = await bytesAt(file, from, bytes - from);
  let end = tail.length - END_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== END) end--;
  if (end < 0) refuse("it has no directory at its end");
  const [length, at] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  const locator = end - LOCATOR_BYTES;
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR) return { at, length };
  const end64 = await bytesAt(file, wide(tail, locator + 8), END64_BYTES);
  if (end64.readUInt32LE(0) !== END64) refuse("its directory is not where it says");
  return { at: wide(end64, 48), length: wide(end64, 40) };
}

/** Reads the fields of an entry that are full from its 64-bit extra field, in their fixed order. */
function widened(extra: Buffer, fields: readonly number[]): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== EXTRA64) continue;
    const end = at + 4 + extra.readUInt16LE(at + 2);
    let next = at + 4;
    return fields.map((field) => {
      if (field !== FULL || next + 8 > Math.min(end, extra.length)) return field;
      next += 8;
      return wide(extra, next - 8);
    });
  }
  return [...fields];
}

/**
 * Lists the members of an archive.
 *
 * @throws Error in the words that a refusal of the file ends with
 */
export async function listZip(file: FileHandle): Promise<ZipMember[]> {
  const { size: bytes } = await file.stat();
  if (bytes < END_BYTES) refuse("it is too short for an archive");
  const directory = await directoryOf(file, bytes);
  if (directory.length > MAX_DIRECTORY || directory.at + directory.length > bytes) {
    refuse("its directory lies outside it");
  }
  const entries = await bytesAt(file, directory.at, directory.length);
  const members: ZipMember[] = [];
  for (let at = 0; at + ENTRY_BYTES <= entries.length; ) {
    if (entries.readUInt32LE(at) !== ENTRY) refuse("its directory is damaged");
    const nameEnd = at + ENTRY_BYTES + entries.readUInt16LE(at + 28);
    const extraEnd = nameEnd + entries.readUInt16LE(at + 30);
    const end = extraEnd + entries.readUInt16LE(at + 32);
    const name = entries.subarray(at + ENTRY_BYTES, nameEnd).toString("utf8");
    const [originalSize, size, header] = widened(
      entries.subarray(nameEnd, extraEnd),
      [24, 20, 42].map((field) => entries.readUInt32LE(at + field)),
    );
    const method = entries.readUInt16LE(at + 10);
    if (entries.readUInt16LE(at + 8) & 1) refuse(`${name} is encrypted`);
    if (method !== 0 && method !== 8) refuse(`${name} is packed by method ${method}`);
    if (header + size > bytes) refuse(`${name} lies outside it`);
    const deflated = method === 8;
    if (deflated ? originalSize > (size + 1) * MAX_DEFLATE_RATIO : originalSize !== size) {
      refuse(`${name} claims ${originalSize} bytes out of ${size}`);
    }
    members.push({
      name,
      deflated,
      crc: entries.readUInt32LE(at + 16),
      size,
      originalSize,
      at: header,
    });
    at = end;
  }
  return members;
}

/** Where the bytes of a member begin. */
async function beginOf(file: FileHandle, { name, at }: ZipMember): Promise<number> {
  const header = await bytesAt(file, at, LOCAL_BYTES);
  if (header.readUInt32LE(0) !== LOCAL) refuse(`${name} is not where its directory says`);
  return at + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
}

/** Bytes of the archive, piece by piece. */
async function* pieces(file: FileHandle, from: number, size: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < size; done += PIECE) {
    yield await bytesAt(file, from + done, Math.min(PIECE, size - done));
  }
}

/**
 * Unpacks one member.
 *
 * @throws Error where it is damaged; TemperError `out-of-memory`
 */
export async function unpackMember(file: FileHandle, member: ZipMember): Promise<Uint8Array> {
  const { name, deflated, size, originalSize, crc } = member;
  demandMemory(originalSize, `the numbers of ${name}`, "give a part of them in a file of its own");
  const from = await beginOf(file, member);
  const bytes = deflated
    ? await inflated(pieces(file, from, size), name, originalSize)
    : await bytesAt(file, from, size);
  if (crc32(bytes) !== crc) refuse(`${name} is damaged: its checksum does not match`);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What pieces hold, inflated to as many bytes as the directory says. */
async function inflated(
  packed: AsyncIterable<Buffer>,
  name: string,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  const stream = pipeline(
    Readable.from(packed),
    createInflateRaw({ chunkSize: 2 ** 20 }),
    () => {}, // An error of theirs is that of the stream.
  );
  for await (const piece of stream) {
    if (at + piece.length > length) refuse(`${name} is longer than its directory says`);
    bytes.set(piece, at);
    at += piece.length;
  }
  if (at < length) refuse(`${name} is shorter than its directory says`);
  return bytes;
}

/** Makes the refusal of an archive. */
export const badArchive = (where: string, cause: unknown): TemperError =>
  new TemperError(
    "data-unreadable",
    `${where}: is not a readable .npz archive: ${(cause as Error).message}\nsave it again with numpy.savez`,
    { cause },
  );
