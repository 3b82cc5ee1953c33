// Flags of the command line: a command lists them as rows, and they become commander's options and its help.
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Kind } from "../options/kinds.ts";
import { wordOf } from "../options/table.ts";

/** What is known of a flag; a row of a table of options is one. */
export interface Flag {
  readonly kind: Kind<unknown>;
  /** The heading it stands under in help. */
  readonly group: string;
  readonly help: string;
  /** Whether `--help` shows it, or only `--help all`. */
  readonly everyday?: boolean | undefined;
  readonly required?: boolean | undefined;
  /** Its default in words. For a row of a table of options, scenes tell it. */
  readonly usual?: string | undefined;
  /** Whether it may be given several times; its values are then a list. */
  readonly several?: boolean | undefined;
}

/** Flags by the names of their values. */
export type Flags = Readonly<Record<string, Flag>>;

/** Stands for null, which commander takes for a failure. */
const NULL = Symbol("null");

/** Options that only `--help all` shows. */
const rare = new WeakSet<Option>();
export const isRare = (option: Option): boolean => rare.has(option);

/** Reads the text of one value. */
function parserOf({ kind, several }: Flag) {
  return (text: string, before: unknown): unknown => {
    const value = kind.read(text);
    if (value === undefined || !kind.holds(value)) {
      throw new InvalidArgumentError(`Expected ${kind.expected}.`);
    }
    if (several) return [...((before as unknown[] | undefined) ?? []), value];
    return value === null ? NULL : value;
  };
}

/** The headings of help, in their order. */
export const GROUPS = [
  "What goes in",
  "What comes out",
  "Recipe",
  "Trade-off",
  "Attack",
  "Recipe robust",
  "Cuts and subproblem (13)",
  "Training",
  "Model",
  "Work",
];

/** A command with no more flags than this shows all of them. */
const FEW = 8;

/** Adds flags to a command, group by group. */
export function addFlags(command: Command, flags: Flags): Command {
  const few = Object.keys(flags).length <= FEW;
  const place = ([, { group }]: [string, Flag]): number => GROUPS.indexOf(group);
  for (const [name, flag] of Object.entries(flags).toSorted((a, b) => place(a) - place(b))) {
    const { kind, group, help, usual, several, everyday, required } = flag;
    const negated = kind.placeholder === undefined && usual === "true";
    const word = `--${negated ? "no-" : ""}${wordOf(name)}`;
    const usage = kind.placeholder === undefined ? word : `${word} ${kind.placeholder}`;
    const more = several ? "; may be given several times" : "";
    const otherwise = usual === undefined || negated ? "" : ` (default: ${usual})`;
    const option = new Option(usage, `${help}${more}${otherwise}`).helpGroup(`${group}:`);
    if (kind.placeholder !== undefined) option.argParser(parserOf(flag));
    if (required) option.makeOptionMandatory();
    if (!(everyday || required || few)) rare.add(option);
    command.addOption(option);
  }
  return command;
}

/** The values that were given, by the names of their flags; commander's own default of a negated flag is none. */
export function givenIn(command: Command): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(command.opts())
      .filter(([name]) => command.getOptionValueSource(name) !== "default")
      .map(([name, value]) => [name, value === NULL ? null : value]),
  );
}
