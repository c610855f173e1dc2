import { AxeBuilder } from '@axe-core/playwright';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { artifact } from './app-under-test.ts';

const SIZES = [
  [1280, 800],
  [1920, 1080],
] as const;

/** Gives the window's content this size and waits until the page has it. */
export async function resize(app: ElectronApplication, page: Page, width: number, height: number): Promise<void> {
  await app.evaluate(({ BrowserWindow }, [w, h]) => BrowserWindow.getAllWindows()[0]?.setContentSize(w, h), [
    width,
    height,
  ] as const);
  await page.waitForFunction(([w, h]) => innerWidth === w && innerHeight === h, [width, height] as const);
}

/** Pictures of what the window shows in both themes and two sizes, kept as artifacts; axe must find nothing serious in any. */
export async function look(app: ElectronApplication, page: Page, name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.evaluate((chosen) => window.shardloom.request('app:change-settings', { theme: chosen }), theme);
    await expect(page.locator(`html[data-mantine-color-scheme=${theme}]`)).toBeAttached();
    for (const [width, height] of SIZES) {
      await resize(app, page, width, height);
      // Pictures of things that fade in would show them half-way.
      await page.waitForTimeout(350);
      await page.screenshot({ path: artifact(`${name}-${theme}-${width}.png`) });
    }
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(
      serious.map(({ id, nodes }) => `${name} ${theme} ${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    ).toEqual([]);
  }
}
