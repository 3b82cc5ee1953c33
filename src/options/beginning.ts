// Work that goes on after a stop goes on only from the same beginning: what decides its result, by name.

/** What must be the same for work to go on. */
export type Beginning = Readonly<Record<string, string | number>>;

/** Lists in words what differs between two beginnings: what one of them lacks differs too. */
export function differing(then: Beginning, now: Beginning): string[] {
  return [...new Set([...Object.keys(then), ...Object.keys(now)])]
    .filter((name) => then[name] !== now[name])
    .map((name) => `${name} ${then[name]}, now ${now[name]}`);
}
