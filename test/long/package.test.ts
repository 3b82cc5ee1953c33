// The package as its users get it: packed, installed in an empty project by npm 10 and 11, called and imported.
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "temper-package-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Without what `npm run` sets: an empty project knows nothing of this one's .npmrc. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_/.test(name) || /^npm_config_(registry|cache)$/.test(name),
  ),
);

const run = async (cwd: string, command: string, ...args: string[]): Promise<string> =>
  (await promisify(execFile)(command, args, { cwd, env, maxBuffer: 2 ** 26 })).stdout;

let tarball: string;
beforeAll(async () => {
  await run(".", "npm", "run", "package", "--", "--pack-destination", root);
  tarball = join(root, readdirSync(root).find((name) => name.endsWith(".tgz"))!);
});

/** A project with nothing but the package in it, and the clone's examples and models beside it. */
async function install(npm: string): Promise<string> {
  const project = join(root, npm);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "name": "empty", "type": "module" }');
  const quietly = ["--no-audit", "--no-fund", "--loglevel=error"];
  const skip = "--onnxruntime-node-install=skip";
  await run(project, "npx", "--yes", npm, "install", tarball, skip, ...quietly);
  return project;
}

describe.each(["npm@10", "npm@11"])("installed by %s in an empty project", (npm) => {
  let project: string;
  beforeAll(async () => {
    project = await install(npm);
  });
  const installed = (...path: string[]): string =>
    join(project, "node_modules/temper-onnx", ...path);
  const temper = (...args: string[]): Promise<string> =>
    run(project, join(project, "node_modules/.bin/temper"), ...args);

  it("holds the sources that its maps lead to, and nothing that has none", () => {
    const filesOf = (folder: string, end: string): string[] =>
      readdirSync(installed(folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(end))
        .map((name) => installed(folder, name));
    const maps = filesOf("dist", ".map");
    // One for the code and one for the types of each source: an earlier build left nothing behind.
    expect(maps).toHaveLength(2 * filesOf("src", ".ts").length);
    const lost = maps.flatMap((map) => {
      const { sources } = JSON.parse(readFileSync(map, "utf8")) as { sources: string[] };
      return sources.filter((source) => !existsSync(resolve(dirname(map), source)));
    });
    expect(lost).toEqual([]);
    for (const text of ["LICENSE", "fonts/LICENSE", "README.md", "CHANGELOG.md"]) {
      expect(existsSync(installed(text)), text).toBe(true);
    }
  });

  it("has the command, which says its version and corrects a network", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect((await temper("--version")).trim()).toBe(version);
    const model = installed("models/digits-cnnlight.onnx");
    const data = ["--data", "digits:train[0:100]"];
    await temper("attack", model, ...data, "--eps", "0.1", "--worst", "2", "--out", "points.npz");
    const given = ["--points", "points.npz", "--iterations", "2", "--out", "RUN"];
    await temper("correct", model, ...data, ...given);
    expect(existsSync(join(project, "RUN/corrected.onnx"))).toBe(true);
  });

  it("has types that hold without ours, and the examples run on it", async () => {
    cpSync("examples", join(project, "examples"), { recursive: true });
    cpSync(installed("models"), join(project, "models"), { recursive: true });
    const compilerOptions = {
      module: "NodeNext",
      target: "ES2023",
      strict: true,
      types: ["node"],
      typeRoots: [resolve("node_modules/@types")],
      rootDir: ".",
      outDir: "built",
    };
    const settings = { compilerOptions, include: ["examples"] };
    rmSync(join(project, "examples/tsconfig.json"));
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(settings));
    await run(project, resolve("node_modules/.bin/tsc"), "-p", ".");
    expect(await run(project, process.execPath, "built/examples/nearest-point.js")).toContain(
      "infeasible",
    );
    cpSync(join(project, "models"), join(project, "built/models"), { recursive: true });
    expect(await run(project, process.execPath, "built/examples/choose.js")).toContain("weight 0:");
  });
});
