// Work that goes on after a stop goes on only from the same beginning: what decides its result, by name.

/** What must be the same for work to go on. */
export type Beginning = Readonly<Record<string, string | number>>;

/** Lists in words what differs between two beginnings, records in them included: what one of them lacks differs too. */
export function differing(then: unknown, now: unknown, name = ""): string[] {
  if (isRecord(then) && isRecord(now)) {
    return [...new Set([...Object.keys(then), ...Object.keys(now)])].flatMap((key) =>
      differing(then[key], now[key], name === "" ? key : `${name}.${key}`),
    );
  }
  return then === now ? [] : [`${name} ${inWords(then)}, now ${inWords(now)}`];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const inWords = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);
