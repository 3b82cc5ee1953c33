// Matrix products with the columns of convolutions (autodiff/columns.ts), by onnxruntime in float64.
import {
  COLUMNS,
  columnForward,
  columnGradient,
  columnsSideBySide,
  gradientProducts,
  IMAGE,
  LEFT,
  OTHER,
  RIGHT,
} from "../autodiff/columns.ts";
import type { Convolution } from "../autodiff/rule.ts";
import { elementCount, type Graph } from "../onnx/graph.ts";
import { type DoubleArray, Session } from "./session.ts";

/** The sessions of one set of rows, made when first used; layers of one geometry share them. */
export interface ColumnProducts {
  /** g columns': a weight's gradient, summed over sites, [rows of g, channels * kernel]; g is [any, sites * pixels]. */
  gradient(of: readonly Columns[], g: Float64Array): Promise<Float64Array>;
  /** v columns: what a weight makes of each image, [sites, rows of v, pixels]; v is [any, channels * kernel]. */
  forward(of: readonly Columns[], v: Float64Array): Promise<Float64Array>;
  /**
   * Makes ready the gradients of a weight at some sites, g columns' at each, for products with those at others. All
   * sites have as many rows: g is [sites, rows, filters, pixels].
   */
  ready(of: readonly Columns[], g: Float64Array): Promise<ReadySites>;
  /**
   * The products of those gradients with h columns' at another site, [sites * rows, rows of h], where none of the
   * gradients is made; h is [any, filters, pixels].
   */
  gradients(of: ReadySites, other: Columns, h: Float64Array): Promise<Float64Array>;
  release(): Promise<void>;
}

/** Gradients of a weight at some sites, by their parts. */
export interface ReadySites {
  readonly convolution: Convolution;
  readonly sites: number;
  /** The sites' columns side by side. */
  readonly columns: Float64Array;
  readonly g: Float64Array;
}

/** The columns of one group of an image, which is [channels, ...input]. */
export interface Columns {
  readonly convolution: Convolution;
  readonly image: Float32Array;
}

/** @param threads of each product: they are made in the process that calls, while the others wait */
export function createColumnProducts(threads = 1): ColumnProducts {
  const sessions = new Map<string, Promise<Session>>();
  const sessionOf = (key: unknown, graph: () => Graph): Promise<Session> => {
    const text = JSON.stringify(key);
    const session =
      sessions.get(text) ?? Session.create(graph(), { pack: false, threads, device: "cpu" });
    sessions.set(text, session);
    return session;
  };
  /** The images of some sites of one geometry as a feed. */
  const imagesOf = (of: readonly Columns[]): Record<string, DoubleArray> => {
    const [{ convolution, image }] = of;
    const data = new Float64Array(of.length * image.length);
    for (const [i, { image }] of of.entries()) data.set(image, i * image.length);
    return { [IMAGE]: { dims: [of.length, convolution.channels, ...convolution.input], data } };
  };
  const product = async (
    of: readonly Columns[],
    graph: (convolution: Convolution) => Graph,
    left: Float64Array,
    inner: number,
  ): Promise<Float64Array> => {
    const [{ convolution }] = of;
    const session = await sessionOf([geometryOf(convolution), graph.name], () =>
      graph(convolution),
    );
    const dims = [left.length / inner, inner];
    return only(await session.runDouble({ ...imagesOf(of), [LEFT]: { dims, data: left } }));
  };
  return {
    gradient: (of, g) =>
      product(of, columnGradient, g, of.length * elementCount(of[0].convolution.output)),
    forward: (of, v) => {
      const { channels, kernel } = of[0].convolution;
      return product(of, columnForward, v, channels * elementCount(kernel));
    },
    ready: async (of, g) => {
      const [{ convolution }] = of;
      const session = await sessionOf([geometryOf(convolution), "side by side"], () =>
        columnsSideBySide(convolution),
      );
      const columns = only(await session.runDouble(imagesOf(of)));
      return { convolution, sites: of.length, columns, g };
    },
    gradients: async ({ convolution, sites, columns, g }, { image }, h) => {
      const { channels, group, kernel, input, output } = convolution;
      const filters = convolution.filters / group;
      const pixels = elementCount(output);
      const session = await sessionOf({ ...geometryOf(convolution), filters }, () =>
        gradientProducts(convolution),
      );
      const inner = channels * elementCount(kernel);
      return only(
        await session.runDouble({
          [COLUMNS]: { dims: [inner, sites * pixels], data: columns },
          [LEFT]: { dims: [sites, g.length / (sites * pixels), pixels], data: g },
          [OTHER]: { dims: [1, channels, ...input], data: new Float64Array(image) },
          [RIGHT]: { dims: [h.length / (filters * pixels), filters * pixels], data: h },
        }),
      );
    },
    release: async () => {
      for (const session of await Promise.allSettled(sessions.values())) {
        if (session.status === "fulfilled") await session.value.release();
      }
      sessions.clear();
    },
  };
}

/** What the columns of a convolution depend on. */
const geometryOf = (convolution: Convolution) => ({ ...convolution, group: 1, filters: 0 });

/** The numbers of the one output. */
const only = (outputs: ReadonlyMap<string, DoubleArray>): Float64Array =>
  [...outputs.values()][0].data;
