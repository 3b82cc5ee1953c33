import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

// What takes minutes: `npm run test:long`.
const both = [
  ...["beyond", "bounds-sound", "cli-data", "device", "engine", "examples", "figure", "kept-shards", "live", "look"],
  ...["page-shown", "plan", "reattack", "repeat", "report", "resume", "robust-certified", "run", "stored-data"],
];
const include = ["test/long/**/*.test.ts", ...both.map((name) => `test/${name}.test.ts`)];
export default defineConfig({
  test: { ...shared.test, include, exclude: [], testTimeout: 600_000, env: { TEMPER_TEST: "long" } },
});
