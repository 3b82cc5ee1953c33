// Matrix products with the columns of convolutions (autodiff/columns.ts), by onnxruntime in float64.
import { columnProduct, gradientProducts, IMAGE, LEFT, OTHER, RIGHT } from "../autodiff/columns.ts";
import type { Convolution } from "../autodiff/rule.ts";
import { elementCount, type Graph } from "../onnx/graph.ts";
import { type DoubleArray, type FloatArray, Session } from "./session.ts";

/** The sessions of one set of rows, made when first used; layers of one geometry share them. */
export interface ColumnProducts {
  /** g columns': the gradient of a weight, [rows of g, channels * kernel]; g is [any, pixels]. */
  gradient(of: Columns, g: Float64Array): Promise<Float64Array>;
  /** v columns: what a weight makes of the image, [rows of v, pixels]; v is [any, channels * kernel]. */
  forward(of: Columns, v: Float64Array): Promise<Float64Array>;
  /**
   * Of gradients of a weight g columns' and h other columns' their products, [rows of g, rows of h], where none of the
   * gradients is made; g and h are [any, filters, pixels].
   */
  gradients(of: Columns, g: Float32Array, other: Columns, h: Float32Array): Promise<Float64Array>;
  release(): Promise<void>;
}

/** The columns of one group of an image, which is [channels, ...input]. */
export interface Columns {
  readonly convolution: Convolution;
  readonly image: Float32Array;
}

export function createColumnProducts(): ColumnProducts {
  const sessions = new Map<string, Promise<Session>>();
  const sessionOf = (key: unknown, graph: () => Graph): Promise<Session> => {
    const text = JSON.stringify(key);
    const session = sessions.get(text) ?? Session.create(graph(), { pack: false, device: "cpu" });
    sessions.set(text, session);
    return session;
  };
  const product = async (
    { convolution, image }: Columns,
    transposed: boolean,
    left: Float64Array,
  ): Promise<Float64Array> => {
    const { channels, kernel, input, output } = convolution;
    const inner = transposed ? elementCount(output) : channels * elementCount(kernel);
    const feeds: Record<string, DoubleArray> = {
      [IMAGE]: { dims: [1, channels, ...input], data: new Float64Array(image) },
      [LEFT]: { dims: [left.length / inner, inner], data: left },
    };
    const session = await sessionOf([{ ...convolution, group: 1, filters: 0 }, transposed], () =>
      columnProduct(convolution, transposed),
    );
    return only(await session.runDouble(feeds));
  };
  return {
    gradient: (of, g) => product(of, true, g),
    forward: (of, v) => product(of, false, v),
    gradients: async ({ convolution, image }, g, other, h) => {
      const { channels, group, input, output } = convolution;
      const filters = convolution.filters / group;
      const pixels = elementCount(output);
      const gradients = (data: Float32Array): FloatArray => ({
        dims: [data.length / (filters * pixels), filters, pixels],
        data,
      });
      const images = (data: Float32Array): FloatArray => ({ dims: [1, channels, ...input], data });
      const session = await sessionOf({ ...convolution, group: 1, filters }, () =>
        gradientProducts(convolution),
      );
      return only(
        await session.runDouble({
          ...{ [IMAGE]: images(image), [OTHER]: images(other.image) },
          ...{ [LEFT]: gradients(g), [RIGHT]: gradients(h) },
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

/** The numbers of the one output. */
const only = (outputs: ReadonlyMap<string, DoubleArray>): Float64Array =>
  [...outputs.values()][0].data;
