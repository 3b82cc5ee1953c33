// What a correction asks: the whole network on images, or, where theta is a part, that part on what reaches it.
//
// A correction of a part is a correction of a smaller network on computed data, and costs two passes of the whole one:
// this one, of all that does not depend on theta, and the last, of the saved file itself.
import { type AnyDataset, type Dataset, imagesOf } from "../data/dataset.ts";
import { crossingImages, crossingOf, cutAtTheta, joinsUp } from "../engine/moving-part.ts";
import type { Network } from "../engine/network.ts";
import type { Asked, JobContext } from "./plan.ts";

/** Gives for a data set, and for points, what is asked in their place. */
export interface AskedPart {
  readonly network: Network;
  data(data: AnyDataset): Promise<Asked>;
  points(points: Dataset): Promise<Dataset>;
}

/** The network as it is. */
export const wholeNetwork = (network: Network): AskedPart => ({
  network,
  data: async (data) => ({ network, data }),
  points: async (points) => points,
});

/** Images on which the parts are compared with the whole. */
const FEW = 2;

/**
 * The part that theta moves, and the values that reach it: made of `data` at once, of any other set when it is asked
 * for. It is the whole network where that part is nearly all of it, or its file of values finds no room.
 */
export async function movingPart({
  network,
  data,
  workers,
  clock,
  signal,
  onProgress,
}: Pick<JobContext<unknown>, "network" | "workers" | "clock" | "signal" | "onProgress"> & {
  readonly data: AnyDataset;
}): Promise<AskedPart> {
  const parts = cutAtTheta(network);
  const few = Math.min(FEW, data.count);
  if (parts === undefined || !(await joinsUp(network, parts, imagesOf(data, 0, few), few))) {
    return wholeNetwork(network);
  }
  const asked = new Map<AnyDataset, Asked>();
  const onData = async (set: AnyDataset): Promise<Asked> => {
    const known = asked.get(set);
    if (known !== undefined) return known;
    const onImages = (done: number, of: number): void => onProgress?.("frozen part", done, of);
    const crossing = await clock.stage("frozen", () =>
      crossingImages(parts, set, { workers, signal, onImages }),
    );
    const found = crossing ? { network: parts.moving, data: crossing } : { network, data: set };
    asked.set(set, found);
    return found;
  };
  if ((await onData(data)).network === network) return wholeNetwork(network);
  return {
    network: parts.moving,
    data: onData,
    points: async ({ name, count, labels, ...points }) => {
      const x = imagesOf({ ...points, count, labels });
      const pixels = await crossingOf(parts, x, count);
      return { name, count, labels, shape: parts.moving.inputShape, pixels };
    },
  };
}
