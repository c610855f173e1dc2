import { useElementSize } from '@mantine/hooks';
import clsx from 'clsx';
import { Fragment } from 'react';
import styles from './middle-name.module.css';
import { shortName } from './short-name.ts';

/** How wide a character of JetBrains Mono is at 12 px: 600 of 1000 units. */
const CHARACTER = 7.2;

/** How many characters of a name have room in so many pixels. */
export function charactersIn(pixels: number): number {
  return Math.floor(pixels / CHARACTER);
}

interface ShortenedProps {
  readonly text: string;
  /** What is shown of it. */
  readonly short: string;
}

/** A text of which a part is shown: whole on hover, when it is copied, and for screen readers. */
export function Shortened({ text, short }: ShortenedProps) {
  if (short === text) return <span className={clsx(styles.short, 'mono')}>{text}</span>;
  return (
    <span className={clsx(styles.short, 'mono')} title={text}>
      <span className={styles.whole}>{text}</span>
      <span aria-hidden>{short}</span>
    </span>
  );
}

/** A name that is never shortened: a line ends behind one of its parts. */
export function WholeName({ name }: { readonly name: string }) {
  return name.split(/(?<=\.)/).map((part, index) => (
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

interface TensorNameProps {
  readonly name: string;
  /** An element's index behind the name, which is never shortened. */
  readonly index?: readonly number[];
}

/** A parameter's or tensor's name in the width that there is, shortened by its parts. Tables, which know the width, need none of it. */
export function TensorName({ name, index }: TensorNameProps) {
  const { ref, width } = useElementSize<HTMLSpanElement>();
  const at = index ? `[${index.join(', ')}]` : '';
  return (
    <span className={styles.fitted} ref={ref}>
      <Shortened text={name + at} short={shortName(name, charactersIn(width) - at.length) + at} />
    </span>
  );
}
