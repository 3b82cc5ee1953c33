// The page of a run as a file: what is in it, that no name breaks out of it, and what comes beside it.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseHTML } from "linkedom";
import { beforeAll, describe, expect, it } from "vitest";
import { addPage } from "../src/cli/page.ts";
import { slice } from "../src/data/dataset.ts";
import { writePoints } from "../src/data/points.ts";
import { correct, evaluate, openData, openModel } from "../src/index.ts";
import { idOf } from "../src/report/axes.ts";
import type { ReportDocument, RunDocument } from "../src/report/document.ts";
import { readEvaluation } from "../src/report/evaluation.ts";
import { gatherRun } from "../src/report/gather.ts";
import { reportHtml } from "../src/report/html.ts";
import { openRun } from "../src/run/folder/open.ts";
import { temper } from "./helpers/command.ts";
import { itLong } from "./helpers/long.ts";
import { plantedReport } from "./helpers/report-document.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
const folder = mkdtempSync(join(tmpdir(), "temper-"));
const run = join(folder, "run");
const small = ["--iterations", "2", "--alphas", "3", "--threads", "1"];

/** Names that would end a block, begin an element or a comment, or end a line of a program. */
const hostile = [
  "</script><img src=x onerror=alert(1)>",
  "<!-- <script>",
  "-->",
  "a\u2028b\u2029c",
  "&lt;script&gt; \"'`",
  "</title><script>alert(1)</script>",
  ...["]]>", "\\u003c", "$& $1", "\u202e"],
];

let gathered: RunDocument;
beforeAll(async () => {
  const data = { ...(await openData("digits:train[0:200]")), classes: hostile };
  const turned = slice(data, 0, 2);
  const points = { ...turned, labels: turned.labels.map((y) => (y + 1) % 10) };
  writeFileSync(join(folder, "points.npz"), writePoints(points));
  const validation = await openData("digits:test[0:100]");
  const model = await openModel(MODEL);
  const few = { iterations: 2, alphas: 3, threads: 0 } as const;
  await correct(model, { ...few, data, points, validation, folder: run });
  await model.close();
  gathered = await gatherRun(run);
});

/** What a browser finds in a page: the document block, and the programs. */
function blocksOf(html: string): { readonly document: string; readonly program: string } {
  const blocks = [...html.matchAll(/<script([^>]*)>(.*?)<\/script/gs)];
  expect(blocks.map(([, attributes]) => attributes)).toEqual([
    ' type="application/json" id="document"',
    "",
  ]);
  const [document, program] = blocks.map(([, , text]) => text);
  return { document, program };
}

const pageOf = (document: RunDocument): Promise<string> =>
  reportHtml({ temper: "0.0.0", runs: [document] });

