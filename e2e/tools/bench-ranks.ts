import { largeTensor, sample } from '../../bench/models.ts';
import { inApp, inSeconds, open } from './bench-window.ts';
import { framesWhile, secondsUntilShown } from './in-page.ts';

/** The first and the whole picture of a large tensor, and pointing at regions of a layout. */
export async function lookingAtRanks(root: string, runs: number): Promise<void> {
  await firstPicture(await largeTensor(root), runs);
  await hovering(await sample(root, 'layout', 32, 1, true));
}

async function firstPicture(checkpoint: string, runs: number): Promise<void> {
  const first: number[] = [];
  const whole: number[] = [];
  await inApp(async (window) => {
    const { page } = window;
    await open(window, checkpoint);
    await page.getByRole('button', { name: 'Shards', exact: true }).click();
    await page.locator('canvas').waitFor();
    for (let i = 0; i <= runs; i++) {
      // Another tensor first, so that the picture is a new one.
      await page.getByRole('row', { name: /model\.norm/ }).click();
      await page.locator('canvas[data-picture="whole"]').waitFor();
      const selectors = [
        ':is(canvas[data-picture="first"], canvas[data-picture="whole"])',
        'canvas[data-picture="whole"]',
      ];
      const [one, all] = await page.evaluate(secondsUntilShown, { row: 'lm_head', selectors });
      if (i === 0) continue;
      first.push(one!);
      whole.push(all!);
    }
  });
  console.log('heatmap of 32,000 × 4,096 in bfloat16, in the window');
  console.log(`  first picture            ${inSeconds(first)}   aim: 0.2 s`);
  console.log(`  every element seen       ${inSeconds(whole)}`);
}

async function hovering(checkpoint: string): Promise<void> {
  await inApp(async (window) => {
    const { page } = window;
    await open(window, checkpoint);
    await page.getByRole('button', { name: 'Layout', exact: true }).click();
    const regions = page.locator('svg [data-block]');
    await regions.first().waitFor();
    const [from, to] = [await regions.first().boundingBox(), await regions.last().boundingBox()];
    const watching = page.evaluate(framesWhile, { area: 'body', pixels: 0, milliseconds: 4_000 });
    await page.mouse.move(from!.x + 20, from!.y + 2);
    await page.mouse.move(to!.x + 20, to!.y + 2, { steps: 150 });
    await page.mouse.move(from!.x + 20, from!.y + 2, { steps: 150 });
    const { count, slow, longest } = await watching;
    console.log(`pointing at ${await regions.count()} regions of a layout, TP 32: frames over 20 ms   aim: none`);
    console.log(`  while moving             ${slow} of ${count}, longest ${longest.toFixed(0)} ms`);
  });
}
