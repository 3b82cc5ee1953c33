// The rules of accessibility that a program can test, by axe-core, on a page that is open.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const program = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds: the rule, and the first elements that break it. The page's policy does not bind a debugger. */
export async function faultsOf(page: Page): Promise<string[][]> {
  await page.evaluate(program);
  const { violations } = (await page.evaluate("axe.run()")) as {
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  };
  return violations.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html)]);
}
