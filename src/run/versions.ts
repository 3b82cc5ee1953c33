// The versions a run was made with.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Of this package and of the engine under it. */
export function versions(): { readonly temper: string; readonly onnxruntime: string } {
  const own = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const engine = createRequire(import.meta.url)("onnxruntime-node/package.json");
  return { temper: own.version, onnxruntime: engine.version };
}
