// The versions a run was made with.
import { readFileSync } from "node:fs";
import { engineVersion } from "../engine/version.ts";

/** Of this package and of the engine under it. */
export function versions(): { readonly temper: string; readonly onnxruntime: string } {
  const own = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return { temper: own.version, onnxruntime: engineVersion() };
}
