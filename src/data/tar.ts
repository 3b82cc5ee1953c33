// Picks files of known names and sizes out of a tar stream; nothing else in it is believed.
import { TemperError } from "../errors.ts";

const BLOCK = 512; // headers and contents are padded to whole blocks

const refuse = (what: string): never => {
  throw new TemperError("data-unreadable", `the archive ${what}\nit is not the published one`);
};

const text = (header: Uint8Array, at: number, length: number): string =>
  Buffer.from(header.subarray(at, at + length))
    .toString("latin1")
    .replace(/\0.*$/s, "");

/** A header's size field: octal digits. The binary form of sizes over 8 GiB is not read. */
function sizeIn(header: Uint8Array): number {
  const digits = text(header, 124, 12).trim();
  return /^[0-7]+$/.test(digits)
    ? Number.parseInt(digits, 8)
    : refuse("has a header without a size");
}

/** Takes or skips a given number of bytes of a stream; `take` gives undefined at its end. */
function createReader(chunks: AsyncIterable<Uint8Array>) {
  const iterator = chunks[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);

  /** Hands on the next `length` bytes piece by piece; returns how many there were. */
  async function pass(length: number, to: (piece: Uint8Array, at: number) => void) {
    let done = 0;
    while (done < length) {
      if (chunk.length === 0) {
        const next = await iterator.next();
        if (next.done) break;
        chunk = next.value;
      }
      const piece = chunk.subarray(0, length - done);
      to(piece, done);
      chunk = chunk.subarray(piece.length);
      done += piece.length;
    }
    return done;
  }

  return {
    async take(length: number): Promise<Uint8Array | undefined> {
      const bytes = new Uint8Array(length);
      const done = await pass(length, (piece, at) => bytes.set(piece, at));
      if (done < length && done > 0) refuse("is cut short");
      return done === length ? bytes : undefined;
    },
    async skip(length: number): Promise<void> {
      if ((await pass(length, () => {})) < length) refuse("is cut short");
    },
  };
}

/**
 * The regular files of a tar stream whose full name is in `sizes`, each of exactly that size. A name
 * in the archive is compared and never used; memory grows with the largest file asked for.
 * @throws TemperError data-unreadable: no tar, cut short, another size, a file that is not there
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  sizes: ReadonlyMap<string, number>,
): AsyncGenerator<{ readonly name: string; readonly bytes: Uint8Array }> {
  const { take, skip } = createReader(chunks);
  const missing = new Set(sizes.keys());
  // To the end of the stream, so that gzip's own checksum, which comes last, is read too.
  for (let header = await take(BLOCK); header !== undefined; header = await take(BLOCK)) {
    if (header[0] === 0) continue; // the padding at the end
    const [name, size] = [text(header, 0, 100), sizeIn(header)];
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    const isFile = header[156] === 0x30 || header[156] === 0; // "0", or nothing in the oldest form
    if (!isFile || !missing.has(name)) {
      await skip(size + padding);
      continue;
    }
    if (size !== sizes.get(name)) refuse(`has ${size} bytes in ${name}, not ${sizes.get(name)}`);
    const bytes = (await take(size)) ?? refuse("is cut short");
    await skip(padding);
    missing.delete(name);
    yield { name, bytes };
  }
  if (missing.size > 0) refuse(`has no ${[...missing].join(", ")}`);
}
