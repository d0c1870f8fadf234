// A value that components follow.
import {useEffect, useState} from 'preact/hooks';

export interface Signal<T> {
  get(): T;
  set(value: T): void;
  watch(heard: () => void): () => void;
}

export function signal<T>(value: T): Signal<T> {
  const heard = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      heard.forEach(each => each());
    },
    watch(each) {
      heard.add(each);
      return () => heard.delete(each);
    },
  };
}

export function useSignal<T>(from: Signal<T>): T {
  const [, again] = useState(0);
  useEffect(() => {
    const seen = from.get();
    const stop = from.watch(() => again(n => n + 1));
    if (!Object.is(seen, from.get())) again(n => n + 1);
    return stop;
  }, [from]);
  return from.get();
}
