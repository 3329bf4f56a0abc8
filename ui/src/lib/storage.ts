// localStorage that never throws: it may be off, full, or hold what an older page left.
import { onScopeDispose } from 'vue'

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

/** The stored keys that begin so. */
export function storedKeys(prefix: string): string[] {
  try {
    return Object.keys(localStorage)
      .filter((name) => name.startsWith(storageKey(prefix)))
      .map((name) => name.slice(storageKey('').length))
  } catch {
    return []
  }
}

/** Tells of each value that another tab has stored or removed (undefined) under a key that begins so. */
export function useStored(prefix: string, onChange: (key: string, value: unknown) => void): void {
  const listener = (event: StorageEvent): void => {
    if (!event.key?.startsWith(storageKey(prefix))) return
    let value: unknown
    try {
      value = event.newValue === null ? undefined : JSON.parse(event.newValue)
    } catch {
      value = undefined
    }
    onChange(event.key.slice(storageKey('').length), value)
  }
  addEventListener('storage', listener)
  onScopeDispose(() => removeEventListener('storage', listener))
}

export const isString = (value: unknown): value is string => typeof value === 'string'
