import { useHotkeys } from '@mantine/hooks';
import { openByDialog } from '../actions.ts';
import { NUMBERED_PLACES, showPlace } from '../stores/session.ts';

/** Puts the cursor into the filter of the place, where it has one. */
export function focusFilter(): void {
  const filter = document.querySelector<HTMLInputElement>('[data-filter]');
  filter?.focus();
  filter?.select();
}

/** Keys that work everywhere. The native menu has the same ones; where it is hidden or missing the page listens itself. */
export function useKeys(): void {
  useHotkeys(
    [
      ['mod+O', () => void openByDialog()],
      ['mod+F', focusFilter],
      ...NUMBERED_PLACES.map((place, index): [string, () => void] => [
        `mod+${index + 1}`,
        () => {
          showPlace(place);
        },
      ]),
    ],
    [],
  );
}
