import type { AdapterDetail } from '../../src-core/index.ts';
import styles from './adapters.module.css';
import { fieldText } from './words.ts';

/** adapter_config.json in both worlds, field by field; what differs is marked. */
export function ConfigCompare({ detail: { original, neuron, problem } }: { readonly detail: AdapterDetail }) {
  if (!original) return <p className="quiet">{problem}</p>;
  const fields = Object.keys(original);
  const differs = (field: string): boolean =>
    neuron !== null && fieldText(neuron[field]) !== fieldText(original[field]);
  const changed = fields.filter(differs);
  return (
    <>
      <p className="quiet">
        {neuron === null
          ? `What training calls these modules cannot be said. ${problem}`
          : changed.length === 0
            ? 'Nothing that the adapter targets is fused in training: the config is the same on both sides.'
            : `Training fuses linears, so ${changed.join(', ')} differ. What is exported is the right side.`}
      </p>
      <div className={styles.tableScroll} tabIndex={0} role="region" aria-label="Config">
        <table className={styles.config}>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">In training (Neuron model)</th>
              <th scope="col">Exported (original model)</th>
            </tr>
          </thead>
          <tbody>
            {[...fields]
              .sort((a, b) => Number(differs(b)) - Number(differs(a)))
              .map((field) => (
                <tr key={field} data-changed={differs(field) || undefined}>
                  <th scope="row">
                    {field}
                    {differs(field) && <span className={styles.changed}>changed</span>}
                  </th>
                  <td>{neuron && fieldText(neuron[field])}</td>
                  <td>{fieldText(original[field])}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
