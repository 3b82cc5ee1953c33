// Figure 1: what it shows lies where the pool says, and its PNG holds its labels without a font of the machine.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../src/correct/candidates.ts";
import { slice } from "../src/data/dataset.ts";
import { correct, openData, openModel } from "../src/index.ts";
import { svgToPng } from "../src/report/chart.ts";
import { figure1 } from "../src/report/figure1.ts";
import { temper } from "./helpers/command.ts";
import { itLong } from "./helpers/long.ts";

const member = (
  iteration: number,
  violation: number | null,
  loss: number | null,
  more: Partial<Candidate> = {},
): Candidate => ({
  iteration,
  step: 1,
  alpha: 0.5,
  violation,
  corrected: 0,
  loss,
  distance: 1,
  front: false,
  ...more,
});

const pool: readonly Candidate[] = [
  member(0, 100, 0.1, { front: true }),
  member(1, 0, 0.3, { front: true }),
  member(1, 40, 0.2, { front: true }),
  member(2, 70, 0.5),
  member(2, 20, null, { lossAtLeast: 0.4 }),
  member(3, null, 0.2),
  member(3, 20, null),
];

/** Where the dots of a colour are; the legend's own dot is the only one of its group and is left out. */
function spotsIn(svg: string, color: string): [x: number, y: number][] {
  const groups = [...svg.matchAll(/<g[^>]*aria-label="dot"[^>]*>.*?<\/g>/gs)].map(([text]) => text);
  return groups
    .filter((group) => group.includes(`"${color}"`))
    .slice(0, 1)
    .flatMap((group) => [
      ...[...group.matchAll(/<circle[^>]*>/g)].map(([circle]) => circle),
      ...[...group.matchAll(/<path[^>]*transform="[^"]*"[^>]*>/g)].map(([path]) => path),
    ])
    .map((dot) => {
      const at = /translate\(([-\d.]+),([-\d.]+)\)/.exec(dot);
      const number = (name: string): number =>
        Number(new RegExp(`\\b${name}="([-\\d.]+)"`).exec(dot)![1]);
      return at === null ? [number("cx"), number("cy")] : [Number(at[1]), Number(at[2])];
    });
}

describe("Figure 1", () => {
  it("puts every finite candidate at its violation and loss, by group", async () => {
    const svg = await figure1(pool, { choice: 1 });
    const [theta0] = spotsIn(svg, "purple");
    const front = spotsIn(svg, "darkorange");
    const [other, ...rest] = spotsIn(svg, "steelblue");
    const [bound] = spotsIn(svg, "#9aa7b1");
    expect([front.length, rest.length]).toEqual([2, 0]);
    // One affine map takes (violation, loss) to the picture: theta0 and the first of the front fix it.
    const at = (violation: number, loss: number): [number, number] => [
      front[0][0] + (violation / 100) * (theta0[0] - front[0][0]),
      theta0[1] + ((loss - 0.1) / 0.2) * (front[0][1] - theta0[1]),
    ];
    const expectAt = (spot: [number, number], place: [number, number]): void => {
      expect(spot[0]).toBeCloseTo(place[0], 6);
      expect(spot[1]).toBeCloseTo(place[1], 6);
    };
    expect(theta0[0]).toBeGreaterThan(front[0][0] + 100);
    expect(theta0[1]).toBeGreaterThan(front[0][1] + 100);
    expectAt(front[1], at(40, 0.2));
    expectAt(other, at(70, 0.5));
    expectAt(bound, at(20, 0.4));
    expectAt(spotsIn(svg, "black")[0], front[0]);
    for (const label of ["violation", "training loss", "efficient front", "loss at least this"]) {
      expect(svg).toContain(label);
    }
  });

  it("is a picture with its labels in it, the same bytes again", async () => {
    const svg = await figure1(pool);
    expect(await figure1(pool)).toBe(svg);
    const png = Buffer.from(await svgToPng(svg));
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1440, 960]);
    expect(png.equals(await svgToPng(svg))).toBe(true);
    const unlabelled = Buffer.from(await svgToPng(svg.replace(/<text.*?<\/text>/gs, "")));
    expect(unlabelled.length).toBeLessThan(0.9 * png.length);
  });

  itLong("is drawn from a RUN folder by one command", async () => {
    const folder = mkdtempSync(join(tmpdir(), "temper-"));
    const data = await openData("digits:train[0:200]");
    const model = await openModel(resolve("models/digits-cnnlight.onnx"));
    const turned = slice(data, 0, 2);
    const points = { ...turned, labels: turned.labels.map((y) => (y + 1) % 10) };
    const run = join(folder, "run");
    await correct(model, { data, points, iterations: 2, alphas: 3, threads: 0, folder: run });
    await model.close();
    const [svg, png] = ["svg", "png"].map((kind) => join(folder, `figure.${kind}`));
    const one = await temper(["report", run, "--svg", svg]);
    expect(one.code, one.stderr).toBe(0);
    expect(one.stdout).toContain("7 candidates");
    const drawn = readFileSync(svg, "utf8");
    expect(drawn).toContain("purple");
    writeFileSync(svg, "in the way");
    const both = await temper(["report", run, "--svg", svg, "--png", png, "--json"]);
    expect(JSON.parse(both.stdout)).toMatchObject({
      ...{ out: null, svg, png, csv: null, md: null },
      runs: [{ run, candidates: 7 }],
    });
    expect(readFileSync(svg, "utf8")).toBe(drawn);
    expect(readFileSync(png)).toEqual(Buffer.from(await svgToPng(drawn)));
    expect(readdirSync(folder).toSorted()).toEqual(["figure.png", "figure.svg", "run"]);
    for (const [words, message] of [
      [["--svg", join(folder, "figure.png")], "ends in .svg"],
      [["--png", join(folder, "none", "figure.png")], "there is no folder"],
      [["--svg", join(run, "figure.svg")], "which never changes"],
    ] as const) {
      const { code, stderr } = await temper(["report", run, ...words]);
      expect([code, stderr.includes(message)], stderr).toEqual([2, true]);
    }
    const { code, stderr } = await temper(["report", "models", "--svg", svg], { cwd: "." });
    expect([code, stderr]).toEqual([2, expect.stringContaining("is not a run")]);
  });
});