describe("a page", () => {
  it("holds the document that was gathered, whatever its names are", async () => {
    for (const name of hostile) {
      const layers = gathered.layers.map((layer) => ({ ...layer, name }));
      const timings = { ...gathered.timings!, paths: { model: name, data: name } };
      const document = { ...gathered, name, layers, timings };
      const html = await pageOf(document);
      const { document: block } = blocksOf(html);
      expect(block).not.toContain("<");
      expect(JSON.parse(block)).toEqual(
        JSON.parse(JSON.stringify({ temper: "0.0.0", runs: [document] })),
      );
      const { document: dom } = parseHTML(html);
      expect(dom.querySelectorAll("script").length).toBe(2);
      expect(dom.querySelectorAll("img").length).toBe(0);
      expect(dom.querySelector("title")!.textContent).toBe(`${name} · Temper`);
    }
    expect(gathered.labels).toEqual(hostile);
  });

  it("runs its own program and no other, and asks no address for anything", async () => {
    const html = await pageOf(gathered);
    const { document, program } = blocksOf(html);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1];
    const hash = createHash("sha256").update(program).digest("base64");
    expect(policy.split("; ")).toEqual([
      "default-src 'none'",
      `script-src 'sha256-${hash}'`,
      "style-src 'unsafe-inline'",
      "connect-src 'none'",
      "img-src data: blob:",
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    const around = html.replace(document, "");
    const addresses = [...around.matchAll(/https?:\/\/[\w./-]*/g)].map(([address]) => address);
    expect(addresses.filter((one) => !one.startsWith("http://www.w3.org/"))).toEqual([]);
    const icon = '<link rel="icon" href="data:,">';
    const loads = /<!--|<link|<iframe|@import|\ssrc=|url\((?!["']?(data:|#))/.exec(
      around.replace(icon, ""),
    );
    expect(loads).toBeNull();
  });

  it("stays under 500 KB without images at 201 candidates", async () => {
    const { record, points, clean, steps, ...rest } = gathered;
    const [first] = record.pool;
    const pool = Array.from({ length: 201 }, (_, i) => {
      const [violation, loss, distance] = [0.1, 0.2, 0.3].map((at) => Math.sin(i + at) ** 2);
      return { ...first, iteration: Math.ceil(i / 10), step: i % 10, violation, loss, distance };
    });
    const iterations = Array.from({ length: 20 }, (_, i) => record.iterations[i % 2]);
    const { pictures: _, ...plainPoints } = points!;
    const { pictures: __, ...plainData } = clean!.data;
    const html = await pageOf({
      ...rest,
      steps: Array.from({ length: 20 }, (_, i) => steps[i % steps.length]),
      record: { ...record, pool, iterations } as RunDocument["record"],
      points: plainPoints,
      clean: { ...clean, data: plainData },
    });
    expect(Buffer.byteLength(html)).toBeLessThan(500_000);
  });

  it("stays under 3 MB with 50 attacked points of 32 x 32 pixels in colour, and flipped images", async () => {
    const planted = { shape: [3, 32, 32], points: 50, flips: 52, iterations: 20 };
    const html = await reportHtml(plantedReport(planted));
    expect(Buffer.byteLength(html)).toBeGreaterThan(1_000_000);
    expect(Buffer.byteLength(html)).toBeLessThan(3_000_000);
  });
});

/** The document in a file. */
const documentIn = (path: string): ReportDocument =>
  JSON.parse(blocksOf(readFileSync(path, "utf8")).document);

describe.concurrent("temper report", () => {
  itLong(
    "writes report.html where nothing else is asked for, and replaces no file but a page",
    async () => {
      const cwd = mkdtempSync(join(folder, "w"));
      const path = join(cwd, "report.html");
      writeFileSync(path, "in the way");
      const refused = await temper(["report", run], { cwd });
      expect([refused.code, refused.stderr]).toEqual([
        2,
        'error: "report.html" exists and is no page of Temper\ngive --out FILE, which replaces what is there\n',
      ]);
      const named = await temper(["report", run, "--out", "report.html"], { cwd });
      expect(named.code, named.stderr).toBe(0);
      expect(documentIn(path).temper).toMatch(/^\d/);
      const usual = await temper(["report", run], { cwd });
      expect([usual.code, usual.stdout]).toEqual([
        0,
        expect.stringMatching(
          /^7 candidates, \d on the efficient front\nwritten to report.html\n$/,
        ),
      ]);
      const { runs } = documentIn(path);
      expect(runs).toEqual(JSON.parse(JSON.stringify([gathered])));
    },
  );

  itLong("writes only what is asked for; of several runs on one plane, in one table", async () => {
    const cwd = mkdtempSync(join(folder, "w"));
    const two = ["report", run, run, "--svg", "a.svg", "--csv", "a.csv", "--md", "a.md", "--json"];
    const { code, stdout, stderr, files } = await temper(two, { cwd });
    expect([code, stderr, files.toSorted()]).toEqual([0, "", ["a.csv", "a.md", "a.svg"]]);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ out: null, svg: "a.svg", png: null, csv: "a.csv", md: "a.md", required: [] },
      runs: [1, 2].map(() => ({ run, candidates: 7 })),
    });
    expect(readFileSync(join(cwd, "a.svg"), "utf8").split(run).length).toBe(3);
    const [head, ...rows] = readFileSync(join(cwd, "a.csv"), "utf8").trimEnd().split("\n");
    expect(head).toMatch(/^run,candidate,.*,front,accuracy,negativeFlips$/);
    expect(rows.length).toBe(14);
    expect(readFileSync(join(cwd, "a.md"), "utf8")).toContain("### 2 corrections");
  });

  itLong("writes every figure as SVG and as PNG, with the chart that the page has", async () => {
    const cwd = mkdtempSync(join(folder, "w"));
    const { code, stdout, stderr } = await temper(["report", run, "--figures", "f"], { cwd });
    expect([code, stderr], stdout).toEqual([0, ""]);
    const names = ["trade-off", "violation", "loss", "distance", "cuts", "layers", "changes"];
    const all = [...names, "accuracy", "time"].flatMap((name) => [`${name}.png`, `${name}.svg`]);
    expect(readdirSync(join(cwd, "f")).toSorted()).toEqual(all.toSorted());
    expect(stdout).toMatch(/\n18 files written to f\n$/);
    for (const name of all) {
      const bytes = readFileSync(join(cwd, "f", name));
      if (name.endsWith(".png")) expect(bytes.subarray(1, 4).toString(), name).toBe("PNG");
      else expect(bytes.toString(), name).toMatch(/^<svg xmlns="http.*<\/svg>\n$/s);
    }
    const layers = readFileSync(join(cwd, "f/layers.svg"), "utf8");
    for (const { name } of gathered.layers) expect(layers).toContain(name);
    expect(readFileSync(join(cwd, "f/changes.svg"), "utf8").match(/<rect /g)).toHaveLength(
      gathered.steps.at(-1)!.changes.counts.length,
    );
    const inside = await temper(["report", run, "--figures", join(run, "f")], { cwd });
    expect([inside.code, inside.stderr]).toEqual([2, expect.stringContaining("never changes")]);
  });

  it("prints the summary alone on stdout, and ends with 1 where something is not met", async () => {
    const all = "corrected=all, loss<=0";
    const { code, stdout, stderr, files } = await temper(["report", run, "--md", "--require", all]);
    const [title, ...lines] = stdout.trimEnd().split("\n");
    expect(title).toBe(`### \`${run}\`: corrected by the recipe standard`);
    expect(lines.length).toBeLessThan(20);
    expect(stdout).toContain("**`loss<=0` not met");
    expect(stderr).toContain(`not met by ${run}: loss<=0: `);
    expect({ code, files }).toEqual({ code: 1, files: [] });
  });

  itLong("takes figures under attack from temper evaluate alone", async () => {
    const cwd = mkdtempSync(join(folder, "w"));
    const data = await openData("digits:test[0:40]");
    const models = [];
    for (const path of [MODEL, join(run, "corrected.onnx")]) {
      const model = await openModel(path);
      const attacks = [{ attack: "fgsm", eps: 0.1 }] as const;
      const { images: _, wrong: __, ...row } = await evaluate(model, { data, attacks, threads: 0 });
      await model.close();
      models.push({ path, parameters: 41_008, ...row });
    }
    writeFileSync(join(cwd, "e.json"), JSON.stringify({ data: {}, models, out: null }));
    const words = ["--evaluation", "e.json", "--require", "attacked>=0 %", "--out", "r.html"];
    const { code, stderr } = await temper(["report", run, ...words, "--md", "r.md"], { cwd });
    expect([code, stderr]).toEqual([0, ""]);
    const [{ evaluation }] = documentIn(join(cwd, "r.html")).runs;
    expect(evaluation!.models).toMatchObject(
      models.map(({ path, attacks: [{ accuracy }] }) => ({ path, attacks: [{ accuracy }] })),
    );
    expect(readFileSync(join(cwd, "r.md"), "utf8")).toMatch(
      /\n\| under fgsm, linf 0.1 \| [\d.]+ % \(.*\) \| [\d.]+ % \(.*\) \|\n/,
    );
    for (const [text, lacks] of [
      ["", "is not the JSON of temper evaluate: Unexpected end"],
      ["[1]", "it has no models"],
      ['{"models":[{"path":"a","clean":{}}]}', "it has no models[0].attacks"],
      [JSON.stringify({ models }).replace('"turned":', '"turned":2,"was":'), "[0].turned"],
    ]) {
      const path = join(cwd, "wrong.json");
      writeFileSync(path, text);
      await expect(readEvaluation(path)).rejects.toThrow(lacks);
    }
    await expect(readEvaluation(join(cwd, "none.json"))).rejects.toThrow("cannot read");
  });

  it("refuses a summary and a document on the same stdout, and RUN behind --md", async () => {
    const both = await temper(["report", run, "--md", "--json"]);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("give --md FILE")]);
    const behind = await temper(["report", "--md", run]);
    expect([behind.code, behind.stderr]).toEqual([
      2,
      expect.stringContaining("RUN stands before --md"),
    ]);
  });

  itLong("is written into a RUN as the last part of the command that finishes it", async () => {
    const cwd = mkdtempSync(join(folder, "w"));
    const points = ["--points", join(folder, "points.npz")];
    const call = ["correct", MODEL, "--data", "digits:train[0:200]", ...points, ...small];
    const words = [...call, "--out", "RUN"];
    const plain = await temper([...words, "--no-report"], { cwd });
    expect(plain.code, plain.stderr).toBe(0);
    const files = readdirSync(join(cwd, "RUN"));
    expect(files).not.toContain("report.html");
    cpSync(join(cwd, "RUN"), join(cwd, "whole"), { recursive: true });
    // Finished, but without its page: --resume adds it and nothing else.
    const page = join(cwd, "RUN/report.html");
    const resumed = await temper([...words, "--resume"], { cwd });
    expect(resumed.stdout.trimEnd().split("\n").at(-1)).toBe("look at it: RUN/report.html");
    expect(readdirSync(join(cwd, "RUN")).toSorted()).toEqual([...files, "report.html"].toSorted());
    for (const name of files) {
      expect(readFileSync(join(cwd, "RUN", name))).toEqual(readFileSync(join(cwd, "whole", name)));
    }
    expect(documentIn(page).runs[0].name).toBe("RUN");
    // One that is there never changes, and --force takes it away with the run.
    writeFileSync(page, "as it was");
    const again = await temper([...words, "--resume", "--json"], { cwd });
    expect(JSON.parse(again.stdout).report).toBe("RUN/report.html");
    expect(readFileSync(page, "utf8")).toBe("as it was");
    expect((await temper([...words, "--force", "--no-report"], { cwd })).code).toBe(0);
    expect(existsSync(page)).toBe(false);
  });
});

