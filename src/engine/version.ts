// Which onnxruntime runs the networks.
import { createRequire } from "node:module";

/** The version of the installed onnxruntime-node. */
export const engineVersion = (): string =>
  createRequire(import.meta.url)("onnxruntime-node/package.json").version;
