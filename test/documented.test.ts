// What an editor completes for the library's calls: every option shows its documentation.
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const file = join(process.cwd(), "src/index.ts");
const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd());
const program = ts.createProgram([file], { ...options, noEmit: true });
const types = program.getTypeChecker();

/** What an editor shows of each property of a public type. */
function documentationOf(name: string): Map<string, string> {
  const source = program.getSourceFile(file)!;
  const exported = types.getExportsOfModule(types.getSymbolAtLocation(source)!);
  const symbol = exported.find((each) => each.name === name)!;
  const type = types.getDeclaredTypeOfSymbol(types.getAliasedSymbol(symbol));
  return new Map(
    type
      .getProperties()
      .map((p) => [p.name, ts.displayPartsToString(p.getDocumentationComment(types))]),
  );
}

describe("an editor", () => {
  it.each([
    ["PointCall", 30],
    ["RobustCall", 30],
    ["AttackCall", 15],
    ["EvaluateCall", 6],
    ["TrainOptions", 12],
  ])("shows the documentation of every option of %s", (name, least) => {
    const documentation = documentationOf(name);
    expect(documentation.size).toBeGreaterThanOrEqual(least);
    const silent = [...documentation].filter(([, text]) => text.length < 10).map(([p]) => p);
    expect(silent).toEqual([]);
  });
});
