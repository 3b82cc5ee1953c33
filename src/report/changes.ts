// What is new between two JSON documents: a live page is told that alone, not every candidate again and again.

/** What becomes of a value: another one, or the same with changes inside. */
export type Change =
  | { readonly to: unknown }
  | {
      /** By key, or by index. */
      readonly at: Readonly<Record<string, Change>>;
      /** Keys that are no more. */
      readonly without?: readonly string[];
      /** Of an array, its new length where that is another. */
      readonly length?: number;
    };

/** What must change in `before` to make it `after`; undefined where nothing must. Both are JSON. */
export function changeOf(before: unknown, after: unknown): Change | undefined {
  if (before === after) return undefined;
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after)) {
    return { to: after };
  }
  const at = Object.fromEntries(
    keysOf(after).flatMap((key) => {
      const change = Object.hasOwn(before, key)
        ? changeOf(before[key], after[key])
        : { to: after[key] };
      return change === undefined ? [] : [[key, change]];
    }),
  );
  const without = keysOf(before).filter((key) => after[key] === undefined);
  const shorter = Array.isArray(before) && before.length > (after.length as number);
  if (Object.keys(at).length === 0 && without.length === 0) return undefined;
  return {
    at,
    ...(shorter && { length: after.length as number }),
    ...(!shorter && without.length > 0 && { without }),
  };
}

/** The document after a change; what did not change in it is shared with the one before. */
export function changed(before: unknown, change: Change): unknown {
  if ("to" in change) return change.to;
  const { at, without = [], length } = change;
  const tree = before as Tree;
  const entries = Object.entries(at).map(([key, one]): [string, unknown] => [
    key,
    changed(Object.hasOwn(tree, key) ? tree[key] : undefined, one),
  ]);
  if (Array.isArray(before)) {
    const list: unknown[] = before.slice(0, length);
    for (const [key, value] of entries) list[Number(key)] = value;
    return list;
  }
  const kept = Object.entries(tree).filter(([key]) => !without.includes(key));
  return Object.fromEntries([...kept, ...entries]);
}

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** A key without a value is none in JSON. */
const keysOf = (tree: Tree): string[] => Object.keys(tree).filter((key) => tree[key] !== undefined);
