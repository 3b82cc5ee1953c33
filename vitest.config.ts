import { configDefaults, defineConfig } from "vitest/config";

// Forks, not threads: a test that times out inside onnxruntime's run() would abort every thread.
export default defineConfig({
  test: {
    pool: "forks",
    // A fork keeps its modules for the files that follow: to load them anew for each took a quarter of the time.
    isolate: false,
    setupFiles: ["test/helpers/setup.ts"],
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/long/**"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    coverage: { provider: "v8", include: ["src/**"], reporter: ["text", "html"] },
  },
});
