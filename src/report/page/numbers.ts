// Numbers in the reader's own way of writing them, none of them more exact than it is.
import type { Axis } from "../axes.ts";

const significant = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat(undefined, {
  style: "percent",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const signed = new Intl.NumberFormat(undefined, {
  signDisplay: "exceptZero",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const exponent = new Intl.NumberFormat(undefined, {
  notation: "scientific",
  maximumSignificantDigits: 3,
});

/** Four digits; a dash for what is not known. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e7)
    ? exponent.format(value)
    : significant.format(value);
}

const four = new Intl.NumberFormat(undefined, {
  minimumSignificantDigits: 4,
  maximumSignificantDigits: 4,
});

/** Always four digits, so that numbers under each other can be compared. */
export const measured = (value: number | null | undefined): string =>
  value && Math.abs(value) >= 1e-3 && Math.abs(value) < 1e7 ? four.format(value) : number(value);

export const count = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : whole.format(value);

/** A share in [0, 1] as a percentage. */
export const share = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : percent.format(value);

/** The difference of two shares, in percentage points with their sign. */
export const change = (value: number): string => signed.format(100 * value);

/** Seconds as people say them. */
export function seconds(value: number): string {
  if (value < 60) return `${significant.format(Number(value.toPrecision(2)))} s`;
  const minutes = Math.floor(value / 60);
  if (minutes < 60) return `${whole.format(minutes)} min ${whole.format(Math.round(value % 60))} s`;
  return `${whole.format(Math.floor(minutes / 60))} h ${whole.format(minutes % 60)} min`;
}

/** A value of an axis. */
export function onAxis({ kind }: Pick<Axis, "kind">, value: number | null): string {
  if (kind === "share") return share(value);
  return kind === "count" ? count(value) : measured(value);
}

/** `1 image`, `2 images`. */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;
