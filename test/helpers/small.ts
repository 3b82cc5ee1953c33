// Small things to test with: a network with random weights and images that need no download.
import type { Dataset } from "../../src/data/dataset.ts";
import { loadNetwork, type Network } from "../../src/engine/network.ts";
import { writeGraph } from "../../src/onnx/write.ts";
import { randomStream } from "../../src/tensor/random.ts";
import { type Architecture, buildNetwork } from "../../src/train/networks.ts";

/** One of the paper's MNIST networks, untrained. */
export function smallNetwork(seed = 1, architecture: Architecture = "cnnlight"): Promise<Network> {
  return loadNetwork(writeGraph(buildNetwork(architecture, seed)));
}

/** Images of noise with random labels. */
export function noise(count: number, seed = 1, shape: readonly number[] = [1, 28, 28]): Dataset {
  const random = randomStream(seed, count);
  const size = shape.reduce((a, c) => a * c, 1);
  return {
    name: `noise ${seed}`,
    shape,
    count,
    pixels: Float32Array.from({ length: count * size }, () => random.uniform()),
    labels: Int32Array.from({ length: count }, () => random.below(10)),
  };
}
