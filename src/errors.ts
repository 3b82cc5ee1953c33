// The one error class of Temper and the closed list of its codes.

/**
 * Why a call was refused. Failure to *solve* is never an error but a status in the result; an error
 * means that the call could not be understood or its input could not be used.
 */
export type ErrorCode =
  /** A path that does not exist or cannot be read. */
  | "file-missing"
  /** An output that must not be overwritten. */
  | "file-exists"
  /** Not ONNX, truncated, or outside the limits. */
  | "model-unreadable"
  /** Readable ONNX with an operator, attribute, type or shape we have no rule for. */
  | "model-unsupported"
  /** A data file that is not what its name says. */
  | "data-unreadable"
  /** Data whose shape, labels or values do not fit the model. */
  | "data-mismatch"
  /** An option out of range, or options that contradict each other. */
  | "bad-option"
  /** A RUN folder that is incomplete or was changed. */
  | "run-unreadable"
  /** No mirror gave a published file with the right checksum. */
  | "download-failed"
  /** A worker process died more often than a shard may be tried. */
  | "worker-failed"
  /** The queue of workers on other machines does not answer, or no longer. */
  | "queue-unreachable"
  /** What was asked for needs more memory than there is. */
  | "out-of-memory"
  /** The caller's AbortSignal fired. */
  | "aborted";

/** Thrown for misuse. `message` says what, what was given, and what to do, in at most three lines. */
export class TemperError extends Error {
  /** Why, as one of a closed list: what a program decides by. */
  readonly code: ErrorCode;

  /** The message and `options.cause` are those of any Error. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TemperError";
    this.code = code;
  }
}

/** What lies behind an error, in the words of whoever threw first, such as onnxruntime. */
export function rawWords({ cause }: Error): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return rawWords(cause) ?? (cause instanceof TemperError ? undefined : cause.message);
}

/** An error on its way between processes. */
export interface Failure {
  readonly message: string;
  readonly code?: ErrorCode | undefined;
  /** What lies behind it, in other words than ours. */
  readonly raw?: string | undefined;
}

export const failureOf = (error: Error): Failure => ({
  message: error.message,
  ...(error instanceof TemperError && { code: error.code, raw: rawWords(error) }),
});

/** The error that a failure was made of, as far as it tells. */
export function errorOf({ code, message, raw }: Failure): Error {
  if (code === undefined) return new Error(message);
  return new TemperError(code, message, raw === undefined ? {} : { cause: new Error(raw) });
}

/** Throws `aborted` when the caller asked to stop; long loops call it between two steps. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TemperError("aborted", "stopped on request");
}

/**
 * Refuses an option unless `holds`.
 *
 * @param option the option's name as the command line writes it
 * @throws TemperError `bad-option` naming the option, what was given and what is expected
 */
export function demand(holds: boolean, option: string, given: unknown, expected: string): void {
  if (!holds) throw new TemperError("bad-option", `${option} ${given}: expected ${expected}`);
}

/** The nearest of some words by edit distance, where it is near enough to be meant. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
      row = row.reduce<number[]>((next, above, j) => {
        const diagonal = j === 0 ? i : row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
        next.push(j === 0 ? i : Math.min(diagonal, above + 1, next[j - 1] + 1));
        return next;
      }, []);
    }
    return row[b.length];
  };
  const [best] = words.toSorted((a, b) => distance(word, a) - distance(word, b));
  return best !== undefined && distance(word, best) <= 2 ? best : undefined;
}

/** What to say of a word that is not one of these: the nearest, or all of them. */
export function insteadOf(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
}

/**
 * Refuses an option that does not exist: a misspelt one would otherwise be ignored in silence.
 *
 * @param known every option of the call, by name
 * @throws TemperError `bad-option` naming it and the nearest known one
 */
export function refuseUnknown(
  given: object,
  known: Readonly<Record<string, true>>,
  call: string,
): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const advice = insteadOf(unknown, Object.keys(known));
  throw new TemperError("bad-option", `${call} has no option "${unknown}"\n${advice}`);
}
