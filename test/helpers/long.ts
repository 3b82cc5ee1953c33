// Tests that take long, in files that have quick ones too: `npm run test:long` runs them.
import { it } from "vitest";

/** Whether the long tests run. */
export const isLong: boolean = process.env.TEMPER_TEST === "long";

/** A test that is run with the long ones alone. */
export const itLong = it.runIf(isLong);
