// Facts to words, as the CLI has them (cli/base/quantities.cpp). Whatever a target says of itself goes through shown().

// Control characters, and those that reorder, hide or join what stands beside them.
// eslint-disable-next-line no-control-regex
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Foreign text as text: what cannot be seen is written as ‹U+202E›, and beyond `most` characters it is cut. */
export function shown(text: unknown, most = 240): string {
  let all = String(text ?? '');
  if (all.length > most) all = all.slice(0, most) + '…';
  return all.replace(unseen, c => `‹U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}›`);
}

export function thousands(number: number): string {
  const digits = String(Math.round(number));
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

export function count(number: number, one: string, many = one + 's'): string {
  return `${thousands(number)} ${number === 1 ? one : many}`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** 3m34s; at most two units. */
export function age(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '-';
  const s = Math.floor(Math.max(0, seconds));
  if (s < 1) return '<1s';
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

export function bytes(number: number | null | undefined): string {
  if (number === null || number === undefined) return '-';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = number,
    unit = 0;
  for (; value >= 1024 && unit + 1 < units.length; ++unit) value /= 1024;
  return unit === 0 ? `${number} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** 8 ms, 1.2 s */
export function span(seconds: number): string {
  if (seconds < 1) return `${seconds < 0.00995 ? (seconds * 1000).toFixed(1) : Math.round(seconds * 1000)} ms`;
  return seconds < 99.5 ? `${seconds.toFixed(1)} s` : age(seconds);
}

/** 2026-01-31 12:30:05, of this browser's clock and zone. */
export function clock(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export const baseName = (path: string | undefined) => (path ?? '').slice((path ?? '').lastIndexOf('/') + 1);

/** CHANNEL_RECEIVE, channel-receive → channel receive */
export const words = (name: string | undefined | null) => (name ?? '').toLowerCase().replace(/[_-]/g, ' ');

/** What `kind=` and `state=` take: channel-receive. */
export const option = (name: string | undefined | null) => words(name).replace(/ /g, '-');

/** A class of waits, each of which has a colour: channel, timer, socket, tasks, running, other. */
export function hue(what: string): string {
  const first = words(what).split(/[ ,]/)[0];
  if (first === 'descriptor' || first === 'pipe' || first === 'file') return 'descriptor';
  return ['channel', 'timer', 'socket', 'tasks', 'running', 'ready', 'resolve', 'signal', 'post'].includes(first)
    ? first
    : 'other';
}

/** `text` as a regular expression for just that. Of more than 300 characters the first: a URL has bounds. */
export const literally = (text: string) => text.slice(0, 300).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
