// What a filter is.

/** Every word is somewhere in `text`, none of those with a - before them is. */
export function matches(filter: string | undefined, text: string): boolean {
  if (!filter) return true;
  const lower = text.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every(word => (word.length > 1 && word[0] === '-' ? !lower.includes(word.slice(1)) : lower.includes(word)));
}
