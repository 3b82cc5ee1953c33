// docs/options.md, printed from the flags of temper correct.
import { correctFlags } from "../../src/cli/correct-flags.ts";
import { type Flag, GROUPS } from "../../src/cli/flags.ts";
import { wordOf } from "../../src/options/table.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|");

function rowOf([name, flag]: [string, Flag]): string {
  const { kind, help, usual, everyday, required } = flag;
  const negated = kind.placeholder === undefined && usual === "true";
  const word = `--${negated ? "no-" : ""}${wordOf(name)}`;
  const value = kind.placeholder === undefined ? "" : ` ${kind.placeholder}`;
  const otherwise = required ? "must be given" : negated ? "" : (usual ?? "");
  const where = everyday || required ? "yes" : "";
  return `| \`${word}${cell(value)}\` | ${cell(help)} | ${otherwise} | ${where} |`;
}

export function optionsPage(): string {
  const flags = Object.entries(correctFlags);
  const sections = GROUPS.map((group) => {
    const rows = flags.filter(([, flag]) => flag.group === group);
    if (rows.length === 0) return "";
    return [
      `## ${group}`,
      "",
      "| flag | what it does | default | in `--help` |",
      "|---|---|---|---|",
      ...rows.map(rowOf),
    ].join("\n");
  }).filter((section) => section !== "");
  return `# The options of temper correct

Printed from the tables that the command and the library read.
\`npx vitest run test/options.test.ts -u\` prints it anew.
In TypeScript an option has the same name in camel case (\`lossSlack\`); those of the attack lie in \`attack\`.
Several defaults depend on the recipe, on \`--reattack\`, and on the size of the network: a network is large from ten
million floating-point operations an image on. \`--config FILE\` takes any of them from a YAML or JSON file, by these
words, and \`--like RUN\` takes those of an earlier run.

${sections.join("\n\n")}
`;
}
