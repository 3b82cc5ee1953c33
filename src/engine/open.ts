// Makes a graph run on any number of images at once: as it is, with its batch opened, or image by image.
//
// Whichever it is, runs of two and of three images are compared with runs of each image alone. Where they differ the
// images change each other's results, and the file is asked as whoever uses it asks: one image at a time.
import { type Head, headOf } from "../autodiff/head.ts";
import { openBatch } from "../autodiff/open-batch.ts";
import { type Normalization, ofPixels } from "../autodiff/pixels.ts";
import { openShape, type ShapedGraph, type Shapes } from "../autodiff/shape.ts";
import { TemperError } from "../errors.ts";
import { elementCount, type Graph, type Node, nodeLabel } from "../onnx/graph.ts";
import { randomStream } from "../tensor/random.ts";
import { joined, repeated } from "../tensor/vector.ts";
import type { ImageInput } from "./input.ts";
import { type Meter, openMeter, type Reading } from "./meter.ts";

/** A graph of pixels with its head found. */
export interface OpenGraph extends ShapedGraph {
  readonly head: Head;
  /** Of one image, without the batch. */
  readonly inputShape: readonly number[];
  /** How many images every run must have; undefined where any number will do. */
  readonly images: number | undefined;
  /** What is to be said about it. */
  readonly note: string | undefined;
}

/** The normalisation for images of a shape. */
export type NormalizationOf = (shape: readonly number[]) => Normalization | undefined;

// Any two batch sizes tell which dimensions grow with the batch.
const BATCHES = [2, 3] as const;
const PROBES = 3;

/** Draws images of noise, the same in every process. */
function probes(shape: readonly number[]): Float32Array[] {
  const random = randomStream(0, elementCount(shape));
  return Array.from({ length: PROBES }, () =>
    Float32Array.from({ length: elementCount(shape) }, () => random.uniform()),
  );
}

async function withMeter<R>(graph: Graph, use: (meter: Meter) => Promise<R>): Promise<R> {
  const meter = await openMeter(graph);
  try {
    return await use(meter);
  } finally {
    await meter.release();
  }
}

/** Cuts the numbers of an output into those of each of n images. */
function rowsOf(reading: Reading, output: string, n: number): number[][] {
  const numbers = Array.from(reading.outputs.get(output)!.data as Iterable<number>, Number);
  const width = numbers.length / n;
  return Array.from({ length: n }, (_, i) => numbers.slice(i * width, (i + 1) * width));
}

// Sums in another order differ by some 1e-6 of the largest number; images that mix, by far more.
const TOLERANCE = 1e-3;

function agree(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): boolean {
  const scale = Math.max(...a.flat().map(Math.abs), 1e-30);
  return a.every(
    (row, i) =>
      row.length === b[i].length &&
      row.every((v, l) => !(Math.abs(v - b[i][l]) > TOLERANCE * scale)),
  );
}

/** What was measured of a graph with an open batch. */
interface Measured {
  readonly shapes: Shapes;
  readonly two: Reading;
  readonly three: Reading;
}

async function measure(
  meter: Meter,
  graph: Graph,
  shape: readonly number[],
  images: readonly Float32Array[],
): Promise<Measured> {
  const run = (n: number): Promise<Reading> =>
    meter.read({ dims: [n, ...shape], data: joined(images.slice(0, n)) });
  const two = await run(BATCHES[0]);
  const three = await run(BATCHES[1]);
  const shapes = new Map<string, readonly number[]>([[graph.inputs[0].name, [-1, ...shape]]]);
  for (const [name, { dims }] of graph.initializers) shapes.set(name, dims);
  for (const node of graph.nodes) {
    for (const name of node.outputs.filter((output) => output !== "")) {
      const [first, second] = [two, three].map((reading) => reading.shapes.get(name)!);
      const open = openShape(first, second, ...BATCHES);
      if (open === undefined) {
        throw new TemperError(
          "model-unsupported",
          `${nodeLabel(node)} makes [${first}] of 2 images and [${second}] of 3\n` +
            "its shape must be fixed or proportional to the batch",
        );
      }
      shapes.set(name, open);
    }
  }
  return { shapes, two, three };
}

/** Measures the shape of every value of a graph whose one input holds any number of rows of a shape. */
export const measuredShapes = (graph: Graph, shape: readonly number[]): Promise<Shapes> =>
  withMeter(graph, async (meter) => (await measure(meter, graph, shape, probes(shape))).shapes);

/** Tells whether runs of two and of three images give each image what it gets alone. */
const alike = ({ two, three }: Measured, output: string, alone: readonly number[][]): boolean =>
  agree(alone.slice(0, 2), rowsOf(two, output, 2)) && agree(alone, rowsOf(three, output, 3));

/** Opens the batch in the graph's input and changes nothing else; undefined where the images then mix. */
function asItIs(graph: Graph, shape: readonly number[], normalization: NormalizationOf) {
  const pixels = ofPixels(graph, ["batch", ...shape], normalization(shape));
  // A Squeeze without axes drops the batch as well where that is 1; a copy of the image keeps it.
  const drops = graph.nodes.some(({ op, inputs }) => op === "Squeeze" && !inputs[1]);
  const copies = drops ? 2 : 1;
  return withMeter(pixels, async (meter): Promise<OpenGraph | undefined> => {
    const images = probes(shape);
    const measured = await measure(meter, pixels, shape, images);
    const head = headOf(pixels, measured.shapes);
    const askAlone = async (image: Float32Array): Promise<number[]> => {
      const data = repeated(image, copies);
      return rowsOf(await meter.read({ dims: [copies, ...shape], data }), head.output, copies)[0];
    };
    const alone: number[][] = [];
    for (const image of images) alone.push(await askAlone(image));
    const same = alike(measured, head.output, alone);
    // A network that draws noise answers the same image differently, and nothing can be seen of mixing.
    if (!same && agree([alone[0]], [await askAlone(images[0])])) return undefined;
    const { shapes } = measured;
    return { graph: pixels, shapes, head, inputShape: shape, images: undefined, note: undefined };
  });
}

