// Matrix products with the columns of convolutions (autodiff/columns.ts), by onnxruntime in float64.
import { columnProduct, IMAGE, LEFT } from "../autodiff/columns.ts";
import type { Convolution } from "../autodiff/rule.ts";
import { elementCount } from "../onnx/graph.ts";
import { type DoubleArray, Session } from "./session.ts";

/** The sessions of one set of rows, made when first used; layers of one geometry share them. */
export interface ColumnProducts {
  /** g columns': the gradient of a weight, [rows of g, channels * kernel]; g is [any, pixels]. */
  gradient(of: Columns, g: Float64Array): Promise<Float64Array>;
  /** v columns: what a weight makes of the image, [rows of v, pixels]; v is [any, channels * kernel]. */
  forward(of: Columns, v: Float64Array): Promise<Float64Array>;
  release(): Promise<void>;
}

/** The columns of one group of an image, which is [channels, ...input]. */
export interface Columns {
  readonly convolution: Convolution;
  readonly image: Float32Array;
}

export function createColumnProducts(): ColumnProducts {
  const sessions = new Map<string, Promise<Session>>();
  const sessionOf = (convolution: Convolution, transposed: boolean): Promise<Session> => {
    const key = JSON.stringify([{ ...convolution, group: 1, filters: 0 }, transposed]);
    const session =
      sessions.get(key) ??
      Session.create(columnProduct(convolution, transposed), { pack: false, device: "cpu" });
    sessions.set(key, session);
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
    const [made] = (await (await sessionOf(convolution, transposed)).runDouble(feeds)).values();
    return made.data;
  };
  return {
    gradient: (of, g) => product(of, true, g),
    forward: (of, v) => product(of, false, v),
    release: async () => {
      for (const session of await Promise.allSettled(sessions.values())) {
        if (session.status === "fulfilled") await session.value.release();
      }
      sessions.clear();
    },
  };
}
