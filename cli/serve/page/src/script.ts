/** This script's own address, which is known only while it begins: the worker is made of it. */
export const script =
  typeof document === 'undefined' ? '' : ((document.currentScript as HTMLScriptElement | null)?.src ?? '');
