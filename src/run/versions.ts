// The versions a run was made with.
import { readFileSync } from "node:fs";
import { engineVersion } from "../engine/version.ts";

interface Versions {
  readonly temper: string;
  readonly onnxruntime: string;
}

let known: Versions | undefined;

/** Of this package and of the engine under it; read once, for every shard of a queue asks. */
export function versions(): Versions {
  known ??= { temper: ownVersion(), onnxruntime: engineVersion() };
  return known;
}

const ownVersion = (): string =>
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
