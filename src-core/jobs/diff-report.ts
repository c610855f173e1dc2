import { formatBytes, formatDuration, formatPlural, formatShape } from '../units.ts';
import type { DiffResult, DiffRow, DiffStatus } from './diff.ts';

const WORDS: Readonly<Record<DiffStatus, string>> = {
  different: 'different',
  'shape-differs': 'another shape',
  'only-left': 'only on the left',
  'only-right': 'only on the right',
  equal: 'equal values',
  identical: 'identical',
};

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --quiet: #888; --strong: #b04200; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin-top: 2rem; }
code, td.n { font-family: ui-monospace, monospace; font-size: 12px; }
dl { display: flex; gap: 2rem; flex-wrap: wrap; } dt { color: var(--quiet); } dd { margin: 0; font-size: 1.3rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th.r, td.r { text-align: right; } td.n { overflow-wrap: anywhere; } p.quiet { color: var(--quiet); }
svg text { font: 11px ui-monospace, monospace; fill: currentColor; } svg rect { stroke: var(--line); }
`;

/**
 * What a comparison found as one HTML file that opens anywhere: no scripts, nothing loaded from elsewhere, which its content security
 * policy makes sure of. Names come from files and are escaped.
 */
export function diffReportHtml(result: DiffResult): string {
  const { left, right, rows, counts, leftOut, bytes, seconds } = result;
  const facts = (Object.keys(WORDS) as DiffStatus[])
    .filter((status) => counts[status] > 0)
    .map((status) => `<div><dt>${WORDS[status]}</dt><dd>${counts[status]}</dd></div>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Shardloom: a comparison</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(answerOf(result))}</h1>
<p>Left <code>${escaped(left)}</code><br>Right <code>${escaped(right)}</code></p>
<dl>${facts.join('')}</dl>
<p class="quiet">${formatBytes(bytes)} on both sides compared in ${formatDuration(seconds)}.${leftOut.length > 0 ? ` Not compared: ${escaped(leftOut.join(', '))}.` : ''}</p>
${heatmap(rows)}
<h2>${formatPlural(rows.length, 'tensor')}, what moved most first</h2>
<table>
<thead><tr><th>Tensor</th><th>What</th><th class="r">Changed</th><th class="r">Relative norm</th><th class="r">Cosine</th><th class="r">Largest</th><th class="r">Mean</th><th>Where</th></tr></thead>
<tbody>
${rows.map(tableRow).join('\n')}
</tbody>
</table>
</body>
</html>
`;
}

/** A comparison in one sentence. */
export function answerOf({ rows, counts }: Pick<DiffResult, 'rows' | 'counts'>): string {
  const same = counts.identical + counts.equal;
  if (same === rows.length) {
    return counts.equal === 0
      ? `All ${formatPlural(rows.length, 'tensor')} are identical, byte for byte.`
      : `All ${formatPlural(rows.length, 'tensor')} hold the same values.`;
  }
  const parts = [
    counts.different > 0 && `${counts.different} ${counts.different === 1 ? 'differs' : 'differ'}`,
    counts['shape-differs'] > 0 && `${counts['shape-differs']} have another shape`,
    counts['only-left'] > 0 && `${counts['only-left']} are only on the left`,
    counts['only-right'] > 0 && `${counts['only-right']} are only on the right`,
  ].filter((part) => part !== false);
  return `Of ${formatPlural(rows.length, 'tensor')}, ${parts.join(', ')}.`;
}

function tableRow({ name, status, left, right, values }: DiffRow): string {
  const cell = (text: string): string => `<td class="r">${text}</td>`;
  const kinds = [left, right].map((side) => (side ? `${side.dtype} ${formatShape(side.shape)}` : 'not there'));
  const what = kinds[0] === kinds[1] || !left || !right ? WORDS[status] : `${WORDS[status]}: ${kinds.join(' and ')}`;
  const figures =
    values && status === 'different'
      ? [
          `${values.changed} of ${values.elements}`,
          figure(values.relativeNorm),
          figure(values.cosine, 9),
          figure(values.maxAbs),
          figure(values.meanAbs),
        ]
      : ['', '', '', '', ''];
  return `<tr><td class="n">${escaped(name)}</td><td>${escaped(what)}</td>${figures.map(cell).join('')}<td>${escaped(placeOf(values))}</td></tr>`;
}

function placeOf(values: DiffRow['values']): string {
  const place = values?.largest;
  if (!place) return '';
  const rank = place.rank ? `, TP rank ${place.rank.tp}, stage ${place.rank.pp}` : '';
  return `[${place.at.join(', ')}]${rank}${place.head ? `, ${place.head}` : ''}`;
}

const CELL = 22;
const LEFT = 90;

/** Relative change as layers to the right and kinds of weights down, on a logarithmic scale. */
function heatmap(rows: readonly DiffRow[]): string {
  const cells = rows.flatMap(({ name, values }) => {
    const match = /(?:^|\.)layers\.(\d+)\.(.+)\.weight$/.exec(name);
    return match && values ? [{ layer: Number(match[1]), kind: match[2]!, name, moved: values.relativeNorm ?? 0 }] : [];
  });
  if (cells.every(({ moved }) => moved === 0)) return '';
  const kinds = [...new Set(cells.map(({ kind }) => kind))].sort();
  const layers = [...new Set(cells.map(({ layer }) => layer))].sort((a, b) => a - b);
  const most = Math.max(...cells.map(({ moved }) => moved));
  const rects = cells.map(({ layer, kind, name, moved }) => {
    const share = moved === 0 ? 0 : Math.max(0.08, 1 + Math.log10(moved / most) / 4);
    const at = `x="${LEFT + layers.indexOf(layer) * CELL}" y="${20 + kinds.indexOf(kind) * CELL}"`;
    return `<rect ${at} width="${CELL - 2}" height="${CELL - 2}" fill="#b04200" fill-opacity="${share.toFixed(3)}"><title>${escaped(name)}: ${figure(moved)}</title></rect>`;
  });
  const labels = [
    ...layers.map((layer, index) => {
      const shown = layers.length <= 40 || index % 5 === 0 ? layer : '';
      return `<text x="${LEFT + index * CELL + CELL / 2}" y="12" text-anchor="middle">${shown}</text>`;
    }),
    ...kinds.map((kind, index) => {
      const short = kind.slice(kind.lastIndexOf('.') + 1).slice(0, 14);
      return `<text x="${LEFT - 6}" y="${20 + index * CELL + 14}" text-anchor="end">${escaped(short)}</text>`;
    }),
  ];
  const [width, height] = [LEFT + layers.length * CELL, 20 + kinds.length * CELL];
  return `<h2>Relative change, layers to the right</h2>
<p class="quiet">Norm of the difference by that of the left side; the darkest is ${figure(most)}, each tenth of that a step lighter.</p>
<svg width="${width}" height="${height}" role="img" aria-label="Relative change by layer and kind of weight">${labels.join('')}${rects.join('')}</svg>`;
}

function figure(value: number | null, digits = 4): string {
  return value === null ? 'none' : String(Number(value.toPrecision(digits)));
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
