// Mean gradients over shards: added in the shards' order, or where they are large in a fixed tree.
//
// A gradient is 8 bytes a weight: those of a thousand shards of ResNet18 would be 89 GB on their way into one process.
// So where an iteration's gradients exceed 64 MB, 16 consecutive shards are one sum, and these sums are added in their
// order. Whether a worker makes such a sum or the calling process does changes no bit: few shards go one by one, so
// that every process has some.
import { addScaled } from "../tensor/vector.ts";
import { type SampleShard, sampleShard } from "./sum-tasks.ts";
import type { MapOptions, TaskState } from "./task.ts";
import { type LossGradient, type LossShard, lossGradientShard } from "./tasks.ts";
import type { Workers } from "./workers.ts";

export const module: string = import.meta.url;

/** Bytes of gradients that one sum takes one by one. */
const LARGE = 64e6;

/** Shards of a sum in the tree. */
const TOGETHER = 16;

/** Sums for each process, from which on workers make them. */
const EACH = 2;

/** A shard of slices of the data, or of chosen images. */
export type GradientShard = LossShard | SampleShard;

/** Sums over a shard; of chosen images the loss of each as well. */
export interface GradientSums extends LossGradient {
  readonly losses?: Float64Array | undefined;
}

/** Consecutive shards. */
export interface GradientGroup {
  readonly shards: readonly GradientShard[];
}

/**
 * The mean over n images of the loss and its gradient in theta.
 *
 * @param shards of these images, in the order in which they are added
 * @param call `p`: the length of theta; `large`: bytes of gradients from which on they are added in the tree;
 *   `losses` is told the losses of chosen images, in their order
 */
export async function meanGradient(
  workers: Workers,
  shards: readonly GradientShard[],
  call: MapOptions & {
    readonly n: number;
    readonly p: number;
    readonly large?: number | undefined;
    readonly losses?: ((losses: Float64Array) => void) | undefined;
  },
): Promise<LossGradient> {
  const { n, p, large = LARGE, losses, signal, onDone } = call;
  const inTree = 8 * p * shards.length > large;
  const [mean, group] = [createSum(1 / n), createSum(1)];
  const tell = (sums: GradientSums): void => {
    if (sums.losses !== undefined) losses?.(sums.losses);
  };
  const groups = inTree ? groupsOf(shards) : [];
  if (groups.length >= EACH * workers.size) {
    const name = { module, name: "gradientGroup" };
    const add = (sums: GradientSums): void => {
      tell(sums);
      mean.add(sums);
    };
    await workers.each<GradientGroup, GradientSums>(name, groups, add, {
      signal,
      onDone: (done) => onDone?.(Math.min(TOGETHER * done, shards.length)),
    });
  } else {
    const name = { module, name: "gradientShard" };
    const add = (sums: GradientSums): void => {
      tell(sums);
      if (!inTree) mean.add(sums);
      else if (group.add(sums) === TOGETHER) mean.add(group.take());
    };
    await workers.each<GradientShard, GradientSums>(name, shards, add, { signal, onDone });
    if (group.count() > 0) mean.add(group.take());
  }
  const { loss, gradient } = mean.take();
  return { loss: loss / n, gradient };
}

const groupsOf = (shards: readonly GradientShard[]): GradientGroup[] =>
  Array.from({ length: Math.ceil(shards.length / TOGETHER) }, (_, g) => ({
    shards: shards.slice(g * TOGETHER, (g + 1) * TOGETHER),
  }));

/** A sum of losses, and one of gradients, each times a factor. */
function createSum(factor: number) {
  let [loss, gradient, count] = [0, new Float64Array(0), 0];
  return {
    /** Returns how many it has. */
    add: (sums: LossGradient): number => {
      if (count === 0) gradient = new Float64Array(sums.gradient.length);
      addScaled(gradient, factor, sums.gradient);
      loss += sums.loss;
      return ++count;
    },
    count: () => count,
    /** Gives it away, and begins anew. */
    take: (): LossGradient => {
      const taken = { loss, gradient };
      [loss, gradient, count] = [0, new Float64Array(0), 0];
      return taken;
    },
  };
}

/** Sums over one shard. */
export const gradientShard = (state: TaskState, shard: GradientShard): Promise<GradientSums> =>
  "ids" in shard ? sampleShard(state, shard) : lossGradientShard(state, shard);

/** Sums over some shards, in their order. */
export async function gradientGroup(
  state: TaskState,
  { shards }: GradientGroup,
): Promise<GradientSums> {
  const losses: number[] = [];
  const sum = createSum(1);
  for (const shard of shards) {
    const sums = await gradientShard(state, shard);
    sum.add(sums);
    if (sums.losses !== undefined) losses.push(...sums.losses);
  }
  return { ...sum.take(), ...(losses.length > 0 && { losses: Float64Array.from(losses) }) };
}
