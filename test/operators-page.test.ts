// docs/operators.md says of each operator what its rule says: `npx vitest run test/operators-page.test.ts -u`
// writes it.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withRules } from "./helpers/operators-page.ts";

const PAGE = "docs/operators.md";

test("docs/operators.md is what the rules write", async () => {
  await expect(withRules(readFileSync(PAGE, "utf8"))).toMatchFileSnapshot(`../${PAGE}`);
});

test("a changed row, and a part without its marks, are noticed", () => {
  const page = readFileSync(PAGE, "utf8");
  expect(withRules(page.replace("| `Abs` | none |", "| `Abs` | some |"))).toBe(withRules(page));
  expect(() => withRules(page.replace("<!-- from the rules: steps -->", ""))).toThrow('"steps"');
});
