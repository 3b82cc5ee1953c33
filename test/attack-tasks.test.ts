// The shards of an attack: what a shard tells of its images is what the attack on all of them at once gives.
import { afterAll, describe, expect, it } from "vitest";
import { attackOptions } from "../src/attack/options.ts";
import { withWorkers } from "../src/attack/session.ts";
import { type AttackedShard, attackAll } from "../src/attack/tasks.ts";
import { openData } from "../src/data/open.ts";
import { openModel } from "../src/engine/model.ts";
import { attackEverything, trainedBytes } from "./helpers/trained.ts";

const model = await openModel(await trainedBytes());
afterAll(() => model.close());
const digits = await openData("digits:test[0:300]");
const ids = Int32Array.from({ length: digits.count }, (_, i) => i);

const shardsOf = (options: ReturnType<typeof attackOptions>): Promise<AttackedShard[]> =>
  withWorkers(model, digits, { threads: 0, passes: 1 }, (workers) =>
    attackAll(workers, { ids, options, keep: 0, keepAll: true }, {}),
  );

const together = (shards: readonly AttackedShard[], of: "margins" | "found" | "x"): unknown[] =>
  shards.flatMap((shard) => [...shard[of]!]);

describe("the shards of an attack", () => {
  it("give every image with its margin, who found it, and what it took", async () => {
    const options = attackOptions({ eps: 0.05, steps: 3, restarts: 2 });
    const shards = await shardsOf(options);
    const whole = await attackEverything(model, digits, options);
    expect(together(shards, "margins")).toEqual([...whole.margins]);
    expect(together(shards, "x")).toEqual([...whole.x]);
    expect(new Set(together(shards, "found"))).toEqual(new Set(["pgd"]));
    // Three gradients and one look at the result, twice, and a look at the clean image.
    const [gradientSteps, queries] = [300 * 6, 300 * 3];
    const sum = (of: "gradientSteps" | "queries"): number => shards.reduce((a, c) => a + c[of], 0);
    expect({ gradientSteps: sum("gradientSteps"), queries: sum("queries") }).toEqual({
      gradientSteps,
      queries,
    });
  });
});
