// Whether a network's answers have anything to do with the labels: a test against what needs no network.

/** What is known of a network's answers to some images. */
export interface Answers {
  /** How many of the images are right. */
  readonly right: number;
  readonly of: number;
  /** How many images of the data have each label, [labels]. */
  readonly labelled: Float64Array;
  /** How often each label was answered, on these images or on a sample of them, [labels]. */
  readonly answered: Float64Array;
}

/** What is true by chance of one network in a hundred is no evidence. */
const LEVEL = 0.01;

/**
 * P(X >= k) of X binomial in n draws with probability p, summed in logarithms.
 *
 * @param k from 0 to n
 * @param p from 0 to 1
 */
export function binomialTail(k: number, n: number, p: number): number {
  if (k <= 0 || p >= 1) return 1;
  if (p <= 0) return 0;
  let log = 0; // of the probability of exactly k: n choose k first
  for (let i = 1; i <= k; i++) log += Math.log((n - k + i) / i);
  log += k * Math.log(p) + (n - k) * Math.log1p(-p);
  let sum = 0;
  for (let i = k; i <= n; i++) {
    sum += Math.exp(log);
    log += Math.log(((n - i) / (i + 1)) * (p / (1 - p)));
  }
  return Math.min(1, sum);
}

const total = (counts: Float64Array): number => counts.reduce((a, c) => a + c, 0);

/**
 * Whether the answers are no better than chance, at 99 %: than the most frequent label for every image, or 1 of
 * the labels where that is more; nor than the same answers given to the images in another order, which a network
 * that knows a rare label beats. Where the images are so few that even all of them right would be no evidence,
 * the share alone is compared.
 */
export function isChance({ right, of, labelled, answered }: Answers): boolean {
  const [images, asked] = [total(labelled), total(answered)];
  const shares = labelled.map((count) => count / images);
  const even = 1 / labelled.length;
  // Of a set with one label a network that says it always has learnt nothing less than another.
  const single = shares.some((share) => share === 1);
  const most = single ? even : Math.max(even, ...shares);
  const shuffled = single
    ? even
    : shares.reduce((sum, share, label) => sum + (share * answered[label]) / asked, 0);
  const beats = (p: number): boolean =>
    binomialTail(of, of, p) > LEVEL ? right / of > p : binomialTail(right, of, p) <= LEVEL;
  return !beats(most) && !beats(shuffled);
}
