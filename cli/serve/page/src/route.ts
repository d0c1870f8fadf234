// What is shown, in the URL's fragment: #/p/9575/groups?filter=timer&sort=count, of a recording #/r/ID@3/p/9575/…, its third snapshot. A token in it is taken, and removed, at once.
import {replayed, setToken} from './api';
import {signal, useSignal} from './signal';

export interface Route {
  /** Of a recording, with the snapshot behind an @. */
  replay: string | null;
  pid: number | null;
  view: string;
  options: Record<string, string>;
}

function parse(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/');
  const options: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) options[name] = value;
  const replay = parts[0] === 'r' && /^[0-9a-f]{32}(@[-\w:]{1,30})?$/.test(parts[1] ?? '') ? parts[1] : null;
  if (replay) parts.splice(0, 2);
  if (parts[0] === 'p' && /^\d{1,10}$/.test(parts[1] ?? ''))
    return {replay, pid: Number(parts[1]), view: parts[2] || 'groups', options};
  return {replay, pid: null, view: 'processes', options};
}

/** `replay`: without it what is looked at now, a recording or not. */
export function href(route: {
  replay?: string | null;
  pid?: number | null;
  view?: string;
  options?: Record<string, string | number | undefined>;
}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(route.options ?? {}))
    if (value !== undefined && value !== '') query.set(name, String(value));
  const text = query.toString();
  const replay = route.replay === undefined ? current.get().replay : route.replay;
  return (
    `#/${replay ? `r/${replay}/` : ''}${route.pid ? `p/${route.pid}/${route.view ?? 'groups'}` : ''}` +
    (text ? `?${text}` : '')
  );
}

const given = /^#token=([^&]*)&?(.*)$/.exec(location.hash);
if (given) {
  setToken(decodeURIComponent(given[1]));
  history.replaceState(null, '', location.pathname + location.search + (given[2] ? `#${given[2]}` : '#/'));
}

function entered(hash: string): Route {
  const made = parse(hash);
  const [id, at] = made.replay?.split('@') ?? [];
  replayed.id = id ?? null;
  replayed.at = at ?? '';
  return made;
}

const current = signal<Route>(entered(location.hash));
addEventListener('hashchange', () => current.set(entered(location.hash)));
addEventListener('popstate', () => current.set(entered(location.hash)));

export const useRoute = () => useSignal(current);
export const route = () => current.get();

/** `replace`: the back button does not lead to what was before, as while somebody types. */
export function go(to: string, replace = false) {
  if (to === location.hash) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  current.set(entered(to));
}

export function setOptions(change: Record<string, string | number | undefined>, replace = true) {
  const {pid, view, options} = current.get();
  go(href({pid, view, options: {...options, ...change}}), replace);
}
