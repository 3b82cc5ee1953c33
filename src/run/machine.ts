// The machine that times are of.
import { availableParallelism, cpus } from "node:os";

/** In words: processor, cores, system, Node. */
export function machine(): string {
  const { platform, arch, version } = process;
  const cores = availableParallelism();
  return `${cpus()[0]?.model.trim() ?? arch}, ${cores} cores, ${platform} ${arch}, Node ${version}`;
}
