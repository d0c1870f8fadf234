// What is shown, in the URL's fragment: #/p/9575/groups?filter=timer&sort=count. A token in it is taken, and removed, at once.
import {setToken} from './api';
import {signal, useSignal} from './signal';

export interface Route {
  pid: number | null;
  view: string;
  options: Record<string, string>;
}

function parse(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/');
  const options: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) options[name] = value;
  if (parts[0] === 'p' && /^\d{1,10}$/.test(parts[1] ?? ''))
    return {pid: Number(parts[1]), view: parts[2] || 'groups', options};
  return {pid: null, view: 'processes', options};
}

export function href(route: {
  pid?: number | null;
  view?: string;
  options?: Record<string, string | number | undefined>;
}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(route.options ?? {}))
    if (value !== undefined && value !== '') query.set(name, String(value));
  const text = query.toString();
  return (route.pid ? `#/p/${route.pid}/${route.view ?? 'groups'}` : '#/') + (text ? `?${text}` : '');
}

const given = /^#token=([^&]*)&?(.*)$/.exec(location.hash);
if (given) {
  setToken(decodeURIComponent(given[1]));
  history.replaceState(null, '', location.pathname + location.search + (given[2] ? `#${given[2]}` : '#/'));
}

const current = signal<Route>(parse(location.hash));
addEventListener('hashchange', () => current.set(parse(location.hash)));
addEventListener('popstate', () => current.set(parse(location.hash)));

export const useRoute = () => useSignal(current);
export const route = () => current.get();

/** `replace`: the back button does not lead to what was before, as while somebody types. */
export function go(to: string, replace = false) {
  if (to === location.hash) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  current.set(parse(to));
}

export function setOptions(change: Record<string, string | number | undefined>, replace = true) {
  const {pid, view, options} = current.get();
  go(href({pid, view, options: {...options, ...change}}), replace);
}
