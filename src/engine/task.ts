// What a shard's function sees wherever it runs: the shared values, and what it derived from them.

/** A module's URL and the name of a function it exports; the function is a TaskFunction. */
export interface TaskName {
  readonly module: string;
  readonly name: string;
}

export interface TaskState {
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
      if (values.get(key) === value) return;
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
