/** Lines as comma-separated values, saved by the browser alone. */
import { type LineSpec, valueAt } from './lines';

const BOM = '\ufeff';

export function csvOf({ axis, positions, lines, units }: LineSpec): string {
  const titled = (name: string, of: string) => (of ? `${name} (${of})` : name);
  const head = [titled(axis.dim || axis.title, axis.units), ...lines.map(l => titled(l.label, units))];
  const rows = [head.map(quoted).join(',')];
  for (let i = 0; i < positions.length; i++) {
    const place = axis.labels ? quoted(axis.labels[i]) : String(positions[i]);
    const values = lines.map(line => valueAt(line, positions, i));
    rows.push([place, ...values.map(v => (Number.isNaN(v) ? '' : String(v)))].join(','));
  }
  return rows.join('\r\n') + '\r\n';
}

/** A text that a spreadsheet takes for no formula. */
function quoted(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

export function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([BOM + text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replace(/[^\w.-]+/g, '-');
  link.click();
  // The browser reads the blob after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
