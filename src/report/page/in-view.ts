// Work that waits until the reader comes to it: hundreds of rows cost nothing before, nor does a slider far above.

const waiting = new Map<Element, () => void>();

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) run(target);
  },
  { rootMargin: "400px" },
);

/** Draws once the element is in view, or nearly; asked again before that, the later call stands for both. */
export function whenInView(element: Element, draw: () => void): void {
  waiting.set(element, draw);
  observer.unobserve(element); // so that an element that is in view already is reported again
  observer.observe(element);
}

function run(element: Element): void {
  const draw = waiting.get(element);
  waiting.delete(element);
  observer.unobserve(element);
  draw?.();
}

// On paper everything is in view; what is drawn may ask for more.
addEventListener("beforeprint", () => {
  while (waiting.size > 0) for (const element of [...waiting.keys()]) run(element);
});
