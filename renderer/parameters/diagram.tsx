import { useElementSize } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import type { Rect } from '../../src-core/inspect/drawing/boxes.ts';
import { layoutParameterDiagram } from '../../src-core/inspect/drawing/parameter-diagram.ts';
import type { ParameterDetail } from '../../src-core/index.ts';
import { formatShape } from '../../src-core/units.ts';
import styles from './panel.module.css';

const HEIGHT = 220;

interface DiagramProps {
  readonly detail: ParameterDetail;
  /** In pixels. */
  readonly height?: number;
}

/** Where the parameter's boxes lie on the ranks: pointing at one shows its counterpart on the other side. */
export function Diagram({ detail, height = HEIGHT }: DiagramProps) {
  const { ref, width } = useElementSize();
  const [source, setSource] = useState<number | null>(null);
  const { row, sources, regions, regionCount } = detail;
  const diagram = useMemo(
    () => (width > 0 ? layoutParameterDiagram({ shape: row.shape, sources, regions }, { width, height }) : null),
    [row.shape, sources, regions, width, height],
  );
  const pointed = source === null ? null : sources[source];
  return (
    <figure className={styles.diagram} ref={ref}>
      <div className={styles.diagramHead} aria-hidden>
        <span>original, {formatShape(row.shape)}</span>
        <span>{sources.length === 1 ? 'one rank' : `${sources.length} ranks`}</span>
      </div>
      {diagram && (
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={`The original parameter on the left, the tensors of ${sources.length} ranks on the right`}
          onMouseLeave={() => {
            setSource(null);
          }}
        >
          <Box rect={diagram.original} className={styles.outline} />
          {diagram.ranks.map((rect, index) => (
            <Box key={index} rect={rect} className={styles.outline} />
          ))}
          {diagram.pieces.map((piece, index) => (
            <g
              key={index}
              className={styles.piece}
              data-category={(piece.source % 8) + 1}
              data-faded={(source !== null && source !== piece.source) || undefined}
              onMouseEnter={() => {
                setSource(piece.source);
              }}
            >
              <Box rect={piece.original} />
              <Box rect={piece.rank} />
            </g>
          ))}
          {diagram.ranks.map((rect, index) => (
            <RankNumber key={index} rect={rect} tp={sources[index]?.rank?.tp ?? index} />
          ))}
        </svg>
      )}
      <figcaption>
        {pointed
          ? `TP rank ${pointed.rank?.tp ?? 0}: ${pointed.name}, ${formatShape(pointed.shape)}`
          : `Colours are ranks${sources.length > 8 ? ', the same again after eight' : ''}; empty parts hold other parameters.${regionCount > regions.length ? ` The first ${regions.length} of ${regionCount} boxes are drawn.` : ''}`}
      </figcaption>
    </figure>
  );
}

function Box({ rect, className }: { readonly rect: Rect; readonly className?: string | undefined }) {
  return <rect {...rect} className={className} />;
}

/** The rank's number, where there is room for it. */
function RankNumber({ rect, tp }: { readonly rect: Rect; readonly tp: number }) {
  if (rect.width < 20 || rect.height < 16) return null;
  return (
    <text
      className={styles.rankNumber}
      x={rect.x + rect.width / 2}
      y={rect.y + rect.height / 2}
      dy="0.36em"
      textAnchor="middle"
    >
      {tp}
    </text>
  );
}
