import { defineConfig } from "vitest/config";

// Forks, not threads: a test that times out inside onnxruntime's run() would abort every thread.
export default defineConfig({ test: { pool: "forks", include: ["test/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000, maxWorkers: 2 } });
