// WebDataset: tar files in which the parts of a sample stand under one name, with the ending that says what each is.
//
// `000012.jpg` and `000012.cls` are the image and the label of one sample. A file is gone through once, header by
// header; images are read where they lie when they are decoded, so that no second copy of them is held.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { TemperError } from "../errors.ts";
import { inWords, joinNotes } from "./classes.ts";
import type { Dataset } from "./dataset.ts";
import { type EncodedImage, type ImageOptions, packImages } from "./images.ts";
import type { Keys } from "./reading.ts";
import { filesOf, numbered } from "./shards.ts";

const BLOCK = 512;

/** A header of a name, or the label of an image, has no more bytes than this. */
const MAX_TEXT = 2 ** 16;

const IMAGES = ["jpg", "jpeg", "png", "webp", "tif", "tiff"];
const LABELS = ["cls", "label", "cls.txt"];

const refuse = (
  where: string,
  what: string,
  todo = "write it again with webdataset",
): TemperError => new TemperError("data-unreadable", `${where}: ${what}\n${todo}`);

/** A part of a sample in an open tar file. */
interface Entry {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

function bytesAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, bytes, done, length - done, at + done);
    if (read === 0) throw new Error("is cut short");
    done += read;
  }
  return bytes;
}

const text = (bytes: Buffer, at: number, length: number): string =>
  bytes
    .subarray(at, at + length)
    .toString("utf8")
    .replace(/\0.*$/s, "");

/** A size: octal digits, or beyond 8 GB a number in binary behind a first byte of 0x80. */
function sizeIn(header: Buffer): number {
  if (header[124] === 0x80) return Number(header.readBigUInt64BE(128));
  const digits = text(header, 124, 12).trim();
  if (!/^[0-7]+$/.test(digits)) throw new Error("has a header without a size");
  return Number.parseInt(digits, 8);
}

/** The sum of a header's bytes, its own field taken as spaces: what tells a tar file from others. */
function checkSum(header: Buffer): void {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i];
  const stated = Number.parseInt(text(header, 148, 8).trim(), 8);
  if (sum !== stated) throw new Error("is no tar file, or damaged");
}

/** What the extended header (pax) before an entry says of it, each as `length key=value`. */
function paxOf(records: string): { readonly path?: string; readonly size?: number } {
  const [, path] = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records) ?? [];
  const [, size] = /(?:^|\n)\d+ size=(\d+)\n/.exec(records) ?? [];
  return { ...(path !== undefined && { path }), ...(size !== undefined && { size: Number(size) }) };
}

/** The regular files of a tar file, in their order. */
function* entriesOf(file: number): Generator<Entry> {
  const { size: bytes } = fstatSync(file);
  let said: { readonly path?: string; readonly size?: number } = {};
  for (let at = 0; at + BLOCK <= bytes; ) {
    const header = bytesAt(file, at, BLOCK);
    at += BLOCK;
    if (header[0] === 0) continue; // the padding at the end
    checkSum(header);
    const kind = String.fromCharCode(header[156]);
    const size = kind === "x" || kind === "L" ? sizeIn(header) : (said.size ?? sizeIn(header));
    const whole = BLOCK * Math.ceil(size / BLOCK);
    if (at + whole > bytes) throw new Error("is cut short");
    if (kind === "x" || kind === "L") {
      if (size > MAX_TEXT) throw new Error(`has a name of ${size} bytes`);
      const words = bytesAt(file, at, size).toString("utf8");
      said = kind === "x" ? paxOf(words) : { path: words.replace(/\0.*$/s, "") };
    } else {
      const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
      const name = said.path ?? [prefix, text(header, 0, 100)].filter(Boolean).join("/");
      said = {};
      if (kind === "0" || kind === "\0") yield { name, at, size };
    }
    at += whole;
  }
}

/** `a/000012.seg.png` is of the sample `a/000012`, and its ending is `seg.png`. */
function partsOf(name: string): readonly [sample: string, ending: string] {
  const [, sample, ending = ""] = /^((?:.*\/)?[^./]*)(?:\.(.*))?$/s.exec(name)!;
  return [sample, ending.toLowerCase()];
}

interface Sample {
  readonly image: EncodedImage;
  readonly label: number | string;
}

/** The samples of one file; the file stays open while their images may be read. */
function samplesOf(path: string, file: number, keys: Keys): Sample[] {
  const samples = new Map<string, Map<string, Entry>>();
  try {
    for (const entry of entriesOf(file)) {
      const [sample, ending] = partsOf(entry.name);
      samples.set(sample, (samples.get(sample) ?? new Map<string, Entry>()).set(ending, entry));
    }
  } catch (cause) {
    throw refuse(path, (cause as Error).message, "give a tar file as webdataset writes it");
  }
  const wanted = {
    image: keys.x === undefined ? IMAGES : [keys.x.toLowerCase()],
    label: keys.y === undefined ? LABELS : [keys.y.toLowerCase()],
  };
  return [...samples].flatMap(([sample, parts]): Sample[] => {
    const entry = wanted.image.map((ending) => parts.get(ending)).find(Boolean);
    const label = wanted.label.map((ending) => parts.get(ending)).find(Boolean);
    if (entry === undefined && label === undefined) return []; // what describes the set stands beside the samples
    const where = `${path}, ${sample}`;
    if (entry === undefined || label === undefined) {
      const what = entry === undefined ? "image" : "label";
      const there = [...parts.keys()].slice(0, 6).join(", ");
      throw refuse(where, `no ${what} among ${there}`, "say which: --keys x=jpg,y=cls");
    }
    if (label.size > MAX_TEXT) throw refuse(where, `has a label of ${label.size} bytes`);
    return [
      {
        image: {
          name: where,
          get source() {
            return new Uint8Array(bytesAt(file, entry.at, entry.size));
          },
        },
        label: labelIn(where, bytesAt(file, label.at, label.size).toString("utf8")),
      },
    ];
  });
}

/** A label as its file has it: a whole number, or a word. */
function labelIn(where: string, words: string): number | string {
  const word = words.trim();
  if (word === "") throw refuse(where, "its label is empty");
  const label = Number(word);
  return Number.isInteger(label) && Math.abs(label) < 2 ** 31 ? label : word;
}

/**
 * Opens a tar file of encoded images and labels, as WebDataset has them; a `*` in its name reads several.
 * @throws TemperError file-missing, data-unreadable
 */
export async function openWebDataset(
  path: string,
  options: ImageOptions & { readonly keys?: Keys | undefined },
): Promise<Dataset> {
  const files: number[] = [];
  try {
    const samples: Sample[] = [];
    for (const one of await filesOf(path)) {
      files.push(opened(one));
      samples.push(...samplesOf(one, files.at(-1)!, options.keys ?? {}));
    }
    if (samples.length === 0) throw refuse(path, "holds no images", "give data with images");
    const { labels, classes } = numbered(samples.map(({ label }) => label));
    const packed = await packImages(
      samples.map(({ image }) => image),
      options,
    );
    return {
      ...{ name: path, shape: packed.shape, count: samples.length, pixels: packed.pixels, labels },
      ...(classes && { classes }),
      note: joinNotes(classes && `labels ${inWords(classes)}`, packed.note),
    };
  } finally {
    for (const file of files) closeSync(file);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const words = (cause as Error).message;
    throw new TemperError("file-missing", `${path}: cannot be read: ${words}\ncheck the path`, {
      cause,
    });
  }
}