it("says why there is no page, where none can be made, and leaves the run as it is", async () => {
  const copy = join(folder, "copy");
  cpSync(run, copy, { recursive: true });
  rmSync(join(copy, "predictions.npz"));
  const files = readdirSync(copy);
  const said: string[] = [];
  const progress = { update: () => {}, stop: () => {}, line: (text: string) => said.push(text) };
  expect(await addPage(await openRun(run), copy, { progress })).toBeUndefined();
  expect(said).toEqual([
    expect.stringMatching(/^note: the run is whole, but has no report.html: .*predictions.npz/),
  ]);
  expect(readdirSync(copy)).toEqual(files);
});

describe.concurrent("temper select --candidate", () => {
  itLong("writes any candidate, by the name that the page gives it", async () => {
    const opened = await openRun(run);
    const cwd = mkdtempSync(join(folder, "w"));
    for (const candidate of [opened.pool[0], opened.pool.find((c) => !c.front)!]) {
      const words = ["select", run, "--candidate", idOf(candidate), "--out", "m.onnx"];
      const { code, stdout, stderr } = await temper(words, { cwd });
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(new RegExp(`\n> +${idOf(candidate)} `));
      expect(new Uint8Array(readFileSync(join(cwd, "m.onnx")))).toEqual(opened.bytes(candidate));
    }
  });

  itLong("refuses a name that no candidate has, and two ways to choose", async () => {
    for (const [words, message] of [
      [["--candidate", "2:9"], "has no candidate 2:9; nearest are 2:3, 2:2, 2:1"],
      [["--candidate", "2"], "an iteration and a step"],
      [["--candidate", "2:1", "--weight", "0"], "--weight and --candidate both choose"],
      [[], "give one of --weight W, --candidate K:J"],
    ] as const) {
      const { code, stderr } = await temper(["select", run, ...words]);
      expect([code, stderr.includes(message)], stderr).toEqual([2, true]);
    }
  });
});
