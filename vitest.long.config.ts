import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

// What takes minutes: `npm run test:long`.
export default defineConfig({ test: { ...shared.test, include: ["test/long/**/*.test.ts"], exclude: [], testTimeout: 600_000 } });
