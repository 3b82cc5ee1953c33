// Balls as a certified network takes them, made in the process that needs them from the images that it holds.
import { packBoxes } from "../../bounds/certified.ts";
import { gather, type ImageSource } from "../../data/dataset.ts";
import type { TaskState } from "../../engine/task.ts";
import { type Ball, ballsAround } from "./balls.ts";

export const module: string = import.meta.url;

export interface RowsShard {
  /** The key of a shared data set. */
  readonly from: string;
  /** Indices in it of the images whose balls are meant; -1 means the next image of `alone`, and nothing around it. */
  readonly ids: Int32Array;
  readonly alone: Float32Array;
  /** The label of each point, and how many labels there are. */
  readonly y: Int32Array;
  readonly labels: number;
  readonly ball: Ball;
}

/** The rows of the points. */
export async function rowsShard(
  state: TaskState,
  { from, ids, alone, y, labels, ball }: RowsShard,
): Promise<Float32Array> {
  const images = gather(
    state.get<ImageSource>(from),
    ids.filter((id) => id >= 0),
  );
  const balls = ballsAround(images, ball);
  const size = ball.radius.length;
  const [lower, upper] = [balls.lower, balls.upper].map((ends) => {
    const all = new Float32Array(ids.length * size);
    let [next, nextAlone] = [0, 0];
    for (const [i, id] of ids.entries()) {
      const one =
        id >= 0
          ? ends.subarray(next * size, ++next * size)
          : alone.subarray(nextAlone * size, ++nextAlone * size);
      all.set(one, i * size);
    }
    return all;
  });
  return packBoxes({ lower, upper, labels: y }, labels);
}
