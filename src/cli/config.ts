// --config FILE: options from a YAML or JSON file, as if they stood on the command line before the others.
import { readFileSync } from "node:fs";
import type { Command, Option } from "commander";
import { insteadOf, TemperError } from "../errors.ts";
import { wordOf } from "../options/table.ts";

/**
 * The words of a command line, with those of its --config file between the command and its own. Of the file, what the
 * command line states itself is left out.
 *
 * @param argv without Node and the script
 * @throws TemperError `file-missing`, or `bad-option` naming the file's line
 */
export async function withConfig(program: Command, argv: readonly string[]): Promise<string[]> {
  const path = argumentOf(argv, "--config");
  const command = program.commands.find((one) => one.name() === argv[0]);
  if (path === undefined || command === undefined) return [...argv];
  const entries = await readEntries(path);
  const words = entries.flatMap(({ key, value, line }) => {
    const where = `${path}, line ${line}`;
    const option = optionNamed(command, key, where);
    if (option.long === "--config") throw refusal(where, "a configuration names no other");
    return isGiven(argv, option) ? [] : wordsOf(option, value, where);
  });
  return [argv[0], ...words, ...argv.slice(1)];
}

interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly line: number;
}

/** The entries of the file with their lines. */
async function readEntries(path: string): Promise<Entry[]> {
  const { isMap, isNode, LineCounter, parseDocument } = await import("yaml");
  const lineCounter = new LineCounter();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new TemperError(
      "file-missing",
      `cannot read the configuration "${path}": ${(cause as Error).message}`,
      { cause },
    );
  }
  const document = parseDocument(text, { lineCounter });
  const lineAt = (offset = 0): number => lineCounter.linePos(offset).line;
  const [error] = document.errors;
  if (error !== undefined) {
    throw refusal(`${path}, line ${lineAt(error.pos[0])}`, error.message.split("\n")[0]);
  }
  const { contents } = document;
  if (!isMap(contents)) throw refusal(path, "expected options and their values, as eps: 0.1");
  return contents.items.map(({ key, value }) => ({
    key: String(key),
    value: isNode(value) ? value.toJSON() : value,
    line: lineAt(isNode(key) ? key.range?.[0] : 0),
  }));
}

/** The command's option of a word, which may be written as on the command line or as in the library. */
function optionNamed(command: Command, key: string, where: string): Option {
  const word = wordOf(key);
  const found = command.options.find(({ long }) => long === `--${word}` || long === `--no-${word}`);
  if (found !== undefined) return found;
  const known = command.options.map((option) => wordOf(option.attributeName()));
  throw refusal(where, `${command.name()} has no option "${key}"\n${insteadOf(word, known)}`);
}

const isGiven = (argv: readonly string[], { long, negate }: Option): boolean =>
  argv.some((word) => {
    const [name] = word.split("=");
    return name === long || (negate && name === long?.replace("--no-", "--"));
  });

/** An entry as words of the command line; its value is checked, so that a refusal names the line. */
function wordsOf(option: Option, value: unknown, where: string): string[] {
  const long = option.long!;
  const takesText = option.required || (option.optional && typeof value === "string");
  if (!takesText) {
    if (typeof value !== "boolean") throw refusal(where, `${long}: expected true or false`);
    return value === option.negate ? [] : [long];
  }
  const isList = Array.isArray(value) && option.description.includes("several times");
  return (isList ? (value as unknown[]) : [value]).flatMap((one) => {
    const text = one === null ? "none" : Array.isArray(one) ? one.join(",") : String(one);
    try {
      option.parseArg?.(text, undefined);
    } catch (cause) {
      throw refusal(where, `${long} ${text} is invalid. ${(cause as Error).message}`);
    }
    return [`${long}=${text}`];
  });
}

function argumentOf(argv: readonly string[], long: string): string | undefined {
  const at = argv.findIndex((word) => word === long || word.startsWith(`${long}=`));
  if (at < 0) return undefined;
  return argv[at] === long ? argv[at + 1] : argv[at].slice(long.length + 1);
}

const refusal = (where: string, what: string): TemperError =>
  new TemperError("bad-option", `${where}: ${what}`);
