import type { ReactNode } from 'react';
import type { AdapterModule, UpdateNorm } from '../../src-core/index.ts';
import type { MapItem } from '../values/layer-map.ts';
import { figureText } from '../values/layer-picture.tsx';

interface NormItem extends MapItem {
  readonly module: AdapterModule;
}

/** The modules of an adapter with their norms, as far as these are known. */
export function normItems(modules: readonly AdapterModule[], norms: readonly UpdateNorm[]): NormItem[] {
  const byModule = new Map(norms.map(({ module, norm }) => [module, norm]));
  return modules.map((module) => {
    const { module: name, layer, kind } = module;
    return { name, layer, kind, value: byModule.get(name) ?? null, module };
  });
}

/** What is told of one module. */
export function normReadout({ name, value, module }: NormItem, most: number): ReactNode {
  const share = value !== null && most > 0 ? `, ${Math.round((value / most) * 100)} % of the largest` : '';
  return (
    <>
      <span className="mono">{name}</span>{' '}
      {value === null ? 'norm not known' : `‖scaling · B·A‖ = ${figureText(value)}${share}`} · rank {module.rank}
      {module.scaling !== null && `, scaling ${Number(module.scaling.toPrecision(5))}`}
    </>
  );
}
