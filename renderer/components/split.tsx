import type { ReactNode } from 'react';
import { Group, Panel, Separator, useDefaultLayout } from 'react-resizable-panels';
import styles from './split.module.css';

interface SplitProps {
  /** Under which the sizes are remembered. */
  readonly id: string;
  readonly children: ReactNode;
  /** The panel at the right; absent: all is the left one's. */
  readonly side?: ReactNode;
  /** In pixels. */
  readonly sideSize: number;
  readonly leastSide: number;
}

/** Two panels side by side, whose border can be moved and stays where it was. */
export function Split({ id, children, side, sideSize, leastSide }: SplitProps) {
  const { defaultLayout, onLayoutChanged } = useDefaultLayout({ id });
  return (
    <Group className={styles.split} {...(defaultLayout && { defaultLayout })} onLayoutChanged={onLayoutChanged}>
      <Panel id="main" minSize="320px" className={styles.main}>
        {children}
      </Panel>
      {side !== undefined && (
        <>
          <Separator className={styles.separator} />
          <Panel id="side" defaultSize={`${sideSize}px`} minSize={`${leastSide}px`} className={styles.side}>
            {side}
          </Panel>
        </>
      )}
    </Group>
  );
}
