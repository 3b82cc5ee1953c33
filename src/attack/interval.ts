// How far a share measured on a sample may be from the true one: Wilson's interval at 95 %.

/** Of the standard normal, 97.5 % lie below. */
const Z = 1.959963984540054;

/**
 * The shares p that k of n do not contradict at 95 %: those with (k/n - p)^2 <= z^2 p (1 - p) / n
 * (Wilson, JASA 1927). Unlike k/n +- z sd it stays in [0, 1] and has a width at 0 of n.
 *
 * @param n 1 or more
 */
export function wilsonInterval(k: number, n: number): readonly [low: number, high: number] {
  const share = k / n;
  const spread = (Z * Z) / n;
  const centre = share + spread / 2;
  const half = Math.sqrt(spread * (share * (1 - share) + spread / 4));
  // The ends meet 0 and 1 exactly where none or all are right, whatever the rounding.
  return [
    k === 0 ? 0 : (centre - half) / (1 + spread),
    k === n ? 1 : (centre + half) / (1 + spread),
  ];
}
