// A table of options: a row states all that is known of one, and `resolve` fills in and checks by it.
//
// The command line takes its flags and its help from the rows, the library its defaults and refusals, and
// docs/options.md is printed from them. A new option is a member of an interface and a row of its table.
import { refuseUnknown, TemperError } from "../errors.ts";
import type { Kind } from "./kinds.ts";

/** One option. O: all options of its table, resolved; F: what else a default may depend on. */
export interface Row<V, O, F> {
  readonly kind: Kind<V>;
  /** The heading it stands under in help. */
  readonly group: string;
  /** Whether it is one of the dozen that `--help` shows; the others need `--help all`. */
  readonly everyday?: boolean | undefined;
  /** What it does, without its default. */
  readonly help: string;
  /**
   * The value where none is given: a constant, or a function of the options that stand before it in the table.
   * Absent where the option then has no value.
   */
  readonly default?: ((options: Readonly<Partial<O>>, facts: F) => V | undefined) | undefined;
  /** Whether it must be given: then it has no default. */
  readonly required?: boolean | undefined;
  /** The default in words, where it is a formula of other options. */
  readonly told?: ((options: Readonly<Partial<O>>, facts: F) => string) | undefined;
  /** The option has a meaning only where `holds`; it is refused elsewhere, with these words. */
  readonly needs?:
    | { readonly words: string; readonly holds: (options: Readonly<Partial<O>>) => boolean }
    | undefined;
}

/** A row for every option. The order counts: a default may look at the options before it. */
export type Table<O, F> = { readonly [K in keyof O]-?: Row<Exclude<O[K], undefined>, O, F> };

/** Options as they are asked for: whatever has a default may be left out. */
export type Request<O> = { readonly [K in keyof O]?: O[K] | undefined };

/** An option as the command line writes it, without the dashes: `lossSlack` is `loss-slack`. */
export const wordOf = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * Fills in what a request leaves open, and checks what it states. Resolving what is resolved changes nothing.
 *
 * @param call what is called, for the refusal of an unknown option
 * @throws TemperError `bad-option` naming the option, what was given and what is expected
 */
export function resolve<O extends object, F>(
  table: Table<O, F>,
  request: Request<O>,
  { facts, call }: { readonly facts: F; readonly call: string },
): O {
  refuseUnknown(request, namesIn(table), call);
  const options: Partial<O> = {};
  for (const name of Object.keys(table) as (keyof O & string)[]) {
    const row: Row<unknown, O, F> = table[name];
    const given = request[name];
    if (row.needs !== undefined && !row.needs.holds(options)) {
      if (given !== undefined) refuse(name, given, `it needs ${row.needs.words}`);
      continue;
    }
    const value = given === undefined ? row.default?.(options, facts) : given;
    if (value === undefined && row.required !== true) continue;
    if (!row.kind.holds(value)) refuse(name, value, `expected ${row.kind.expected}`);
    options[name] = value as O[typeof name];
  }
  return options as O;
}

/** The names of a table's options. */
export const namesIn = <T extends object>(table: T): Readonly<Record<keyof T & string, true>> =>
  Object.fromEntries(Object.keys(table).map((name) => [name, true])) as Record<
    keyof T & string,
    true
  >;

/** The options of a table among those of a larger call. */
export const partOf = <O extends object, F>(table: Table<O, F>, call: object): Request<O> =>
  Object.fromEntries(
    Object.entries(call).filter(([name]) => Object.hasOwn(table, name)),
  ) as Request<O>;

function refuse(name: string, given: unknown, why: string): never {
  throw new TemperError("bad-option", `${wordOf(name)} ${given}: ${why}`);
}

/** A situation in which an option is left out, and the words by which help tells it from the others. */
export interface Scene<O, F> {
  readonly words: string;
  /** The scene it is a case of, by its words: a default that is the same there is not told again. */
  readonly of?: string | undefined;
  readonly table: Table<O, F>;
  readonly options: Partial<O>;
  readonly facts: F;
}

/** A value as the command line would take it. */
export const shown = (value: unknown): string =>
  value === null ? "none" : Array.isArray(value) ? value.join(",") : String(value);

/**
 * The default of an option in words, from what it is in each scene: the first scene's, then those that differ
 * from it, or from the scene they are a case of. Empty where there is none.
 */
export function defaultInWords<O, F>(name: string, scenes: readonly Scene<O, F>[]): string {
  const parts: string[] = [];
  const told = new Map<string, string>();
  for (const { words, of, table, options, facts } of scenes) {
    const row = (table as Readonly<Record<string, Row<unknown, O, F> | undefined>>)[name];
    if (row === undefined || row.needs?.holds(options) === false) continue;
    const value = row.told?.(options, facts) ?? row.default?.(options, facts);
    if (value === undefined || value === false) continue;
    const text = shown(value);
    const before = told.get(of ?? scenes[0].words) ?? told.values().next().value;
    if (before === undefined) parts.push(text);
    else if (text !== before) parts.push(`${words}: ${text}`);
    told.set(words, text);
  }
  return parts.join("; ");
}
