/** Functions that run in the page, each whole in itself: Playwright carries their text across. */

export interface Wanted {
  /** Names of the button to press, the first that is there; `|` between them. */
  readonly click: string;
  /** What has to be there at the end: a first-level heading or a button with this text. */
  readonly heading?: string;
  readonly button?: string;
}

/** Presses a button and gives the seconds until a frame shows what is wanted. */
export function secondsUntil({ click, heading, button }: Wanted): Promise<number> {
  const named = (selector: string, names: readonly string[]): HTMLElement | undefined =>
    [...document.querySelectorAll<HTMLElement>(selector)].find((element) => names.includes(element.innerText.trim()));
  const isThere = (): boolean =>
    heading === undefined ? named('button', [button ?? '']) !== undefined : named('h1', [heading]) !== undefined;
  const pressed = named('button', click.split('|'));
  if (!pressed) throw new Error(`There is no button ${click}.`);
  const started = performance.now();
  pressed.click();
  return new Promise((resolve) => {
    const look = (): void => {
      if (isThere()) resolve((performance.now() - started) / 1000);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

/** Presses the row with this text and gives the seconds until the page shows what each selector finds, in turn. */
export function secondsUntilShown({
  row,
  selectors,
}: {
  readonly row: string;
  readonly selectors: readonly string[];
}): Promise<number[]> {
  const pressed = [...document.querySelectorAll<HTMLElement>('[role=row]')].find((one) => one.innerText.includes(row));
  if (!pressed) throw new Error(`There is no row ${row}.`);
  const started = performance.now();
  pressed.click();
  return new Promise((resolve) => {
    const seconds: number[] = [];
    const look = (): void => {
      while (seconds.length < selectors.length && document.querySelector(selectors[seconds.length]!)) {
        seconds.push((performance.now() - started) / 1000);
      }
      if (seconds.length === selectors.length) resolve(seconds);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

export interface Frames {
  readonly count: number;
  /** Frames that came more than 20 ms after the one before. */
  readonly slow: number;
  readonly longest: number;
}

/** Scrolls an area by so many pixels a frame, from its top, and watches the time between frames. */
export function framesWhile(request: {
  readonly area: string;
  readonly pixels: number;
  readonly milliseconds: number;
}): Promise<Frames> {
  const element = document.querySelector(request.area);
  if (!element) throw new Error(`There is no ${request.area}.`);
  element.scrollTop = 0;
  return new Promise((resolve) => {
    const times: number[] = [];
    const step = (now: number): void => {
      times.push(now);
      element.scrollTop += request.pixels;
      if (now - times[0]! < request.milliseconds) {
        requestAnimationFrame(step);
        return;
      }
      const gaps = times.slice(1).map((time, i) => time - times[i]!);
      resolve({ count: gaps.length, slow: gaps.filter((gap) => gap > 20).length, longest: Math.max(...gaps) });
    };
    // Not the first frame: it draws the jump to the top.
    requestAnimationFrame(() => requestAnimationFrame(step));
  });
}
