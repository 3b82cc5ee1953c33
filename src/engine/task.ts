// What a task is: a function by name, called with an argument and what its process shares and has derived.

/** A module's URL and the name of a function it exports; the function is a TaskFunction. */
export interface TaskName {
  readonly module: string;
  readonly name: string;
}

/** What a map of a task over arguments is called with. */
export interface MapOptions {
  /** Called after each finished task with the number done; the order of finishing is free. */
  readonly onDone?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Is shown the results in the order of the arguments, and ends the work early where it returns true. */
export type Visit<R> = (result: R) => unknown;

export interface TaskState {
  /** Replaces a shared value, unless it is the same as `isSame` tells. */
  set(key: string, value: unknown): void;
  get<T>(key: string): T;
  /**
   * What `make` derives from the shared values named in `keys`, kept until one of them is replaced;
   * `drop` then frees it.
   */
  derive<T>(
    name: string,
    keys: readonly string[],
    make: () => Promise<T>,
    drop?: (old: T) => Promise<void>,
  ): Promise<T>;
  clear(): Promise<void>;
}

export type TaskFunction<A, R> = (state: TaskState, arg: A) => Promise<R>;

interface Derived {
  readonly versions: string;
  readonly value: unknown;
  drop(): Promise<void>;
}

export function createTaskState(): TaskState {
  const values = new Map<string, unknown>();
  const versions = new Map<string, number>();
  const derived = new Map<string, Derived>();
  return {
    set: (key, value) => {
      if (isSame(values.get(key), value)) return;
      values.set(key, value);
      versions.set(key, (versions.get(key) ?? 0) + 1);
    },
    get: <T>(key: string) => {
      if (!values.has(key)) throw new Error(`"${key}" was not shared with the workers`);
      return values.get(key) as T;
    },
    derive: async <T>(
      name: string,
      keys: readonly string[],
      make: () => Promise<T>,
      drop: (old: T) => Promise<void> = async () => {},
    ) => {
      const current = keys.map((key) => versions.get(key) ?? 0).join(" ");
      const known = derived.get(name);
      if (known?.versions === current) return known.value as T;
      await known?.drop();
      const value = await make();
      derived.set(name, { versions: current, value, drop: () => drop(value) });
      return value;
    },
    clear: async () => {
      for (const { drop } of derived.values()) await drop();
      derived.clear();
      values.clear();
    },
  };
}

/**
 * Whether two shared values are equal, to the bit: arrays of numbers, and records, lists and maps of such. Any other
 * objects are the same only where they are one.
 */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    return a.constructor === b.constructor && bytesOf(a).equals(bytesOf(b));
  }
  if (a instanceof Map && b instanceof Map) return isSame([...a], [...b]);
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return keys.length === others.length && keys.every((key) => key in b && isSame(a[key], b[key]));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" &&
  value !== null &&
  (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);
