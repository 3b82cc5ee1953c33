// Which data sets a process keeps as float32, and which it reads again in every pass.
import { imageSize } from "../data/dataset.ts";
import { workOfPasses } from "./flops.ts";
import type { Network } from "./network.ts";

/** 256 MB of float32. */
const MOST = 2 ** 26;

/**
 * Operations of a pass for each number of an image from which on it does not show that images are read from the file
 * and their bytes turned into floats: that takes a nanosecond a number, which is a quarter of the pass of CNNLight
 * (1,500) and nothing of that of a block of ResNet18 (16,000).
 */
const WORTH = 8192;

/** Whether the images of a data set are kept as float32 by each process that a network is run in. */
export function keepsFloats(network: Network, count: number): boolean {
  const size = imageSize(network.inputShape);
  return count * size <= MOST && workOfPasses(network).forward < WORTH * size;
}
