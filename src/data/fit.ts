// Images in another layout than the model's, rearranged where only one way is possible.
import { joinNotes } from "./classes.ts";
import { type AnyDataset, type Dataset, imageSize, inMemory } from "./dataset.ts";

type Pixels = Uint8Array | Float32Array;

/** Rows, columns and channels, and where a pixel of a channel lies. */
interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  at(channel: number, pixel: number): number;
}

const first = (channels: number, rows: number, columns: number): Layout => {
  const pixels = rows * columns;
  return { rows, columns, channels, at: (c, i) => c * pixels + i };
};

const last = (rows: number, columns: number, channels: number): Layout => ({
  rows,
  columns,
  channels,
  at: (c, i) => i * channels + c,
});

const isChannels = (n: number): boolean => n === 1 || n === 3 || n === 4;

/** Every way to read a shape as an image. */
function layoutsOf(shape: readonly number[]): Layout[] {
  if (shape.length === 2) return [first(1, shape[0], shape[1])];
  if (shape.length !== 3) return [];
  const [a, b, c] = shape;
  return [...(isChannels(a) ? [first(a, b, c)] : []), ...(isChannels(c) ? [last(a, b, c)] : [])];
}

/** How one image becomes another, and in which words. */
interface Way {
  readonly words: string;
  readonly move?: (from: Pixels, to: Pixels) => void;
}

/** Pillow's grey of a colour, whose weights sum to 2^16. */
const GREY = [19595, 38470, 7471] as const;

function wayBetween(from: Layout, to: Layout): Way | undefined {
  if (from.rows !== to.rows || from.columns !== to.columns) return undefined;
  const pixels = from.rows * from.columns;
  if (from.channels === to.channels) {
    return {
      words: "channels moved to where the model has them",
      move: (a, b) => {
        for (let c = 0; c < to.channels; c++)
          for (let i = 0; i < pixels; i++) b[to.at(c, i)] = a[from.at(c, i)];
      },
    };
  }
  if (from.channels === 1 && to.channels === 3) {
    return {
      words: "grey to three equal channels",
      move: (a, b) => {
        for (let c = 0; c < 3; c++) for (let i = 0; i < pixels; i++) b[to.at(c, i)] = a[i];
      },
    };
  }
  if (from.channels !== 3 || to.channels !== 1) return undefined;
  return {
    words: "colour to grey, 0.299 R + 0.587 G + 0.114 B",
    move: (a, b) => {
      for (let i = 0; i < pixels; i++) {
        const sum = GREY.reduce((total, weight, c) => total + weight * a[from.at(c, i)], 0);
        b[i] = a instanceof Uint8Array ? (sum + 2 ** 15) >> 16 : sum / 2 ** 16;
      }
    },
  };
}

const withoutOnes = (shape: readonly number[]): string => shape.filter((n) => n !== 1).join();

/** The one way from images of one shape to another; undefined where there is none, or several. */
function wayFrom(from: readonly number[], to: readonly number[]): Way | undefined {
  const flat = [from, to].some((shape) => shape.filter((n) => n !== 1).length <= 1);
  const sameNumbers = imageSize(from) === imageSize(to);
  const grey = [from, to].every((shape) =>
    layoutsOf(shape).every(({ channels }) => channels === 1),
  );
  // A list of the pixels of a coloured image may have its channels side by side or one after the other.
  if (sameNumbers && (withoutOnes(from) === withoutOnes(to) || (flat && grey))) {
    return { words: "the same pixels in another shape" };
  }
  const ways = layoutsOf(from).flatMap((a) => layoutsOf(to).flatMap((b) => wayBetween(a, b) ?? []));
  return ways.length === 1 ? ways[0] : undefined;
}

/**
 * The data in the shape of a model's input: reshaped, channels moved, grey to colour or colour to grey, with a note.
 * Where several ways are possible, or none, the data come back as they are, for `checkDataset` to refuse.
 *
 * @param shape of the model's input, without the batch
 */
export function fitTo(given: Dataset, shape: readonly number[]): Dataset;
export function fitTo(given: AnyDataset, shape: readonly number[]): AnyDataset;
export function fitTo(given: AnyDataset, shape: readonly number[]): AnyDataset {
  if (given.shape.join() === shape.join()) return given;
  const way = wayFrom(given.shape, shape);
  if (way === undefined) return given;
  const note = joinNotes(
    given.note,
    `images of [${given.shape}] taken as [${shape}]: ${way.words}`,
  );
  const { move } = way;
  if (move === undefined) return { ...given, shape, note };
  const dataset = inMemory(given);
  const size = imageSize(dataset.shape);
  const sizeAfter = imageSize(shape);
  const moved = <P extends Pixels>(pixels: P): P => {
    const n = dataset.count * sizeAfter;
    const out = pixels instanceof Uint8Array ? new Uint8Array(n) : new Float32Array(n);
    for (let i = 0; i < dataset.count; i++) {
      move(
        pixels.subarray(i * size, (i + 1) * size),
        out.subarray(i * sizeAfter, (i + 1) * sizeAfter),
      );
    }
    return out as P;
  };
  return {
    ...dataset,
    shape,
    pixels: moved(dataset.pixels),
    clean: dataset.clean && moved(dataset.clean),
    note,
  };
}
