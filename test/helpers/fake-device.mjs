// Preloaded into every process of a command: sessions asked of a device are noted in a file, and run on the processor.
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";

const { InferenceSession } = createRequire(import.meta.url)("onnxruntime-node");
const create = InferenceSession.create.bind(InferenceSession);

InferenceSession.create = (file, options) => {
  const { executionProviders, graphOptimizationLevel } = options;
  const kind = graphOptimizationLevel ?? "as it is";
  const line = JSON.stringify({ pid: process.pid, on: executionProviders, kind });
  appendFileSync(process.env.FAKE_DEVICE_LOG, `${line}\n`);
  return create(file, { ...options, executionProviders: ["cpu"] });
};
