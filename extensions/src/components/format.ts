/** Values as people read them. */

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes with three digits at most and a decimal prefix. */
export function bytes(count: number): string {
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < BYTES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 99.95 ? Number(value.toFixed(1)) : Math.round(value)} ${BYTES[unit]}`;
}

/** Seconds as "4 s", "3 min 20 s" or "2 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  return whole < 3600
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The days of a period; whole years as years. */
export function period(start: string | null, end: string | null): string {
  const [first, last] = [start?.slice(0, 10) ?? '', end?.slice(0, 10) ?? ''];
  if (!first && !last) {
    return '';
  }
  if ((!first || first.endsWith('-01-01')) && (!last || last.endsWith('-12-31'))) {
    const [from, to] = [first.slice(0, -6) || '…', last.slice(0, -6) || '…'];
    return from === to ? from : `${from} – ${to}`;
  }
  return first === last ? first : `${first || '…'} – ${last || '…'}`;
}

/** A box as longitudes and latitudes. */
export function extent(box: number[] | null): string {
  if (!box || (box.length !== 4 && box.length !== 6)) {
    return '';
  }
  const half = box.length / 2;
  const degrees = (value: number, names: string) =>
    value === 0 ? '0°' : `${Number(Math.abs(value).toFixed(2))}°\u00a0${names[value < 0 ? 0 : 1]}`;
  const range = (axis: number, names: string) =>
    `${degrees(box[axis]!, names)}\u00a0– ${degrees(box[axis + half]!, names)}`;
  return `${range(0, 'WE')}, ${range(1, 'SN')}`;
}

/** A moment in the reader's own time zone. */
export function moment(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? iso
    : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** "1 dataset", "1,204 datasets". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
