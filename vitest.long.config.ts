import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

// What takes minutes: `npm run test:long`.
const include = ["test/long/**/*.test.ts", "test/live.test.ts", "test/bounds-sound.test.ts"];
export default defineConfig({
  test: { ...shared.test, include, exclude: [], testTimeout: 600_000, env: { TEMPER_TEST: "long" } },
});
