// Chooses images by their labels: as many of each, or of each label the share that it has of all.

/**
 * Chooses N of the candidates, each label giving floor(N / labels); the remainder, and what a label
 * lacks, comes from the others in the order given. `notes` says so in words.
 */
export function chooseBalanced<T extends { readonly label: number }>(
  candidates: readonly T[],
  total: number,
  labels: number,
): { readonly chosen: T[]; readonly notes: readonly string[] } {
  const share = Math.floor(total / labels);
  const taken = new Map<number, number>();
  const chosen = new Set<T>();
  for (const candidate of candidates) {
    const n = taken.get(candidate.label) ?? 0;
    if (n >= share) continue;
    taken.set(candidate.label, n + 1);
    chosen.add(candidate);
  }
  const short = Array.from({ length: labels }, (_, label) => label).filter(
    (label) => (taken.get(label) ?? 0) < share,
  );
  const balanced = chosen.size;
  for (const candidate of candidates) {
    if (chosen.size >= total) break;
    chosen.add(candidate);
  }
  const filled = chosen.size > balanced ? "; filled from the others" : "";
  const who = short.length === 1 ? `label ${short[0]} has` : `labels ${short.join(", ")} have`;
  const notes = [
    ...(short.length > 0 ? [`${who} fewer than ${share} broken images${filled}`] : []),
    ...(total % labels !== 0 && short.length === 0 && chosen.size > balanced
      ? [
          `${total} is not a multiple of ${labels} labels: ${chosen.size - balanced} more from any label`,
        ]
      : []),
    ...(chosen.size < total ? [`only ${chosen.size} of ${total} points could be found`] : []),
  ];
  return { chosen: candidates.filter((candidate) => chosen.has(candidate)), notes };
}

/**
 * Chooses N of the candidates so that each label has the share that it has among them: the whole part of its quota,
 * and one more where the largest fractions are (Hamilton's method). Of a label the first in the order given are taken.
 */
export function chooseByShare<T extends { readonly label: number }>(
  candidates: readonly T[],
  total: number,
): T[] {
  const counts = new Map<number, number>();
  for (const { label } of candidates) counts.set(label, (counts.get(label) ?? 0) + 1);
  const quotas = [...counts]
    .map(([label, n]) => ({ label, quota: (n * total) / candidates.length }))
    .toSorted((a, b) => (b.quota % 1) - (a.quota % 1) || a.label - b.label);
  const left = new Map(quotas.map(({ label, quota }) => [label, Math.floor(quota)]));
  const missing = total - [...left.values()].reduce((a, n) => a + n, 0);
  for (const { label } of quotas.slice(0, missing)) left.set(label, left.get(label)! + 1);
  return candidates.filter(({ label }) => {
    const n = left.get(label)!;
    left.set(label, n - 1);
    return n > 0;
  });
}
