// A process that is asked something and works on it for ever, deaf to Ctrl-C: only SIGKILL ends it.
process.on("SIGINT", () => {});
process.on("message", () => {
  for (;;);
});
