// The parts of docs/operators.md that the table of rules writes: what has a gradient, a stand-in, needs none.
import { discrete, type Rule, stepped } from "../../src/autodiff/rule.ts";
import { rules } from "../../src/autodiff/rules.ts";
import type { BoundRule } from "../../src/bounds/rule.ts";
import { boundRules } from "../../src/bounds/rules.ts";

const counted = ["first", "second", "third", "fourth", "fifth", "sixth"];

/** Which inputs may carry a gradient, in words. */
function inputsOf({ differentiable }: Rule): string {
  if (differentiable === undefined) return "all";
  const words = differentiable.map((i) => counted[i]);
  return `the ${[words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" and ")}`;
}

const listed = (names: Iterable<string>): string =>
  [...names]
    .toSorted()
    .map((name) => `\`${name}\``)
    .join(", ");

const row = ([op, rule]: readonly [string, Rule]): string => {
  const attributes = listed(rule.attributes) || "none";
  return `| \`${op}\` | ${attributes} | ${inputsOf(rule)} | ${rule.notes ?? ""} |`;
};

function table(isWanted: (rule: Rule) => boolean): string {
  const head = [
    "| operator | attributes handled | inputs with a gradient | notes |",
    "|---|---|---|---|",
  ];
  return [...head, ...[...rules].filter(([, rule]) => isWanted(rule)).map(row)].join("\n");
}

/** Broken where a line would be too long, at the spaces. */
const wrapped = (text: string): string => text.replace(/(.{1,110})(?: |$)/g, "$1\n").trimEnd();

/** How bounds pass an operator. */
const boundOf = ({ kind }: BoundRule): string =>
  kind === "curved" ? "between two lines" : "exactly as the operator does";

const bounds = [
  "| operator | attributes handled | linear bounds go through it |",
  "|---|---|---|",
  ...[...boundRules].map(
    ([op, rule]) => `| \`${op}\` | ${listed(rule.attributes) || "none"} | ${boundOf(rule)} |`,
  ),
].join("\n");

const parts: ReadonlyMap<string, string> = new Map([
  ["gradients", table(({ straightThrough = false }) => !straightThrough)],
  ["stand-ins", table(({ straightThrough = false }) => straightThrough)],
  ["whole numbers", wrapped(listed(discrete))],
  ["steps", wrapped(listed(stepped))],
  ["bounds", bounds],
]);

/** The page with these parts written anew, each between its two marks. */
export function withRules(page: string): string {
  return [...parts].reduce((text, [name, part]) => {
    const marked = new RegExp(`(<!-- from the rules: ${name} -->\n)[^]*?(<!-- end -->)`);
    if (!marked.test(text)) throw new Error(`the page has no part "${name}"`);
    return text.replace(marked, (_, open, close) => `${open}${part}\n${close}`);
  }, page);
}
