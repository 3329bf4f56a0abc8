// localStorage that never throws: it may be off, full, or hold what an older page left.

/** The name under which localStorage keeps it. */
export const storageKey = (key: string): string => `parley.${key}`

export function stored<T>(key: string, isValid: (value: unknown) => value is T): T | undefined {
  try {
    const text = localStorage.getItem(storageKey(key))
    const value: unknown = text === null ? undefined : JSON.parse(text)
    return isValid(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Stores a value; `undefined` removes it. Says whether the value is now kept. */
export function store(key: string, value: unknown): boolean {
  try {
    if (value === undefined) localStorage.removeItem(storageKey(key))
    else localStorage.setItem(storageKey(key), JSON.stringify(value))
    return true
  } catch {
    return false
  }
}

export const isString = (value: unknown): value is string => typeof value === 'string'