/** A graph made for a fixed number of images. */
interface FixedGraph {
  readonly graph: Graph;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly settings: ReadonlyMap<string, readonly number[]>;
  readonly head: Head;
  /** What it answers to each of the probes, asked in a batch of copies of itself. */
  readonly alone: readonly number[][];
  /** Whether a batch of different images gives each of them the same. */
  readonly separate: boolean;
}

/** The images that a fixed graph takes. */
interface Form {
  readonly shape: readonly number[];
  readonly images: number;
  /** Whether there is no axis for images at all. */
  readonly added: boolean;
}

function fixed(
  graph: Graph,
  { shape, images, added }: Form,
  normalization: NormalizationOf,
): Promise<FixedGraph> {
  const dims = added ? shape : [images, ...shape];
  const pixels = ofPixels(graph, dims, normalization(shape));
  return withMeter(pixels, async (meter) => {
    const run = (of: (i: number) => Float32Array): Promise<Reading> =>
      meter.read({ dims, data: joined(Array.from({ length: images }, (_, i) => of(i))) });
    const noise = probes(shape);
    const first = await run(() => noise[0]);
    const shapes = new Map([...first.shapes, [pixels.inputs[0].name, dims]]);
    for (const [name, tensor] of pixels.initializers) shapes.set(name, tensor.dims);
    const head = headOf(pixels, shapes, images);
    const alone = [rowsOf(first, head.output, images)[0]];
    for (const image of noise.slice(1)) {
      alone.push(rowsOf(await run(() => image), head.output, images)[0]);
    }
    const mixed =
      images === 1 ? [] : rowsOf(await run((i) => noise[i % PROBES]), head.output, images);
    const separate = mixed.every((row, i) => agree([alone[i % PROBES]], [row]));
    return { graph: pixels, shapes, settings: first.settings, head, alone, separate };
  });
}

/** Opens a fixed graph; returns the node at which it cannot be, or undefined where it is not the same function. */
async function opened(
  { graph, alone, ...known }: FixedGraph,
  { shape, images, added }: Form,
): Promise<OpenGraph | Node | undefined> {
  const open = openBatch(graph, known, images, added);
  if (!("nodes" in open)) return open;
  try {
    return await withMeter(open, async (meter): Promise<OpenGraph | undefined> => {
      const measured = await measure(meter, open, shape, probes(shape));
      const head = headOf(open, measured.shapes);
      if (!alike(measured, head.output, alone)) return undefined;
      const found = { shapes: measured.shapes, head, inputShape: shape };
      return { ...found, graph: open, images: undefined, note: undefined };
    });
  } catch (error) {
    if (error instanceof TemperError) return undefined;
    throw error;
  }
}

const SLOWER = "they are run one by one, which is slower";

/**
 * Makes a graph run on any number of images, by the first of three ways that gives each what it gets alone.
 *
 * @param graph lifted, of float32, with one input
 * @throws TemperError `model-unsupported` where it runs on no images, has no head, or needs several different images
 *   at once; `bad-option` where several outputs may be the head
 */
export async function openGraph(
  graph: Graph,
  { shape, images }: ImageInput,
  normalization: NormalizationOf,
): Promise<OpenGraph> {
  const failures: TemperError[] = [];
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TemperError) || error.code === "bad-option") throw error;
      failures.push(error);
      return undefined;
    }
  };
  if (shape.length > 0) {
    const whole = await attempt(() => asItIs(graph, shape, normalization));
    if (whole !== undefined) return whole;
    const mixes = failures.length === 0;
    const form = { shape, images: images ?? 1, added: false };
    const closed = await attempt(() => fixed(graph, form, normalization));
    if (closed !== undefined) {
      const open = mixes ? undefined : await opened(closed, form);
      if (open !== undefined && "graph" in open) return open;
      return oneByOne(closed, form, mixes ? "mixes" : open);
    }
  }
  const dims = graph.inputs[0].dims;
  if (dims.every((d) => typeof d === "number" && d > 0)) {
    const form = { shape: dims as number[], images: 1, added: true };
    const closed = await attempt(() => fixed(graph, form, normalization));
    const open = closed && (await opened(closed, form));
    if (open !== undefined && "graph" in open) return open;
  }
  // What onnxruntime says of a batch that the graph was not made for helps nobody.
  throw failures.find(({ cause }) => cause === undefined) ?? failures.at(-1);
}

function oneByOne(
  { graph, shapes, head, separate }: FixedGraph,
  { shape, images }: Form,
  reason: Node | "mixes" | undefined,
): OpenGraph {
  if (!separate) {
    throw new TemperError(
      "model-unsupported",
      `the model takes ${images} images at once, and they change each other's results\n` +
        "export it in eval mode for a batch of 1",
    );
  }
  const at = reason === undefined || reason === "mixes" ? "" : ` (${nodeLabel(reason)})`;
  const why =
    reason === "mixes"
      ? "the images of a batch change each other's results in this model"
      : `the model is made for ${images === 1 ? "one image" : `${images} images`} at a time${at}`;
  return { graph, shapes, head, inputShape: shape, images, note: `${why}: ${SLOWER}` };
}
