// The tables of options: resolving them is idempotent, and help, documentation and refusals say what they hold.
import { readFileSync } from "node:fs";
import { Command } from "commander";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attackOptions, attackTable, statedAttack } from "../src/attack/options.ts";
import { correctFlags } from "../src/cli/correct-flags.ts";
import { addFlags } from "../src/cli/flags.ts";
import {
  asQuotient,
  bytes,
  length,
  numberList,
  oneOf,
  quotient,
  range,
  wholeNumber,
} from "../src/options/kinds.ts";
import { shown, type Table, wordOf } from "../src/options/table.ts";
import { refuseOtherRecipe } from "../src/run/call.ts";
import type { Facts } from "../src/run/options.ts";
import { type PointRequest, pointOptions, pointTable } from "../src/run/points/options.ts";
import { type RobustRequest, robustOptions, robustTable } from "../src/run/robust/options.ts";
import { optionsPage } from "./helpers/options-page.ts";

const light: Facts = { flops: 0, points: 10, labels: 10 };
const heavy: Facts = { flops: 1e9, points: 300, labels: 1000 };

/** Some of a record's entries. */
const someOf = <T extends Record<string, fc.Arbitrary<unknown>>>(model: T) =>
  fc.record(model, { requiredKeys: [] });

const attack = fc
  .tuple(
    fc.constantFrom("fgsm", "pgd", "square", "apgd-ce", "auto"),
    someOf({
      steps: fc.integer({ min: 1, max: 99 }),
      clip: fc.constantFrom(null, [0, 1], [-1, 2]),
      protocol: fc.constantFrom("honest", "cleverhans"),
      stepSize: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  )
  .map(([name, rest]) => ({ ...rest, attack: name, eps: 0.1 }));

const shared = {
  iterations: fc.integer({ min: 1, max: 50 }),
  margin: fc.double({ min: 0, max: 9, noNaN: true }),
  loss: fc.constantFrom("cross-entropy", "brier"),
  seed: fc.nat(),
};

describe("resolving", () => {
  it("changes nothing of what is resolved, whatever was asked for and for whatever model", () => {
    const point = fc.oneof(
      someOf({ ...shared, recipe: fc.constantFrom("standard", "paper"), alphas: fc.constant(3) }),
      someOf({ ...shared, freeShare: fc.constant(0.5) }).map((o) => ({ ...o, solver: "blocks" })),
      fc
        .tuple(someOf({ ...shared, reach: fc.constantFrom(1, 2.5) }), attack)
        .map(([o, a]) => ({ ...o, reattack: true, attack: a })),
    );
    fc.assert(
      fc.property(point, fc.constantFrom(light, heavy), (request, facts) => {
        const once = pointOptions(request as PointRequest, facts);
        expect(pointOptions(once, light)).toEqual(once);
        expect(pointOptions(JSON.parse(JSON.stringify(once)), heavy)).toEqual(once);
      }),
    );
    const robust = fc
      .tuple(someOf({ ...shared, keep: fc.constantFrom("clean", "robust") }), attack)
      .map(([o, a]) => ({ ...o, recipe: "robust", attack: a }));
    fc.assert(
      fc.property(robust, fc.constantFrom(light, heavy), (request, facts) => {
        const once = robustOptions(request as RobustRequest, facts);
        expect(robustOptions(once, light)).toEqual(once);
        expect(robustOptions(JSON.parse(JSON.stringify(once)), heavy)).toEqual(once);
      }),
    );
    fc.assert(
      fc.property(attack, (request) => {
        const once = attackOptions(request as never);
        expect(attackOptions(once)).toEqual(once);
      }),
    );
  });

  it("fills in what each situation has for a default", () => {
    const e = { eps: 0.1 };
    expect(pointOptions({}, light)).toMatchObject({ iterations: 20, margin: 0.1, cuts: "all" });
    expect(pointOptions({ recipe: "paper" }, light).margin).toBe(0);
    const many = (labels: number) => pointOptions({}, { ...light, labels }).rivals;
    expect([10, 19, 20, 1000].map(many)).toEqual(["all", "all", "auto", "auto"]);
    const reattack = { reattack: true, attack: e };
    expect(pointOptions(reattack, light)).toMatchObject({ iterations: 40, margin: 6, reach: 1.2 });
    expect(pointOptions(reattack, { ...light, points: 130 }).iterations).toBe(31);
    expect(statedAttack(e, { use: "reattack", reach: 2 })).toMatchObject({
      ...{ eps: 0.1, stepSize: 0.02, steps: 40, clip: null },
    });
    const square = { attack: "square", eps: 0.1 } as const;
    expect(robustOptions({ recipe: "robust", attack: square }, light).attack).toMatchObject({
      ...{ steps: 5000, stepSize: 0.01, clip: null },
    });
    expect(robustOptions({ recipe: "robust", attack: e }, light).attack).toMatchObject({
      ...{ attack: "pgd", steps: 1, stepSize: 0.125, clip: null, labels: "true" },
    });
    const paper = attackOptions({ eps: 0.1, protocol: "cleverhans", clip: [0, 1] });
    expect(paper).toMatchObject({ labels: "predicted", clip: [0, 1] });
  });

  it.each<[string, object, string]>([
    ["a word of no list", { loss: "hinge" }, "loss hinge: expected cross-entropy or brier"],
    ["half an iteration", { iterations: 0.5 }, "iterations 0.5: expected a whole number"],
    ["an endless margin", { margin: Number.POSITIVE_INFINITY }, "margin Infinity: expected"],
    [
      "blocks' option for the dual",
      { freeShare: 0.5 },
      "free-share 0.5: it needs the solver blocks",
    ],
    ["reattack's option without it", { reach: 2 }, "reach 2: it needs reattack"],
    ["an attack without reattack", { attack: { eps: 1 } }, "attack is given without reattack"],
    ["reattack without a radius", { reattack: true }, "needs a radius; give --eps"],
    ["a misspelt option", { marign: 1 }, "did you mean margin?"],
  ])("refuses %s", (_, request, said) => {
    expect(() => pointOptions(request, light)).toThrow(said);
  });

  it("refuses an option of the other recipes by its word", () => {
    const only = (own: object, other: object): string[] =>
      Object.keys(own).filter((name) => !Object.hasOwn(other, name));
    for (const name of only(robustTable, pointTable)) {
      const said = `--${wordOf(name)} does not belong to the recipe paper; give --recipe robust`;
      expect(() => refuseOtherRecipe({ recipe: "paper", [name]: 1 })).toThrow(said);
      expect(() => refuseOtherRecipe({ recipe: "robust", [name]: 1 })).not.toThrow();
    }
    for (const name of only(pointTable, robustTable)) {
      expect(() => refuseOtherRecipe({ recipe: "robust", [name]: 1 })).toThrow("leave it out");
      expect(() => refuseOtherRecipe({ [name]: 1 })).not.toThrow();
    }
  });
});

describe("help", () => {
  const command = addFlags(new Command(), correctFlags);

  it("tells the defaults that are resolved", () => {
    const e = { attack: { eps: 0.1 } };
    const robust = { recipe: "robust", ...e } as const;
    const scenes: Record<string, object> = {
      paper: pointOptions({ recipe: "paper" }, light),
      "--reattack": pointOptions({ reattack: true, ...e }, light),
      "--reattack of 200 points": pointOptions({ reattack: true, ...e }, { ...light, points: 200 }),
      "--solver blocks": pointOptions({ solver: "blocks" }, light),
      "--certify-radius": pointOptions({ certifyRadius: 0.02 }, light),
      "from 20 labels on": pointOptions({}, { ...light, labels: 20 }),
      robust: robustOptions(robust, light),
      "robust, large networks": robustOptions(robust, heavy),
      "--certify": robustOptions({ ...robust, certify: true }, light),
    };
    const usual = {
      ...scenes["--certify"],
      ...scenes["--certify-radius"],
      ...scenes.robust,
      ...scenes["--solver blocks"],
      ...pointOptions({}, light),
    };
    const first: Record<string, unknown> = { ...scenes["--reattack"], ...usual };
    let told = 0;
    for (const option of command.options) {
      const name = option.attributeName();
      const said = /\(default: (.*)\)$/.exec(option.description)?.[1];
      // The range of balls has the flag of attacks.
      if (name === "attack" || name === "clip") continue;
      if (said === undefined || !Object.hasOwn(first, name)) continue;
      const [main, ...others] = said.split("; ");
      expect(main, name).toBe(shown(first[name]));
      for (const other of others) {
        const [words, value] = other.split(": ");
        expect(value, `${name}, ${words}`).toBe(shown((scenes[words] as never)[name]));
        told++;
      }
      told++;
    }
    expect(told).toBeGreaterThan(40);
  });

  it("has a flag for every option", () => {
    const words = new Set(command.options.map(({ long }) => long?.replace("--no-", "--")));
    for (const table of [pointTable, robustTable, attackTable] as Table<never, never>[]) {
      for (const name of Object.keys(table)) expect(words, name).toContain(`--${wordOf(name)}`);
    }
  });
});

describe("documentation", () => {
  const shared = ["run/options"];
  const attack = statedAttack({ eps: 1 }, { use: "reattack", reach: 1 });
  const seen = new Set<string>();

  it.each<[string, readonly string[], object, object]>([
    [
      "given points",
      [...shared, "run/points/options"],
      pointTable,
      {
        ...pointOptions({ reattack: true, attack }, light),
        ...pointOptions({ solver: "blocks" }, light),
        ...pointOptions({ certifyRadius: 0.02 }, light),
        ...pointOptions({}, light),
        certifyRadius: undefined,
      },
    ],
    [
      "a robust correction",
      ["run/robust/options"],
      robustTable,
      {
        ...robustOptions({ recipe: "robust", certify: true, attack }, light),
        ...robustOptions({ recipe: "robust", attack }, light),
        certify: undefined,
      },
    ],
    ["an attack", ["attack/settings"], attackTable, attackOptions({ eps: 1 })],
  ])("of %s says the default that is resolved", (_, files, table, resolved) => {
    const text = files.map((name) => readFileSync(`src/${name}.ts`, "utf8")).join("\n");
    for (const name of Object.keys(table)) {
      const member = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*readonly ${name}\\??:`);
      const said = member.exec(text)?.[1].replace(/\s*\n\s*\* ?/g, " ");
      if (said === undefined || name === "recipe" || name === "attack") continue;
      seen.add(name);
      if (/ no default/.test(said)) {
        expect((table as Table<never, never>)[name as never], name).not.toHaveProperty("default");
        continue;
      }
      const value = (resolved as Record<string, unknown>)[name];
      if (value === undefined) {
        expect(said, name).toContain("Default: ");
        continue;
      }
      // The word after "Default" comes first: its value in the usual case. A formula of eps is told at eps 1.
      const first =
        /\bDefault (?:(?:the mean|by `keep`: clean [\d.]+, balanced) )?(\[.*?\]|[^\s.;,]+(?:\.\d+)?(?: \/ \d+)?)/i;
      const word = first.exec(said)?.[1].replaceAll("`", "");
      const [part, whole] = (word ?? "").split(" / ");
      const told =
        whole === undefined ? word : String((part === "eps" ? 1 : Number.NaN) / Number(whole));
      expect(told?.replace(/^\[(.*), (.*)\]$/, "$1,$2"), name).toBe(
        typeof value === "number" && /^[\d.]+e/.test(told ?? "")
          ? value.toExponential()
          : shown(value),
      );
    }
  });

  it("is there for every option", () => {
    const names = [pointTable, robustTable, attackTable].flatMap((table) => Object.keys(table));
    const silent = names.filter((name) => !seen.has(name));
    expect(new Set(silent)).toEqual(new Set(["recipe", "attack"]));
  });
});

describe("docs/options.md", () => {
  it("is what docs/options.md says", async () => {
    await expect(optionsPage()).toMatchFileSnapshot("../docs/options.md");
  });
});

describe("a value in a text", () => {
  it.each<[string, { read(text: string): unknown; holds(v: unknown): boolean }, string]>([
    ["half a step", wholeNumber(), "1.5"],
    ["no worker processes", wholeNumber(), "0"],
    ["nothing", length("<x>"), " "],
    ["a quotient by nothing", quotient("<x>"), "8/"],
    ["a quotient by 0", quotient("<x>"), "8/0"],
    ["a quotient of three", quotient("<x>"), "8/255/2"],
    ["a radius below 0", quotient("<x>"), "-8/255"],
    ["an endless number", length("<x>"), "Infinity"],
    ["a range upside down", range("<r>"), "1,0"],
    ["a range of three", range("<r>"), "0,1,2"],
    ["an unknown word", oneOf(["fgsm", "pgd"]), "cw"],
    ["a hole in a list", numberList("<l>"), "1,,2"],
    ["a size in a unit of none", bytes, "4 apples"],
    ["a size of nothing", bytes, "0GB"],
  ])("is refused: %s", (_, kind, text) => {
    expect(kind.holds(kind.read(text))).toBe(false);
  });

  it("is a number, a quotient, a list or a range", () => {
    expect(quotient("<x>").read("8/255")).toBe(8 / 255);
    expect(quotient("<x>").read("0.03")).toBe(0.03);
    const told = ["8/255", "0.5/255", "1/3", "0.25", "0.0313725490196"].map((given) => {
      const value = quotient("<x>").read(given)!;
      return asQuotient(value) ?? String(value);
    });
    expect(told).toEqual(["8/255", "1/510", "85/255", "0.25", "0.0313725490196"]);
    expect(["4GB", "1.5mb", "77"].map(bytes.read)).toEqual([4 * 1024 ** 3, 1.5 * 1024 ** 2, 77]);
    expect(length("<x>").read("1e-3")).toBe(0.001);
    expect(numberList("<l>").read("0.5,0.25")).toEqual([0.5, 0.25]);
    expect(range("<r>").read("0,255")).toEqual([0, 255]);
    expect(range("<r>").read("none")).toBeNull();
  });
});
