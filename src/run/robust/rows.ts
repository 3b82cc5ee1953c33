// Balls as a certified network takes them, made in the process that needs them from the images that it holds.
import { type BallSettings, boxesAround, type Ends, unitsOf } from "../../bounds/box.ts";
import { packBoxes } from "../../bounds/certified.ts";
import { gather, type ImageSource, imageSize } from "../../data/dataset.ts";
import { demandInRange } from "../../data/range.ts";
import type { TaskState } from "../../engine/task.ts";
import { sharedNetwork } from "../../engine/tasks.ts";

export const module: string = import.meta.url;

export interface RowsShard extends BallSettings {
  /** The key of a shared data set. */
  readonly from: string;
  /** Indices in it of the images whose balls are meant; -1 means the next image of `alone`, and nothing around it. */
  readonly ids: Int32Array;
  readonly alone: Float32Array;
  /** The label of each point. */
  readonly y: Int32Array;
  readonly eps: number;
}

/** The rows of the points. */
export async function rowsShard(
  state: TaskState,
  { from, ids, alone, y, eps, ...ball }: RowsShard,
): Promise<Float32Array> {
  const network = await sharedNetwork(state);
  const within = ids.filter((id) => id >= 0);
  const images = gather(state.get<ImageSource>(from), within);
  demandInRange(images, within.length, ball.clip, (i) => `image ${within[i]}`);
  const radii = new Float64Array(within.length).fill(eps);
  const balls = boxesAround(images, radii, ball, unitsOf(network, ball));
  const size = imageSize(network.inputShape);
  const ends = (of: keyof Ends): Float32Array => {
    const all = new Float32Array(ids.length * size);
    let [ball, other] = [0, 0];
    for (const [i, id] of ids.entries()) {
      const [images, k] = id >= 0 ? [balls[of], ball++] : [alone, other++];
      all.set(images.subarray(k * size, (k + 1) * size), i * size);
    }
    return all;
  };
  return packBoxes({ lower: ends("lower"), upper: ends("upper"), labels: y }, network.labels);
}
