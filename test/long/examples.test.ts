// The examples that take longer, run like those of test/examples.test.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newFolder } from "../helpers/command.ts";
import { percents, rightOf, run } from "../helpers/examples.ts";

describe.concurrent("the example", () => {
  it("choose.ts prints a front, where who violates less pays more loss", async () => {
    const printed = await run("choose.ts");
    const front = [...printed.matchAll(/^ *([\d.]+) +([\d.]+)$/gm)].map(([, v, loss]) => [
      +v,
      +loss,
    ]);
    expect(front.length).toBeGreaterThan(3);
    const rising = front.toSorted(([a], [b]) => a - b).map(([, loss]) => loss);
    expect(rising).toEqual(rising.toSorted((a, b) => b - a));
    expect(percents(printed)).toHaveLength(4);
  });

  it("robust.ts ends with more images right under attack than before", async () => {
    const [, before, , after] = percents(await run("robust.ts"));
    expect(after).toBeGreaterThan(before + 20);
  });

  it("photographs.ts is right with the names in the model's order, and by chance without", async () => {
    const printed = await run("photographs.ts");
    const [sorted, named] = percents(printed);
    expect(sorted).toBeLessThan(40);
    expect(named).toBeGreaterThan(80);
    expect(printed).toContain("shorter side resized to 32 (bilinear, antialiased), centre 28 x 28");
  });

  it("field.ts corrects what the field got wrong", async () => {
    const [, right, of, after] = /(\d+) of (\d+) right before, (\d+) after/.exec(
      await run("field.ts"),
    )!;
    expect(+right).toBeLessThan(+of);
    expect(after).toBe(of);
  });

  it("digits.sh ends with a model that was chosen anew", async () => {
    const folder = newFolder();
    await run("digits.sh", folder);
    const out = join(folder, "digits-example");
    const [right, of] = await rightOf(join(out, "run/corrected.onnx"), join(out, "points.npz"));
    expect([right, of]).toEqual([5, 5]);
    const chosen = readFileSync(join(out, "model.onnx"));
    expect(chosen.equals(readFileSync(join(out, "run/corrected.onnx")))).toBe(false);
    expect(chosen.length).toBe(readFileSync("models/digits-cnnlight.onnx").length);
  });
});
