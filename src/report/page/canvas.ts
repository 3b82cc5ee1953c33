// Canvases that are drawn again and again.

/** The context of a canvas, empty, in pixels of the page. */
export function emptied(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d")!;
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}

/**
 * Whether the page is drawn for paper: a canvas is then kept as a list of strokes, in which clearing it wipes out all
 * that lies under it too.
 */
export const isOnPaper = (): boolean => document.documentElement.classList.contains("paper");
