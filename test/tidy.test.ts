// The house keeps itself in order: who may import whom, how long a file may be, what is said where.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

/** A room imports only from rooms before it in this list (docs/architecture.md). */
const ladder = [
  "errors",
  "options",
  "progress",
  "tensor",
  "qp",
  "correct",
  "onnx",
  "data",
  "autodiff",
  "engine",
  "attack",
  "train",
  "bounds",
  "run",
  "machines",
  "report",
  "cli",
  "index",
];

interface Source {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  /** Paths under src/ of what it imports. */
  readonly imports: readonly string[];
}

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));

const everyFile = (): string[] => ["src", "test", "bench", "examples"].flatMap(filesUnder);

const roomOf = (path: string): string => path.split("/")[0].replace(/\.ts$/, "");

const sources: readonly Source[] = filesUnder("src").map((file) => {
  const path = relative("src", file);
  const text = readFileSync(file, "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((m) => m[1]);
  return {
    path,
    room: roomOf(path),
    text,
    imports: specifiers.map((s) => relative("src", join("src", dirname(path), s))),
  };
});

/** The pages: docs/ with its notes, and those at the top. */
const pages: readonly string[] = [
  ...readdirSync("."),
  ...readdirSync("docs", { recursive: true, encoding: "utf8" }).map((name) => join("docs", name)),
].filter((name) => name.endsWith(".md"));

/** The text without comments: what a file does, not what it says. */
const codeOf = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");

const offenders = (bad: (source: Source) => boolean): string[] =>
  sources.filter(bad).map(({ path }) => path);

describe("rooms", () => {
  it("are all on the ladder, and import only from rooms above them", () => {
    expect(offenders(({ room }) => !ladder.includes(room))).toEqual([]);
    const upward = sources.flatMap(({ path, room, imports }) =>
      imports
        .filter((to) => ladder.indexOf(roomOf(to)) > ladder.indexOf(room))
        .map((to) => `${path} imports ${to}`),
    );
    expect(upward).toEqual([]);
  });

  it("correct/ knows errors, tensor and qp only; attack/ and correct/ do not know each other", () => {
    const wrong = sources.flatMap(({ path, room, imports }) =>
      imports
        .filter((to) => {
          if (room === "correct")
            return !["errors", "tensor", "qp", "correct"].includes(roomOf(to));
          return room === "attack" && roomOf(to) === "correct";
        })
        .map((to) => `${path} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it("correct/ and qp/ never mention ONNX", () => {
    expect(
      offenders(({ room, text }) => /^(correct|qp)$/.test(room) && /onnx/i.test(text)),
    ).toEqual([]);
  });

  it("have no import cycles, imports of types included", () => {
    const imports = new Map(sources.map((s) => [s.path, s.imports]));
    const finished = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      expect(trail, `${[...trail, path].join(" -> ")}`).not.toContain(path);
      if (finished.has(path)) return;
      for (const to of imports.get(path) ?? []) visit(to, [...trail, path]);
      finished.add(path);
    };
    for (const { path } of sources) visit(path, []);
  });
});

describe("files", () => {
  it("stay under 400 lines, sources, tests and benches", () => {
    const long = everyFile().filter((file) => readFileSync(file, "utf8").split("\n").length > 400);
    expect(long).toEqual([]);
  });

  it("have no line over 120 characters, pages of docs/ included; tables may", () => {
    const wide = [...everyFile(), ...pages.filter((page) => page !== "README.md")].flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .flatMap((line, i) =>
          line.length > 120 && !(file.endsWith(".md") && line.startsWith("|"))
            ? [`${file}:${i + 1}`]
            : [],
        ),
    );
    expect(wide).toEqual([]);
  });

  it("open with a sentence that says what they are for", () => {
    const silent = everyFile().filter((file) => {
      const [first, second] = readFileSync(file, "utf8").split("\n");
      return !/^\/\/ .{20,}/.test(first.startsWith("#!") ? second : first);
    });
    expect(silent).toEqual([]);
  });

  it("export by name", () => {
    expect(offenders(({ text }) => /export default/.test(codeOf(text)))).toEqual([]);
  });
});

describe("pages", () => {
  /** Where GitHub puts a heading: lower case, spaces as hyphens, without other signs. */
  const anchorsOf = (page: string): string[] =>
    [...readFileSync(page, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    );

  it("link to files and headings that exist", () => {
    const broken = pages.flatMap((page) =>
      [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)].flatMap(
        ([link, path, anchor]) => {
          const target = path === "" ? page : join(dirname(page), path);
          const there =
            existsSync(target) && (anchor === undefined || anchorsOf(target).includes(anchor));
          return there ? [] : [`${page}: ${link.slice(2, -1)}`];
        },
      ),
    );
    expect(broken).toEqual([]);
  });
});

describe("the outside world", () => {
  it("onnxruntime is known to engine/ alone", () => {
    expect(
      offenders(({ room, text }) => room !== "engine" && /onnxruntime-node/.test(codeOf(text))),
    ).toEqual([]);
  });

  it("the console, arguments and exit codes are the command line's", () => {
    const words = /\bconsole\.|process\.(exit|argv|stdout|stderr)/;
    expect(offenders(({ room, text }) => room !== "cli" && words.test(codeOf(text)))).toEqual([]);
  });

  it("correct/ reads no clock", () => {
    const clock = /\bperformance\b|\bDate\b|hrtime/;
    expect(offenders(({ room, text }) => room === "correct" && clock.test(codeOf(text)))).toEqual(
      [],
    );
  });

  it("chance is seeded", () => {
    expect(offenders(({ text }) => /Math\.random/.test(text))).toEqual([]);
  });
});

describe("the repository", () => {
  const tracked = execFileSync("git", ["ls-files"], { encoding: "utf8" }).split("\n");

  it("holds no file of a published data set or network", () => {
    expect(tracked.filter((name) => /ubyte|\.bin(\.gz)?$|\.npz$/.test(name))).toEqual([]);
  });

  it("opens with two commands in the README, and CI calls the second", () => {
    const blocks = [...readFileSync("README.md", "utf8").matchAll(/^```sh\n([^`]*)\n```$/gm)];
    const commands = blocks.map(([, command]) => command);
    expect(commands).toEqual(["npm ci && npm run demo", "npm ci && npm test"]);
    expect(readFileSync(".ci/run", "utf8").split("\n")).toContain(commands[1]);
  });

  it("is of one version: in the package, its citation and the newest dated part of the changelog", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(/^version: (.*)$/m.exec(readFileSync("CITATION.cff", "utf8"))?.[1]).toBe(version);
    expect(/^## ([\d.]+) - /m.exec(readFileSync("CHANGELOG.md", "utf8"))?.[1]).toBe(version);
  });

  it("argues for every dependency in docs/dependencies.md", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    const argued = readFileSync("docs/dependencies.md", "utf8");
    const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !argued.includes(`\`${name}\``),
    );
    expect(missing).toEqual([]);
  });
});
