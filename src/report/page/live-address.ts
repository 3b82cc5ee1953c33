// How a live page addresses its server: by the token in its own address, which no other page knows.

/** `token=...`, as the address of this page has it. */
export const liveToken = (): string =>
  `token=${encodeURIComponent(new URLSearchParams(location.search).get("token") ?? "")}`;
