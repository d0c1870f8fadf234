// What a task waits for, in words, as the CLI's brackets have it.
import {age, shown, words} from '../format';
import type {Wait} from '../types';

export function waitWords(wait: Wait | null | undefined, state?: string): string {
  if (!wait) return words(state) || 'not known';
  let kind = words(wait.kind);
  if (kind.startsWith('descriptor') && (wait.fdKind === 'pipe' || wait.fdKind === 'file'))
    kind = kind.replace('descriptor', wait.fdKind);
  if (kind === 'other' && wait.operation) kind = shown(wait.operation);
  return kind;
}

export function waitDetails(wait: Wait | null | undefined): string {
  if (!wait) return '';
  const all: string[] = [];
  const kind = words(wait.kind);
  if (wait.fd !== null && wait.fd !== undefined)
    all.push(
      `fd ${wait.fd}${wait.peer ? ` ${shown(wait.peer)}` : wait.localAddress ? ` at ${shown(wait.localAddress)}` : ''}`,
    );
  if (wait.object && kind.startsWith('channel')) all.push(`channel ${shown(wait.object)}`);
  if (wait.capacity !== null && wait.capacity !== undefined) all.push(`capacity ${wait.capacity}`);
  if (wait.expiresInSeconds !== null && wait.expiresInSeconds !== undefined)
    all.push(
      wait.expiresInSeconds < 0
        ? `expired ${age(-wait.expiresInSeconds)} ago`
        : `expires in ${age(wait.expiresInSeconds)}`,
    );
  if (wait.neverExpires) all.push('never expires');
  if (wait.hasTimeout)
    all.push(
      wait.timesOutInSeconds !== null && wait.timesOutInSeconds !== undefined
        ? `times out in ${age(wait.timesOutInSeconds)}`
        : 'with a time-out',
    );
  if (wait.unreadBytes) all.push(`${wait.unreadBytes} B unread`);
  if (wait.shutDown) all.push('shut down');
  if (wait.operation && kind !== 'other') all.push(shown(wait.operation));
  return all.join(', ');
}
